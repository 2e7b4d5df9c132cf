/* SPDX-License-Identifier: MPL-2.0 */
/* What the uses of attach-probe share. */
#ifndef TESTS_ATTACH_PROBE_H
#define TESTS_ATTACH_PROBE_H

/* Print a line, and return the exit status. */
int probe_fail(const char *what);
int probe_say(const char *what);

/* fake SOCKET LIE: listens as a VM would, and tells each that connects the same lie; ends when it is killed. */
int probe_fake_vm(char **arguments);

#endif
