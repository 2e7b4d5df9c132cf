/* SPDX-License-Identifier: MPL-2.0 */
/* What a guest's kernel left behind when it panicked, in the words of no kind. */
#ifndef VMM_KIND_PANIC_H
#define VMM_KIND_PANIC_H

#include <stdbool.h>
#include <stdint.h>

#define PANIC_REGISTERS_SHOWN 32
#define PANIC_FRAMES_SHOWN    32

struct guest;

struct panic_value {
	const char *name; /* a constant of the kind */
	uint64_t value;
};

struct guest_panic {
	char reason[256]; /* printable */
	unsigned cpu;
	bool is_exception; /* with vector, error code and registers */
	uint64_t vector;
	uint64_t error_code;
	unsigned register_count;
	struct panic_value registers[PANIC_REGISTERS_SHOWN];
	unsigned frame_count;
	uint64_t frames
		[PANIC_FRAMES_SHOWN]; /* the backtrace: guest virtual addresses, the innermost first */
};

/* Returns 0, or -ENODATA if the guest has not panicked, or has left nothing that can be right. */
int guest_panic_read(const struct guest *guest, struct guest_panic *panic);

#endif
