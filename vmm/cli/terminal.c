/* SPDX-License-Identifier: MPL-2.0 */
/* What people see while the VM runs: see terminal.h. */
#include "cli/terminal.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ERASE_LINE      "\r\033[K"
#define DEFAULT_COLUMNS 80

void terminal_init(struct terminal *terminal, bool is_quiet)
{
	*terminal = (struct terminal){.is_tty = isatty(STDERR_FILENO) == 1, .is_quiet = is_quiet};
	pthread_mutex_init(&terminal->lock, NULL);
}

static void erase_status(struct terminal *terminal)
{
	if (terminal->has_status)
		fputs(ERASE_LINE, stderr);
	terminal->has_status = false;
}

static void print_line(struct terminal *terminal, const char *prefix, const char *text)
{
	pthread_mutex_lock(&terminal->lock);
	erase_status(terminal);
	fprintf(stderr, "%s%s\n", prefix, text);
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
	if (terminal->is_quiet)
		return;
	if (!terminal->is_tty) {
		print_line(terminal, "", text);
		return;
	}
	pthread_mutex_lock(&terminal->lock);
	fprintf(stderr, ERASE_LINE "%.*s", columns() - 1, text);
	terminal->has_status = true;
	pthread_mutex_unlock(&terminal->lock);
}

void terminal_finish(struct terminal *terminal)
{
	pthread_mutex_lock(&terminal->lock);
	erase_status(terminal);
	pthread_mutex_unlock(&terminal->lock);
}
