/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Options of the guest's command line that the host sets or checks, each as NAME=VALUE between spaces, and their
 * bounds. A number is decimal. The first occurrence counts. The numbers are usable from assembly.
 */
#ifndef PAGEVISOR_OPTIONS_H
#define PAGEVISOR_OPTIONS_H

/* The kernel's ring, 0 or 3. The host puts it first: start.S searches for it, at a microsecond per character. */
#define OPTION_RING      "ring"
#define OPTION_RING_TEXT 0x676e6972 /* the same, little-endian */

#define OPTION_TSC_KHZ    "tsc_khz"  /* the TSC's frequency; 0 or absent: the guest measures it */
#define OPTION_WORKLOAD   "workload" /* a name */
#define OPTION_SEED       "seed"     /* of all random choices */
#define OPTION_OPERATIONS "ops"      /* steps of each processor until it ends; 0: no limit */
#define OPTION_TIME_MS    "time_ms"  /* until the workload ends; 0: no limit */
#define OPTION_TRACE      "trace"    /* entries of each processor's ring; 0 or absent: no trace */

/* Options that stress runs add. */
#define OPTION_STOP_ON_FAILURE "stop_on_failure" /* 1: the first failed check ends the workload */
#define OPTION_PLANT           "plant"           /* the name of a fault to commit */

/* Entries of a ring of the trace: a power of two within these bounds. */
#define TRACE_ENTRIES_MIN     64
#define TRACE_ENTRIES_MAX     (1 << 20)
#define TRACE_ENTRIES_DEFAULT 8192

#endif
