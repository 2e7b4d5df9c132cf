/* SPDX-License-Identifier: MPL-2.0 */
/* Application processors: found through ACPI, started by INIT-SIPI-SIPI. */
#ifndef GUEST_SMP_H
#define GUEST_SMP_H

/*
 * Starts the processors that the MADT lists, at most MAX_CPUS, and waits for each to arrive in C, where it waits for
 * smp_run. Panics if one does not arrive. Sets cpu_count.
 */
void smp_start(void);

/*
 * Runs a function on all processors at once and returns when it has returned on all of them. Once
 * only.
 */
void smp_run(void (*function)(unsigned cpu));

#endif
