/* SPDX-License-Identifier: MPL-2.0 */
/* Standard output: see output.h. */
#include "cli/output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "view/answer.h"

int output_refuse(int status, const char *format, ...)
{
	char text[sizeof(((struct error *)0)->text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "pagevisor: %s\n", text);
	answer_problem(text);
	return status;
}

int output_flush(void)
{
	/* Only the stream shows that an earlier write failed. */
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}

/* A pipe shows this whichever write failed. */
bool output_reader_is_gone(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};

	return poll(&output, 1, 0) == 1 && (output.revents & POLLERR);
}
