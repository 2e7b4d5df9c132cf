/* SPDX-License-Identifier: MPL-2.0 */
/* The writer of the trace, for x86-64: see trace.h. A port without a trace leaves this file out. */

/* What trace_write calls uses no other than the general registers, and saves those that it uses. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("general-regs-only"))), apply_to = function)
#else
#pragma GCC target("general-regs-only")
#endif

#include <pagevisor/address.h>

#include "meta_type.h"
#include <pagemeta_platform.h>
#include "trace.h"

/* Whole pages: the rings are published, and nothing else with them. */
struct trace_ring trace_rings[PLATFORM_MAX_CPUS] __attribute__((aligned(PAGE_SIZE)));

/* Called by trace_write alone, and declared nowhere else. No sanitizer: its calls may touch any register. */
#define CALLED_BY_WRITER                                                                           \
	__attribute__((used, noinline, no_caller_saved_registers,                                  \
		       no_sanitize("address", "thread", "undefined")))

/*
 * Reads the clock for the next entry and decides which entry reads it next. Returns the mark of an entry that read the
 * clock, or 0 if the CPU has no ring.
 */
CALLED_BY_WRITER uint64_t trace_read_clock(struct trace_ring *ring);
CALLED_BY_WRITER uint64_t trace_read_clock(struct trace_ring *ring)
{
	const uint64_t now = __builtin_ia32_rdtsc();
	const uint64_t elapsed = now - ring->clock;
	uint64_t stride = ring->stride;

	if (ring->entry_count == 0)
		return 0;
	if (elapsed > TRACE_PAUSE_TICKS)
		stride = 1;
	else if (elapsed > TRACE_CLOCK_TICKS)
		stride = stride > 1 ? stride / 2 : 1;
	else if (elapsed < TRACE_CLOCK_TICKS / 2 && stride < TRACE_STRIDE_MAX)
		stride *= 2;
	ring->clock = now;
	ring->stride = stride;
	ring->next_reading = ring->head + stride;
	return TRACE_CLOCK_READ;
}

/* The return address in the first caller outside the library. */
CALLED_BY_WRITER uint64_t trace_find_caller(uint64_t pc, uint64_t frame_pointer);
CALLED_BY_WRITER uint64_t trace_find_caller(uint64_t pc, uint64_t frame_pointer)
{
	return platform_trace_caller(pc, frame_pointer);
}

/* What trace_write knows of structures; the headers of the ABI assert the offsets. */
_Static_assert(sizeof(struct meta_type) == 64 && TRACE_TYPE_SHIFT == 40 && TRACE_CALLER_SHIFT == 32,
	       "used by trace_write");
#define RING_SHIFT        "6"
#define RING_HEAD         "0"
#define RING_ENTRY_COUNT  "16"
#define RING_ENTRIES_VA   "24"
#define RING_CLOCK        "32"
#define RING_NEXT_READING "40"
#define RING_SLOTS_VA     "56"
#define ENTRY_SHIFT       "5"
#define ENTRY_TSC         "0"
#define ENTRY_STATE       "8"
#define ENTRY_WHAT        "16"
#define ENTRY_ORIGIN      "24"
#define SLOT_VTABLE_PTR   "56"
#define TYPE_SIZE_MASK    "63"
#define TYPE_SIZE_SHIFT   "6"
#define TYPE_FIELD_SHIFT  "40"
#define SLOT_SHIFT        "6"
#define CALLER_SHIFT      "32"

/*
 * Writes an entry: rdi is the slot, rsi the state, rdx the operation as TRACE_HOOK_OPERATION has it, rbp the frame of
 * the function with the hook. Preserves all registers but the flags.
 *
 * In assembly, because a compiler saves eight to twelve registers: each is a store for which the caller's next locked
 * operation waits. The letters are those of pagevisor/trace.h; fence A needs no instruction.
 */
/* clang-format off */
__asm__(".pushsection .text\n"
	".balign 32\n"
	".globl trace_write\n"
	".type trace_write, @function\n"
	"trace_write:\n"
	"	pushq %rax\n"
	"	pushq %rcx\n"
	"	pushq %rdi\n"
	"	pushq %rdx\n"
	"	testq %rdx, %rdx\n"
	"	js 4f\n"
	"1:\n"
	PLATFORM_TRACE_CPU("%eax")
	"	shlq $" RING_SHIFT ", %rax\n"
	"	leaq trace_rings(%rip), %rcx\n"
	"	addq %rax, %rcx\n"
	"	subq " RING_SLOTS_VA "(%rcx), %rdi\n"
	"	shrq $" SLOT_SHIFT ", %rdi\n"
	"	orq %rdx, %rdi\n"
	"	movq " RING_HEAD "(%rcx), %rax\n" /* this CPU is the only writer */
	"	cmpq " RING_NEXT_READING "(%rcx), %rax\n"
	"	jae 5f\n" /* not je: a handler's entry may have moved the head past it */
	"2:	movq " RING_ENTRY_COUNT "(%rcx), %rdx\n"
	"	decq %rdx\n"
	"	andq %rax, %rdx\n"
	"	shlq $" ENTRY_SHIFT ", %rdx\n"
	"	addq " RING_ENTRIES_VA "(%rcx), %rdx\n"
	"	movq %rdi, " ENTRY_WHAT "(%rdx)\n" /* B */
	"	movq %rsi, " ENTRY_STATE "(%rdx)\n"
	"	movq " RING_CLOCK "(%rcx), %rdi\n"
	"	movq %rdi, " ENTRY_TSC "(%rdx)\n"
	"	movq 32(%rsp), %rdi\n" /* the return address: where the hook is */
	PLATFORM_TRACE_IF_LIBRARY("%rdi", "6f")
	"3:	shlq $" CALLER_SHIFT ", %rdi\n"
	"	movl %eax, %eax\n"
	"	orq %rax, %rdi\n"
	"	movq %rdi, " ENTRY_ORIGIN "(%rdx)\n"
	"	incq " RING_HEAD "(%rcx)\n" /* C */
	"9:	popq %rdx\n"
	"	popq %rdi\n"
	"	popq %rcx\n"
	"	popq %rax\n"
	"	ret\n"
	/* The sign bit: adds the type, if the slot's pointer is valid (meta_type_is_valid). */
	"4:	btrq $63, %rdx\n"
	"	movq " SLOT_VTABLE_PTR "(%rdi), %rax\n"
	"	leaq __stop_meta_types(%rip), %rcx\n"
	"	cmpq %rcx, %rax\n"
	"	jae 1b\n"
	"	leaq __start_meta_types(%rip), %rcx\n"
	"	subq %rcx, %rax\n"
	"	jb 1b\n"
	"	testb $" TYPE_SIZE_MASK ", %al\n"
	"	jnz 1b\n"
	"	shrq $" TYPE_SIZE_SHIFT ", %rax\n"
	"	incq %rax\n"
	"	shlq $" TYPE_FIELD_SHIFT ", %rax\n"
	"	orq %rax, %rdx\n"
	"	jmp 1b\n"
	/* The entry that reads the clock; or the CPU has no ring. */
	"5:	movq %rdi, %rdx\n"
	"	movq %rcx, %rdi\n"
	"	call trace_read_clock\n"
	"	testq %rax, %rax\n"
	"	jz 9b\n"
	"	orq %rdx, %rax\n"
	"	movq %rax, %rdi\n"
	"	movq " RING_HEAD "(%rcx), %rax\n"
	"	jmp 2b\n"
	/* The hook lies in the library: mostly, in a function that is called from outside. */
	"6:	movq 8(%rbp), %rdi\n"
	PLATFORM_TRACE_IF_LIBRARY("%rdi", "7f")
	"	jmp 3b\n"
	"7:	pushq %rsi\n"
	"	movq (%rbp), %rsi\n"
	"	call trace_find_caller\n"
	"	popq %rsi\n"
	"	movq %rax, %rdi\n"
	"	movq " RING_HEAD "(%rcx), %rax\n"
	"	jmp 3b\n"
	".size trace_write, . - trace_write\n"
	".popsection\n");
/* clang-format on */

void trace_set_ring(unsigned cpu, paddr_t address, uint64_t entry_count)
{
	struct trace_ring *ring = &trace_rings[cpu];

	ring->entries_pa = address.addr;
	ring->entries_va = (uint64_t)(uintptr_t)platform_phys_to_virt(address);
	ring->slots_va = (uint64_t)(uintptr_t)platform_meta_base();
	ring->stride = 1;
	ring->next_reading = ring->head;
	ring->entry_count = entry_count;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
