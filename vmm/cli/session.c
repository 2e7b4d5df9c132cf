/* SPDX-License-Identifier: MPL-2.0 */
/* What all commands that inspect a guest share: see session.h. */
#include "cli/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "kind/registry.h"
#include "cli/output.h"
#include "memory/rcu.h"
#include "source/boot_wait.h"
#include "source/source_open.h"

/* How often to look for a booting guest; boot_wait.h bounds the wait. */
#define BOOT_RETRY_NS (5 * NS_PER_MS)

enum option_key {
	KEY_JSON = 0x200, /* no letter */
};

static const struct argp_option options_table[] = {
	{"json", KEY_JSON, NULL, 0, "as one JSON object", 0},
	{0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct session_options *options = state->input;

	switch (key) {
	case KEY_JSON:
		options->json = true;
		break;
	case ARGP_KEY_ARG:
		if (options->vm)
			argp_error(state, "unexpected argument \"%s\": one VM is enough", text);
		options->vm = text;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp vm_parser = {
	.options = options_table,
	.parser = parse_option,
	.args_doc = "[VM]",
};

const struct argp_child session_children[] = {{&vm_parser, 0, NULL, 0}, {0}};

void session_parse(struct session_options *options, const char *doc, int argc, char **argv)
{
	const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "[VM]",
		.doc = doc,
	};

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, options);
}

int session_refuse(int result, const struct error *err)
{
	fprintf(stderr, "pagevisor: %s\n", err->text);
	if (result == -ENODATA)
		return STATUS_GUEST;
	return result == -EINVAL ? STATUS_BAD_INPUT : STATUS_REFUSED;
}

int session_lost(const struct source *source, const char *what)
{
	bool has_ended = source_has_ended(source);

	fprintf(stderr, "pagevisor: %s\n", has_ended ? "the VM has ended" : what);
	return has_ended ? STATUS_REFUSED : STATUS_GUEST;
}

/* A mapping was read past the end of its file. */
static void on_bus_error(int signal)
{
	static const char text[] = "pagevisor: the file of the guest's RAM shrank\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signal;
	(void)ignored;
	_exit(STATUS_REFUSED);
}

int session_source(const char *name, struct source *source, struct error *err)
{
	const struct sigaction action = {.sa_handler = on_bus_error};
	int result = source_open(name, source, err);

	if (result < 0)
		return result;
	if (source->notice[0])
		fprintf(stderr, "%s\n", source->notice);
	if (source->may_shrink)
		sigaction(SIGBUS, &action, NULL);
	return 0;
}

int session_open(struct session *session)
{
	struct error err;

	urcu_memb_register_thread();
	int result = session_source(session->options.vm, &session->source, &err);

	session->is_open = result == 0;
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

void session_close(struct session *session)
{
	guest_free(session->guest);
	session->guest = NULL;
	if (session->is_open)
		source_close(&session->source);
	session->is_open = false;
	urcu_memb_unregister_thread();
}

static int refuse_guest(const struct error *err)
{
	fprintf(stderr, "pagevisor: %s\n", err->text);
	return STATUS_GUEST;
}

/* A guest that panicked makes no progress, but its frames can still be inspected. */
static bool has_come(const struct guest *guest, enum guest_progress progress)
{
	return guest->progress >= progress || (guest->is_dead && guest->frame_count > 0);
}

/* Reports why there is nothing to look at. */
static int refuse_to_look(const struct session *session, int result, struct error *err)
{
	const struct source *source = &session->source;

	if (result == -ENODATA && !source->hints.has_info)
		error_set(
			err, 0,
			source->is_live
				? "the kernel of %s has no pagevisor note: its metadata is not known"
				: "no guest of a known kind is in the memory of %s",
			source->name);
	else if (result < 0 && source_has_ended(source) &&
		 guest_memory_is_copied(&source->memory, source->hints.info, NULL))
		return session_lost(source, err->text);
	else if (result >= 0)
		error_set(err, 0, "the guest has got no further than the stage \"%s\"",
			  session->guest->stage);
	return refuse_guest(err);
}

int session_look(struct session *session, enum guest_progress progress)
{
	struct boot_wait wait = boot_wait_begin();
	const struct source *source = &session->source;
	struct error err;
	int result;

	for (;;) {
		result = guest_find_or_refresh(&source->memory, &source->hints, &session->guest,
					       &err);
		if (result >= 0 && has_come(session->guest, progress))
			return STATUS_OK;
		if ((result < 0 && result != -EAGAIN) || !source->is_live ||
		    source_has_ended(source) || !boot_wait_again(&wait, BOOT_RETRY_NS))
			return refuse_to_look(session, result, &err);
	}
}

int session_flush(int status)
{
	if (output_flush() == 0 || output_reader_is_gone())
		return status;
	fprintf(stderr, "pagevisor: cannot write the output\n");
	return STATUS_REFUSED;
}
