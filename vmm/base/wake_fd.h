/* SPDX-License-Identifier: MPL-2.0 */
/* An eventfd that never blocks: one thread makes it readable to wake another, which polls it. */
#ifndef VMM_WAKE_FD_H
#define VMM_WAKE_FD_H

#include "base/error.h"

/* Returns the descriptor, which the caller closes, or a negative errno. */
int wake_fd_open(struct error *err);

/* Make the descriptor readable, and no longer readable. */
void wake_fd_set(int fd);
void wake_fd_clear(int fd);

#endif
