/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a kernel leaves behind when it panics: why, where, and with which registers. The mailbox has its address
 * (mailbox.h), which is written last, so a record that is found is complete. It stays as it is. To the host it is hostile
 * input, as everything of a guest.
 */
#ifndef PAGEVISOR_PANIC_H
#define PAGEVISOR_PANIC_H

#include <stdint.h>

#include <pagevisor/abi.h>

#define PANIC_REASON_SIZE   256
#define PANIC_BACKTRACE_MAX 17

enum panic_kind {
	PANIC_NONE,
	PANIC_CALL,      /* the kernel stopped itself */
	PANIC_EXCEPTION, /* vector, error_code and registers are those of an exception */
	PANIC_KIND_COUNT,
};

/* The order of the registers. */
enum panic_register {
	PANIC_RIP,
	PANIC_RSP,
	PANIC_RFLAGS,
	PANIC_CS,
	PANIC_RAX,
	PANIC_RBX,
	PANIC_RCX,
	PANIC_RDX,
	PANIC_RSI,
	PANIC_RDI,
	PANIC_RBP,
	PANIC_R8,
	PANIC_R9,
	PANIC_R10,
	PANIC_R11,
	PANIC_R12,
	PANIC_R13,
	PANIC_R14,
	PANIC_R15,
	PANIC_CR2, /* of a page fault; else 0 */
	PANIC_REGISTERS,
};

struct panic_record {
	uint32_t kind; /* enum panic_kind */
	uint32_t cpu;
	uint64_t vector;
	uint64_t error_code;
	uint64_t registers[PANIC_REGISTERS];
	uint32_t backtrace_count;
	uint32_t reserved;
	uint64_t backtrace[PANIC_BACKTRACE_MAX]; /* return addresses, the innermost first */
	char reason[PANIC_REASON_SIZE];          /* ends with NUL */
};

ABI_OFFSET(struct panic_record, kind, 0);
ABI_OFFSET(struct panic_record, cpu, 4);
ABI_OFFSET(struct panic_record, vector, 8);
ABI_OFFSET(struct panic_record, error_code, 16);
ABI_OFFSET(struct panic_record, registers, 24);
ABI_OFFSET(struct panic_record, backtrace_count, 24 + 8 * PANIC_REGISTERS);
ABI_OFFSET(struct panic_record, backtrace, 32 + 8 * PANIC_REGISTERS);
ABI_OFFSET(struct panic_record, reason, 32 + 8 * (PANIC_REGISTERS + PANIC_BACKTRACE_MAX));
ABI_SIZE(struct panic_record, 32 + 8 * (PANIC_REGISTERS + PANIC_BACKTRACE_MAX) + PANIC_REASON_SIZE);

static inline const char *panic_register_name(unsigned number)
{
	static const char *const names[PANIC_REGISTERS] = {
		[PANIC_RIP] = "rip", [PANIC_RSP] = "rsp", [PANIC_RFLAGS] = "rflags",
		[PANIC_CS] = "cs",   [PANIC_RAX] = "rax", [PANIC_RBX] = "rbx",
		[PANIC_RCX] = "rcx", [PANIC_RDX] = "rdx", [PANIC_RSI] = "rsi",
		[PANIC_RDI] = "rdi", [PANIC_RBP] = "rbp", [PANIC_R8] = "r8",
		[PANIC_R9] = "r9",   [PANIC_R10] = "r10", [PANIC_R11] = "r11",
		[PANIC_R12] = "r12", [PANIC_R13] = "r13", [PANIC_R14] = "r14",
		[PANIC_R15] = "r15", [PANIC_CR2] = "cr2",
	};
	return number < PANIC_REGISTERS ? names[number] : "unknown";
}

#endif
