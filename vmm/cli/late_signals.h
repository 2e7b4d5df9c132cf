/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Signals to a command that only has its last steps left, a check and a report. The first SIGINT or SIGTERM from here on
 * is noted, so that long work can be cut short and the report still comes; the second ends the process at once.
 */
#ifndef VMM_LATE_SIGNALS_H
#define VMM_LATE_SIGNALS_H

#include <signal.h>

/* Called once. Then sets the thread's mask: a signal that waited until now is the first. */
void late_signals_catch(const sigset_t *mask);

/* The number of the signal that was noted; 0: none. */
extern volatile sig_atomic_t late_signal;

#endif
