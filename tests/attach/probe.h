/* SPDX-License-Identifier: MPL-2.0 */
/* What the uses of attach-probe share. */
#ifndef TESTS_ATTACH_PROBE_H
#define TESTS_ATTACH_PROBE_H

/* Print a line, and return the exit status. */
int probe_fail(const char *what);
int probe_say(const char *what);

/* pause VM COUNT: pauses it so often; nothing of its RAM may change meanwhile. */
int probe_pause(char **arguments);

/* pause_for VM MS: pauses it, waits, and resumes it. */
int probe_pause_and_stay(char **arguments);

/* dirty VM COUNT: whether all that changes between two pauses is in the dirty log, so often. */
int probe_dirty(char **arguments);

/* qmp SOCKET COMMAND: prints what QEMU returns; the command "stay" stays connected until it is killed. */
int probe_qmp(char **arguments);

/* fake SOCKET LIE: listens as a VM would, and tells each that connects the same lie; ends when it is killed. */
int probe_fake_vm(char **arguments);

#endif
