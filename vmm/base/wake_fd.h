/* SPDX-License-Identifier: MPL-2.0 */
/* A descriptor that one thread makes readable to wake another one, which polls it: an eventfd that never blocks. */
#ifndef VMM_WAKE_FD_H
#define VMM_WAKE_FD_H

#include "base/error.h"

/* Returns the descriptor, to be closed, or a negative errno. */
int wake_fd_open(struct error *err);

/* Makes it readable, and no longer readable. */
void wake_fd_set(int fd);
void wake_fd_clear(int fd);

#endif
