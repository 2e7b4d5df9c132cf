/* SPDX-License-Identifier: MPL-2.0 */
/* The end of the kernel, in good order or not. See panic.h. */
#include "panic.h"

#include <stdarg.h>
#include <stdbool.h>

#include <pagevisor/ports.h>

#include "arch/privileged.h"
#include "info.h"
#include "lib/console.h"
#include "lib/format.h"
#include "lib/symbols.h"

extern const char kernel_start[];
extern const char kernel_end[];

/* Of the processor that took the console over: no other gets that far. */
static struct panic_record record;

_Noreturn void guest_exit(uint8_t status)
{
	port_write8(PORT_EXIT, status);
	for (;;)
		privileged_halt();
}

void panic_begin(void)
{
	console_take_over();
	record = (struct panic_record){.cpu = this_cpu_index()};
	info_set_stage(STAGE_PANIC);
}

static int in_kernel(uint64_t address)
{
	return address >= (uint64_t)kernel_start && address < (uint64_t)kernel_end;
}

/* A call that never returns may be the last instruction of its function: the address behind it names the next one. */
static void add_address(uint64_t address, bool is_return)
{
	uint32_t offset;
	const char *name = symbol_at(address - is_return, &offset);

	record.backtrace[record.backtrace_count++] = address;
	if (name)
		kprintf("  0x%016lx %s+0x%x\n", address, name, offset + is_return);
	else
		kprintf("  0x%016lx\n", address);
}

/* Walks frame pointers for as long as they stay inside the kernel image, where all stacks lie. */
void panic_backtrace(uint64_t rip, uint64_t frame_pointer)
{
	const bool has_names = &symbols_start[0] != &symbols_end[0];

	kprintf("backtrace%s:\n",
		has_names ? "" : " (resolve with addr2line -f -e on the guest's ELF)");
	add_address(rip, record.kind == PANIC_CALL);
	while (record.backtrace_count < PANIC_BACKTRACE_MAX) {
		const uint64_t *frame = (const uint64_t *)frame_pointer;

		if (!in_kernel(frame_pointer) || frame_pointer % sizeof(*frame) ||
		    !in_kernel(frame[1]))
			return;
		add_address(frame[1], true);
		if (frame[0] <= frame_pointer)
			return;
		frame_pointer = frame[0];
	}
}

void panic_set_exception(const char *name, uint64_t vector, uint64_t error_code,
			 const uint64_t registers[PANIC_REGISTERS])
{
	record.kind = PANIC_EXCEPTION;
	record.vector = vector;
	record.error_code = error_code;
	for (unsigned i = 0; i < PANIC_REGISTERS; i++)
		record.registers[i] = registers[i];
	for (unsigned i = 0; i < PANIC_REASON_SIZE - 1 && name[i]; i++)
		record.reason[i] = name[i];
}

_Noreturn void panic_end(void)
{
	info_set_panic(&record);
	guest_exit(GUEST_EXIT_PANIC);
}

_Noreturn void panic(const char *format, ...)
{
	va_list args;

	panic_begin();
	record.kind = PANIC_CALL;
	va_start(args, format);
	format_text(record.reason, sizeof(record.reason), format, args);
	va_end(args);
	/* In parts: none is cut. */
	kprintf(LINE_PANIC "%u: ", record.cpu);
	kprintf("%s", record.reason);
	kprintf("\n");
	/* From the caller on: the frame of panic itself begins with its caller's frame pointer. */
	panic_backtrace((uint64_t)__builtin_return_address(0),
			*(uint64_t *)__builtin_frame_address(0));
	panic_end();
}
