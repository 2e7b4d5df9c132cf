/* SPDX-License-Identifier: MPL-2.0 */
/* The end of the kernel, in good order or not. See panic.h. */
#include "panic.h"

#include <stdarg.h>

#include <pagevisor/ports.h>

#include "arch/privileged.h"
#include "info.h"
#include "lib/console.h"

#define BACKTRACE_MAX 16

extern const char kernel_start[];
extern const char kernel_end[];

_Noreturn void guest_exit(uint8_t status)
{
	port_write8(PORT_EXIT, status);
	for (;;)
		privileged_halt();
}

void panic_begin(void)
{
	console_take_over();
	info_set_stage(STAGE_PANIC);
}

static int in_kernel(uint64_t address)
{
	return address >= (uint64_t)kernel_start && address < (uint64_t)kernel_end;
}

/* Walks frame pointers for as long as they stay inside the kernel image, where all stacks lie. */
void panic_backtrace(uint64_t rip, uint64_t frame_pointer)
{
	kprintf("backtrace (resolve with addr2line -f -e on the guest's ELF):\n  0x%016lx\n", rip);
	for (int depth = 0; depth < BACKTRACE_MAX; depth++) {
		const uint64_t *frame = (const uint64_t *)frame_pointer;

		if (!in_kernel(frame_pointer) || frame_pointer % sizeof(*frame) ||
		    !in_kernel(frame[1]))
			return;
		kprintf("  0x%016lx\n", frame[1]);
		if (frame[0] <= frame_pointer)
			return;
		frame_pointer = frame[0];
	}
}

_Noreturn void panic_end(void)
{
	guest_exit(GUEST_EXIT_PANIC);
}

_Noreturn void panic(const char *format, ...)
{
	va_list args;

	panic_begin();
	kprintf(LINE_PANIC "%u: ", this_cpu_index());
	va_start(args, format);
	kvprintf(format, args);
	va_end(args);
	kprintf("\n");
	/* From the caller on: the frame of panic itself begins with its caller's frame pointer. */
	panic_backtrace((uint64_t)__builtin_return_address(0),
			*(uint64_t *)__builtin_frame_address(0));
	panic_end();
}
