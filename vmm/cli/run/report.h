/* SPDX-License-Identifier: MPL-2.0 */
/* The result of a run, for people and for programs. */
#ifndef VMM_REPORT_H
#define VMM_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/elf/symbols.h"
#include "base/json.h"
#include "cli/run/options.h"
#include "cli/run/watcher.h"
#include "kind/console_report.h"
#include "kind/panic.h"
#include "machine/device/boot_stages.h"
#include "machine/accel.h"
#include "machine/vm_end.h"

struct report {
	const struct run_options *options;
	uint64_t start_ns;       /* when main began (CLOCK_MONOTONIC) */
	uint64_t end_ns;         /* when the run had ended */
	uint64_t overhead_bytes; /* the VMM's own resident memory, guest RAM not counted */
	enum accel accel;
	bool sees_strays; /* the engine can detect them */
	uint64_t stray_accesses;
	uint64_t dropped_bytes; /* of the console, by its limit */
	bool timed_out;
	uint64_t hung_ns; /* it was stopped after so much time without a sign of life; else 0 */
	int signal;       /* the signal that ended the run, 0: none */
	bool is_saved;    /* `save` ended it */
	int late_signal;  /* one that came during the final check, 0: none */
	const struct vm_end *end;
	const struct boot_stages *stages;
	const struct console_report *console;
	const struct symbols *symbols;  /* of the kernel's file */
	const struct observation *seen; /* NULL: the kernel has no info note and was not watched */
};

/* One of STATUS_*, or STATUS_SIGNAL + signal. */
int report_status(const struct report *report);

/* In one line, how the run ended: "the guest ended well". */
void report_verdict(const struct report *report, char *buffer, unsigned size);

/* Steps, allocations and so on per second, over the time that the workload ran; 0 if it did not run. */
double report_per_second(const struct report *report, uint64_t count);

/* When a stage was reached, counted from the start; 0: before, in a guest that was restored since. */
uint64_t report_stage_ns(const struct report *report, enum boot_stage stage);

/* Prints to standard output. Returns what output_flush returns. */
int report_print_text(const struct report *report);
int report_print_json(const struct report *report);

/* What the guest's kernel left behind in a panic. Returns false if it did not, or cannot be known. */
bool report_panic(const struct report *report, struct guest_panic *panic);

/* The function of a frame of its backtrace, and the offset in it. Returns false if none is known. */
bool report_frame_symbol(const struct report *report, const struct guest_panic *panic,
			 unsigned frame, const char **name, uint64_t *offset);

/* A fault that was planted, here and in the report of `stress`. */
json *planted_json(const struct planted_fault *planted);

#endif
