/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much a look each second slows a Linux guest down: the steps that it makes in a second of its QEMU's CPU time, with such looks
 * and without, in turns. The guest's agent counts steps (agent=steps), and says on its console how many when a line comes.
 */
#ifndef TESTS_BENCH_LINUX_NOTICED_H
#define TESTS_BENCH_LINUX_NOTICED_H

#include <sys/types.h>

/* `console` is the socket of the guest's serial line, `program` the command. Returns the exit status. */
int linux_noticed(pid_t qemu, const char *console, const char *program, unsigned turns);

#endif
