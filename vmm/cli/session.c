/* SPDX-License-Identifier: MPL-2.0 */
/* What all commands that inspect a guest share: see session.h. */
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/deadline.h"
#include "base/memory_budget.h"
#include "base/number_text.h"
#include "cli/exit_status.h"
#include "cli/answer_option.h"
#include "cli/options.h"
#include "kind/registry.h"
#include "cli/output.h"
#include "memory/rcu.h"
#include "source/boot_wait.h"
#include "source/source_open.h"
#include "view/coverage.h"

/* How often to look for a booting guest; boot_wait.h bounds the wait. */
#define BOOT_RETRY_NS (5 * NS_PER_MS)

static const struct argp_option options_table[] = {
	ANSWER_JSON_OPTION,
	SESSION_BUDGET_OPTION,
	{0},
};

static const struct argp_option follow_options_table[] = {
	ANSWER_JSON_OPTION_AS("as a JSON document; with --follow as lines"),
	ANSWER_LINES_OPTION,
	SESSION_BUDGET_OPTION,
	{0},
};

static const struct argp_option list_options_table[] = {
	ANSWER_JSON_OPTION,
	ANSWER_LINES_OPTION,
	SESSION_BUDGET_OPTION,
	{0},
};

void session_parse_budget(const char *text, const struct argp_state *state)
{
	uint64_t bytes;

	if (!size_parse(text, MEMORY_BUDGET_MIN, MEMORY_BUDGET_MAX, &bytes))
		argp_error(state,
			   "--memory-budget %s: expected a size from 16M to 1024G, " SIZE_EXAMPLES,
			   text);
	memory_budget_set(bytes);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct session_options *options = state->input;

	switch (key) {
	case ANSWER_KEY_JSON:
	case ANSWER_KEY_LINES:
		answer_option(key);
		options->json = true;
		break;
	case SESSION_KEY_MEMORY_BUDGET:
		session_parse_budget(text, state);
		break;
	case ARGP_KEY_ARG:
		if (options->vm)
			argp_error(state, "unexpected argument '%s': one VM is enough", text);
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

static const struct argp list_vm_parser = {
	.options = list_options_table,
	.parser = parse_option,
	.args_doc = "[VM]",
};
static const struct argp follow_vm_parser = {
	.options = follow_options_table,
	.parser = parse_option,
	.args_doc = "[VM]",
};

/* The command's own text has it. */
static const struct argp first_vm_parser = {
	.options = options_table,
	.parser = parse_option,
};

const struct argp_child session_first_children[] = {{&first_vm_parser, 0, NULL, 0}, {0}};
const struct argp_child session_children[] = {{&vm_parser, 0, NULL, 0}, {0}};
const struct argp_child session_list_children[] = {{&list_vm_parser, 0, NULL, 0}, {0}};
const struct argp_child session_follow_children[] = {{&follow_vm_parser, 0, NULL, 0}, {0}};

void session_parse(struct session_options *options, const char *doc, int argc, char **argv)
{
	const struct argp parser = {
		.options = list_options_table,
		.parser = parse_option,
		.args_doc = "[VM]",
		.doc = doc,
	};

	options_parse(&parser, argc, argv, options);
}

int session_refuse(int result, const struct error *err)
{
	int status = result == -EINVAL ? STATUS_BAD_INPUT : STATUS_REFUSED;

	return output_refuse(result == -ENODATA ? STATUS_GUEST : status, "%s", err->text);
}

/* The source whose damage has been reported: one line is enough. */
static const struct source *reported;

int session_sound(const struct source *source)
{
	struct error err;

	if (source_failure(source, &err) == 0)
		return STATUS_OK;
	if (reported != source)
		output_refuse(STATUS_REFUSED, "%s", err.text);
	reported = source;
	return STATUS_REFUSED;
}

int session_lost(const struct source *source, const char *what)
{
	if (session_sound(source) != STATUS_OK)
		return STATUS_REFUSED;
	if (source_state(source) == SOURCE_LIVE)
		return output_refuse(STATUS_GUEST, "%s", what);
	return output_refuse(STATUS_REFUSED, "the VM %s %s", source->name,
			     source_state_text(source));
}

int session_source(const char *name, struct source *source, struct error *err)
{
	int result = source_open(name, source, err);

	if (result < 0)
		return result;
	if (source->notice[0])
		fprintf(stderr, "%s\n", source->notice);
	return 0;
}

int session_open(struct session *session)
{
	struct error err;

	urcu_memb_register_thread();
	int result = vm_choice_make(&session->choice, &session->options.vm, 1,
				    &session->options.confinement, &err);

	if (result == 0)
		result = session_source(session->options.vm, &session->source, &err);

	session->is_open = result == 0;
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

void session_close(struct session *session)
{
	guest_free(session->guest);
	session->guest = NULL;
	if (session->is_open) {
		session_sound(&session->source);
		source_close(&session->source);
	}
	session->is_open = false;
	urcu_memb_unregister_thread();
}

const char *session_called(const struct session *session)
{
	return session->source.capture && session->options.vm ? session->options.vm
							      : session->source.name;
}

/* A guest that panicked makes no progress, but its frames can still be inspected. */
static bool has_come(const struct guest *guest, enum guest_progress progress)
{
	return guest->progress >= progress || (guest->is_dead && guest->frame_count > 0);
}

/* Reports why there is nothing to look at. */
static int refuse_to_look(const struct session *session, int result, const struct error *why)
{
	const struct source *source = &session->source;
	struct error text = *why, *err = &text;

	if (session_sound(source) != STATUS_OK)
		return STATUS_REFUSED;
	if (result == -ENODATA && !source->hints.has_info)
		error_set(
			err, 0,
			source->is_live
				? "the kernel of %s has no pagevisor note: its metadata is not known"
				: "no guest of a known kind is in the memory of %s",
			source->name);
	else if (result < 0 && source_state(source) != SOURCE_LIVE &&
		 guest_memory_is_copied(&source->memory, source->hints.info, NULL))
		return session_lost(source, err->text);
	else if (result >= 0)
		error_set(err, 0, "the guest has got no further than the stage \"%s\"",
			  session->guest->stage);
	error_name(err, session_called(session));
	return output_refuse(STATUS_GUEST, "%s", err->text);
}

int session_look(struct session *session, enum guest_progress progress)
{
	struct boot_wait wait = boot_wait_begin();

	deadline_begin();
	const struct source *source = &session->source;
	struct error err;
	int result;

	for (;;) {
		result = guest_find_or_refresh(&source->memory, &source->hints, &session->guest,
					       &err);
		if (result >= 0 && source->is_live)
			result = life_watch_begin(&session->life, session->guest, &err);
		if (result >= 0 && has_come(session->guest, progress))
			return STATUS_OK;
		if ((result < 0 && result != -EAGAIN) || !source->is_live ||
		    source_has_ended(source) || !boot_wait_again(&wait, BOOT_RETRY_NS))
			return refuse_to_look(session, result, &err);
	}
}

int session_still(struct session *session)
{
	struct error err;

	if (session_sound(&session->source) != STATUS_OK)
		return STATUS_REFUSED;
	int result = session->source.is_live ? life_watch_end(&session->life, session->guest, &err)
					     : 0;

	if (result == -EAGAIN)
		error_set(
			&err, result,
			"the guest has restarted meanwhile: what was read does not belong together");
	return result < 0 ? session_lost(&session->source, err.text) : STATUS_OK;
}

void session_print_coverage(const struct session *session, uint64_t unstable, FILE *out)
{
	struct coverage coverage = coverage_of(&session->source, session->guest, unstable);

	coverage_print(&coverage, NULL, out);
}

json *session_head(const struct session *session)
{
	json *head = json_object_new_object();

	json_add_text(head, "vm", session->source.name);
	return head;
}

void session_add_coverage(json *root, const struct session *session, uint64_t unstable)
{
	struct coverage coverage = coverage_of(&session->source, session->guest, unstable);

	json_add(root, "coverage", coverage_json(&coverage));
}

int session_flush(int status)
{
	if (reported && (status == STATUS_OK || status == STATUS_VIOLATION))
		status = STATUS_REFUSED;
	if (output_flush() == 0 || output_reader_is_gone())
		return status;
	return output_refuse(STATUS_REFUSED, "cannot write the output");
}
