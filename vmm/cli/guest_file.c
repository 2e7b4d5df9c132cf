/* SPDX-License-Identifier: MPL-2.0 */
/* Writing a guest to a file: see guest_file.h. */
#include "cli/guest_file.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/exit_status.h"
#include "cli/output.h"
#include "source/capture_source.h"

/* What takes longer shows progress on a terminal. */
#define PROGRESS_AFTER_NS (NS_PER_S / 2)
#define PROGRESS_EVERY_NS (NS_PER_S / 10)

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static volatile sig_atomic_t stop_signal;

/* A file that no command would take for a capture is no place for one: it is the name of a VM that was meant. */
void guest_file_check_name(const char *text, const char *what, const struct argp_state *state)
{
	if (strcmp(text, "-") == 0)
		argp_error(state, "%s cannot go to standard output; expected a FILE to write",
			   what);
	if (!capture_source_is_name(text))
		argp_error(
			state,
			"\"%s\" is no name of %s: expected FILE.pvc, or a path with a slash, and "
			"then the VM",
			text, what);
}

int guest_file_refuse_existing(const char *file, bool replaces)
{
	struct stat old;

	/* What is no file is never replaced. */
	if (replaces || lstat(file, &old) < 0 || !S_ISREG(old.st_mode))
		return STATUS_OK;
	return output_refuse(STATUS_BAD_INPUT,
			     "%s exists; --force replaces it, or choose a new name", file);
}

void guest_file_begin(struct guest_file_progress *progress, const char *doing)
{
	progress->doing = doing;
	progress->next_ns = clock_now_ns() + PROGRESS_AFTER_NS;
}

static void on_signal(int signal)
{
	stop_signal = signal;
}

void guest_file_catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(ending_signals) / sizeof(ending_signals[0]); i++)
		sigaction(ending_signals[i], &action, NULL);
}

int guest_file_signal(void)
{
	return stop_signal;
}

bool guest_file_show(void *context, uint64_t done, uint64_t total)
{
	struct guest_file_progress *progress = context;
	uint64_t now = clock_now_ns();
	char text[80];

	if (progress->terminal.is_tty && total && now >= progress->next_ns) {
		snprintf(text, sizeof(text), "%s %" PRIu64 " of %" PRIu64 " MiB", progress->doing,
			 done >> 20, total >> 20);
		terminal_status(&progress->terminal, text);
		progress->next_ns = now + PROGRESS_EVERY_NS;
	}
	return !stop_signal;
}
