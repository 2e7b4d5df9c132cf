/* SPDX-License-Identifier: MPL-2.0 */
/* Standard output: see output.h. */
#include "cli/output.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

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
