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

/* dirty VM COUNT: checks COUNT times that every page that changes between two pauses is in the dirty log. */
int probe_dirty(char **arguments);

/* qmp SOCKET COMMAND: prints QEMU's answer; the command "stay" stays connected until it is killed. */
int probe_qmp(char **arguments);

/* fake SOCKET LIE: listens as a VM would and tells every client the same lie; runs until it is killed. */
int probe_fake_vm(char **arguments);

#endif
