/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a Linux guest notices of somebody who looks at it each second: steps for each second of CPU time of its QEMU, with and without,
 * in turns. The guest's agent counts steps (agent=steps), and says on its console how many when a line comes.
 */
#ifndef TESTS_BENCH_LINUX_NOTICED_H
#define TESTS_BENCH_LINUX_NOTICED_H

#include <sys/types.h>

/* `console` is the socket of the guest's serial line, `program` the command. Returns the exit status. */
int linux_noticed(pid_t qemu, const char *console, const char *program, unsigned turns);

#endif
