/* SPDX-License-Identifier: MPL-2.0 */
/* What people see while the VM runs: see terminal.h. */
#include "view/terminal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "view/answer.h"

#define ERASE_LINE      "\r\033[K"
#define DEFAULT_COLUMNS 80
#define OUTPUT_MAX      1024 /* less than PIPE_BUF: a pipe that polls writable takes it at once */
#define PATIENCE_MS     500

void terminal_init(struct terminal *terminal, bool is_quiet)
{
	const char *kind = getenv("TERM");

	*terminal = (struct terminal){
		.is_tty = isatty(STDERR_FILENO) == 1 && kind && strcmp(kind, "dumb") != 0,
		.is_quiet = is_quiet,
	};
	pthread_mutex_init(&terminal->lock, NULL);
}

/* Writes text if standard error takes it within PATIENCE_MS. After a failure, writes only if it is taken at once. */
static void write_text(struct terminal *terminal, const char *text)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (poll(&fd, 1, terminal->is_stuck ? 0 : PATIENCE_MS) != 1) {
		terminal->is_stuck = true;
		return;
	}
	/* A failure of standard error cannot be reported anywhere. */
	ssize_t written = write(STDERR_FILENO, text, strlen(text));

	(void)written;
	terminal->is_stuck = false;
}

static void print_line(struct terminal *terminal, const char *prefix, const char *text)
{
	char line[OUTPUT_MAX];

	pthread_mutex_lock(&terminal->lock);
	snprintf(line, sizeof(line), "%s%s%.*s\n", terminal->has_status ? ERASE_LINE : "", prefix,
		 OUTPUT_MAX / 2, text);
	terminal->has_status = false;
	write_text(terminal, line);
	pthread_mutex_unlock(&terminal->lock);
}

void terminal_line(struct terminal *terminal, const char *prefix, const char *text)
{
	if (!terminal->is_quiet)
		print_line(terminal, prefix, text);
}

void terminal_problem(struct terminal *terminal, const char *text)
{
	print_line(terminal, "pagevisor: ", text);
	answer_problem(text);
}

/* A status longer than the window would wrap and could not be erased. */
static int columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return DEFAULT_COLUMNS;
}

void terminal_status(struct terminal *terminal, const char *text)
{
	char line[OUTPUT_MAX];

	if (terminal->is_quiet)
		return;
	if (!terminal->is_tty) {
		print_line(terminal, "", text);
		return;
	}
	pthread_mutex_lock(&terminal->lock);
	snprintf(line, sizeof(line), ERASE_LINE "%.*s", columns() - 1, text);
	terminal->has_status = true;
	write_text(terminal, line);
	pthread_mutex_unlock(&terminal->lock);
}

void terminal_finish(struct terminal *terminal)
{
	pthread_mutex_lock(&terminal->lock);
	if (terminal->has_status)
		write_text(terminal, ERASE_LINE);
	terminal->has_status = false;
	pthread_mutex_unlock(&terminal->lock);
}
