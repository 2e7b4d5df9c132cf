/* SPDX-License-Identifier: MPL-2.0 */
/* Whether /proc is mounted: in a chroot or a container it may not be. */
#ifndef VMM_PROC_H
#define VMM_PROC_H

#include "base/error.h"

/* Returns 0, or -ENOTSUP with a text that says why it is needed: `why` goes on after a colon. */
int proc_require(const char *why, struct error *err);

#endif
