/* SPDX-License-Identifier: MPL-2.0 */
/* What a guest's kernel prints when it fails or plants a fault, parsed into fields. */
#ifndef VMM_CONSOLE_REPORT_H
#define VMM_CONSOLE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

enum console_event {
	CONSOLE_CHECK, /* one of the workload's own checks failed: stamps, sums */
	CONSOLE_ABORT, /* the metadata library, or the kernel, stopped itself */
	CONSOLE_TRAP,  /* an exception */
	CONSOLE_EVENT_COUNT,
};

const char *console_event_name(enum console_event event);

struct console_failure {
	enum console_event event;
	bool has_frame;
	uint64_t frame; /* its address */
	uint64_t at_ns; /* when the line arrived (CLOCK_MONOTONIC) */
	char rule[80];  /* what was broken, in the guest's words */
	char text[256]; /* the line */
};

struct planted_fault {
	bool is_planted;
	uint64_t frame; /* its address */
	uint64_t steps; /* of all processors until then */
};

#define CONSOLE_FAILURES_MAX 8 /* later ones are left out */

struct console_report {
	unsigned count;
	struct console_failure failures[CONSOLE_FAILURES_MAX];
	struct planted_fault planted;
};

#endif
