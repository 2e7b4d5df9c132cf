/* SPDX-License-Identifier: MPL-2.0 */
/* Landlock: what of the file system a thread may use; made here, enforced by landlock_enter. */
#ifndef VMM_SANDBOX_LANDLOCK_H
#define VMM_SANDBOX_LANDLOCK_H

#include "base/error.h"
#include "sandbox/table.h"

/* The version of this kernel's Landlock; 0: it has none. */
int landlock_abi(void);

/* Makes the rules of a row; *fd is -1 where there are none to enforce. Returns 0 or a negative errno. */
int landlock_make(const struct sandbox_row *row, const struct sandbox_needs *needs, int *fd,
		  struct error *err);

/* Confines the calling thread. Returns 0 or a negative errno. Only system calls. */
int landlock_enter(int fd);

#endif
