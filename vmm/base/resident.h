/* SPDX-License-Identifier: MPL-2.0 */
/* How much memory a process uses for itself. */
#ifndef VMM_RESIDENT_H
#define VMM_RESIDENT_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Resident bytes of a process, without shared memory, which is the guest's RAM (RssAnon + RssFile, proc(5)). 0 if the
 * kernel does not report them.
 */
uint64_t resident_overhead(pid_t pid);

#endif
