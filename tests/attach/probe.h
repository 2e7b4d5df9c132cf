/* SPDX-License-Identifier: MPL-2.0 */
/* Declarations shared by the uses of attach-probe. */
#ifndef TESTS_ATTACH_PROBE_H
#define TESTS_ATTACH_PROBE_H

/* Print a line, and return the exit status. */
int probe_fail(const char *what);
int probe_say(const char *what);

/* pause VM COUNT: pauses it COUNT times; its RAM must not change during a pause. */
int probe_pause(char **arguments);

/* pause_for VM MS: pauses it, waits, and resumes it. */
int probe_pause_and_stay(char **arguments);

/* pause_when VM FILE: opens it, waits until the file exists, and pauses and resumes it. */
int probe_pause_when(char **arguments);

/*
 * alternate VM MS CHANGES: two inspectors pause it for that long, in turns that overlap, until its RAM has changed that
 * often.
 */
int probe_alternate(char **arguments);

/*
 * stop_paused KERNEL: starts a guest, pauses it and stops it. Nothing ends that pause but the stop, so a stop that waited
 * for its end would never return.
 */
int probe_stop_paused(char **arguments);

/* dirty VM COUNT: checks COUNT times that every page that changes between two pauses is in the dirty log. */
int probe_dirty(char **arguments);

/*
 * qmp SOCKET COMMAND: prints QEMU's answer. Arguments may follow the command, as an object after a space. The command
 * "stay" stays connected until it is killed.
 */
int probe_qmp(char **arguments);

/* fake SOCKET LIE: listens as a VM would and tells every client the same lie; runs until it is killed. */
int probe_fake_vm(char **arguments);

#endif
