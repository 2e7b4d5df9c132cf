/* SPDX-License-Identifier: MPL-2.0 */
/* Registers of vCPUs: see vcpu_registers.h. The text is that of QEMU's target/i386/cpu-dump.c. */
#include "qmp/vcpu_registers.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CPU         "CPU#"
#define DIGITS      16
#define HEXADECIMAL "0123456789abcdef"

/* Where a register goes; its name outside of long mode, if that is another; which word of its line's it is. */
#define REGISTER(name, other, member)                                                              \
	{                                                                                          \
		name "=", other, offsetof(struct machine_registers, member), 0                     \
	}
#define GENERAL(name, other, number)                                                               \
	{                                                                                          \
		name "=", other, offsetof(struct machine_registers, general) + 8 * (number), 0     \
	}
#define BASE(name, member)                                                                         \
	{                                                                                          \
		name "=", NULL, offsetof(struct machine_registers, member), 1                      \
	}
static const struct place {
	const char *name, *other;
	size_t offset;
	unsigned word;
} places[] = {
	GENERAL("RAX", "EAX=", MACHINE_RAX),
	GENERAL("RCX", "ECX=", MACHINE_RCX),
	GENERAL("RDX", "EDX=", MACHINE_RDX),
	GENERAL("RBX", "EBX=", MACHINE_RBX),
	GENERAL("RSP", "ESP=", MACHINE_RSP),
	GENERAL("RBP", "EBP=", MACHINE_RBP),
	GENERAL("RSI", "ESI=", MACHINE_RSI),
	GENERAL("RDI", "EDI=", MACHINE_RDI),
	GENERAL("R8 ", NULL, MACHINE_R8),
	GENERAL("R9 ", NULL, MACHINE_R8 + 1),
	GENERAL("R10", NULL, MACHINE_R8 + 2),
	GENERAL("R11", NULL, MACHINE_R8 + 3),
	GENERAL("R12", NULL, MACHINE_R8 + 4),
	GENERAL("R13", NULL, MACHINE_R8 + 5),
	GENERAL("R14", NULL, MACHINE_R8 + 6),
	GENERAL("R15", NULL, MACHINE_R8 + 7),
	REGISTER("RIP", "EIP=", rip),
	REGISTER("RFL", "EFL=", rflags),
	REGISTER("CS ", NULL, cs),
	REGISTER("SS ", NULL, ss),
	REGISTER("DS ", NULL, ds),
	REGISTER("ES ", NULL, es),
	REGISTER("FS ", NULL, fs),
	REGISTER("GS ", NULL, gs),
	BASE("FS ", fs_base),
	BASE("GS ", gs_base),
	REGISTER("CR0", NULL, cr0),
	REGISTER("CR2", NULL, cr2),
	REGISTER("CR3", NULL, cr3),
	REGISTER("CR4", NULL, cr4),
	REGISTER("EFER", NULL, efer),
};
#define PLACE_COUNT (sizeof(places) / sizeof(places[0]))

/* A part of the text. */
struct part {
	const char *text;
	size_t length;
};

/* The digits of a word of the value, behind `name`; no more than fit 64 bits. Their length is 0 if there are none. */
static struct part find_digits(const struct part *in, const char *name, unsigned word)
{
	const char *at = memmem(in->text, in->length, name, strlen(name));
	const char *end = in->text + in->length;
	struct part digits = {0};

	/* A name may be the end of another one. */
	while (at && at > in->text && at[-1] > ' ')
		at = memmem(at + 1, (size_t)(end - at - 1), name, strlen(name));
	if (!at)
		return digits;
	at += strlen(name);
	for (; word > 0; word--) {
		at += strspn(at, HEXADECIMAL);
		at += strspn(at, " ");
	}
	digits.length = at < end ? strspn(at, HEXADECIMAL) : 0;
	digits.text = at;
	if (digits.length > DIGITS)
		digits.length = 0;
	return digits;
}

static bool read_place(const struct part *in, const struct place *place,
		       struct machine_registers *registers, size_t *length)
{
	struct part digits = find_digits(in, place->name, place->word);

	if (digits.length == 0 && place->other)
		digits = find_digits(in, place->other, place->word);
	*length = digits.length;
	if (digits.length == 0)
		return false;
	uint64_t value = strtoull(digits.text, NULL, 16);

	memcpy((char *)registers + place->offset, &value, sizeof(value));
	return true;
}

static bool is_of_long_mode(size_t offset)
{
	return offset >= offsetof(struct machine_registers, general) + 8 * MACHINE_R8 &&
	       offset < offsetof(struct machine_registers, rip);
}

static void read_part(const struct part *in, struct vcpu_registers *vcpu)
{
	vcpu->is_whole = true;
	for (size_t i = 0; i < PLACE_COUNT; i++) {
		const size_t offset = places[i].offset;
		size_t length;
		bool is_there = read_place(in, &places[i], &vcpu->registers, &length);

		if (offset == offsetof(struct machine_registers, rip))
			vcpu->has_rip = is_there;
		if (offset == offsetof(struct machine_registers, cr2))
			vcpu->has_cr2 = is_there;
		if (offset == offsetof(struct machine_registers, cr3))
			vcpu->has_long_cr3 = length == DIGITS;
		vcpu->is_whole &= is_there || is_of_long_mode(offset);
	}
	const struct part halted = find_digits(in, "HLT=", 0);

	vcpu->is_halted = halted.length == 1 && *halted.text == '1';
}

/* Where the next vCPU's part begins, or the text ends. */
static const char *find_end(const char *text)
{
	const char *next = strstr(text + 1, CPU);

	while (next && next[-1] != '\n')
		next = strstr(next + 1, CPU);
	return next ? next : text + strlen(text);
}

const char *vcpu_registers_next(const char *text, struct vcpu_registers *vcpu)
{
	if (*text == '\0')
		return NULL;
	const char *end = find_end(text);
	const struct part in = {text, (size_t)(end - text)};

	*vcpu = (struct vcpu_registers){0};
	if (strncmp(text, CPU, strlen(CPU)) == 0)
		vcpu->cpu = (unsigned)strtoul(text + strlen(CPU), NULL, 10);
	read_part(&in, vcpu);
	return end;
}

unsigned vcpu_registers_parse_cr3(const char *text, uint64_t *cr3, unsigned max)
{
	struct vcpu_registers vcpu;
	unsigned count = 0;

	while (count < max && (text = vcpu_registers_next(text, &vcpu)) != NULL)
		if (vcpu.has_long_cr3)
			cr3[count++] = vcpu.registers.cr3;
	return count;
}

int vcpu_registers_parse(const char *text, struct machine_state *state, struct error *err)
{
	struct vcpu_registers vcpu;
	unsigned least = 0;

	while ((text = vcpu_registers_next(text, &vcpu)) != NULL) {
		/* What comes before the first vCPU is none of its registers. */
		if (!vcpu.has_rip && !vcpu.has_cr2)
			continue;
		if (!vcpu.is_whole || vcpu.cpu < least || vcpu.cpu >= MACHINE_VCPUS_MAX)
			return error_set(err, -EPROTO,
					 "QEMU's monitor does not tell the registers of vCPU %u",
					 vcpu.cpu);
		int result = machine_state_add(state, MACHINE_PART_REGISTERS, vcpu.cpu,
					       &vcpu.registers, sizeof(vcpu.registers), err);

		if (result < 0)
			return result;
		least = vcpu.cpu + 1;
	}
	return least > 0 ? 0 : error_set(err, -EPROTO, "QEMU's monitor tells no registers");
}

static int ask(struct qmp *qmp, char **text, struct error *err)
{
	return qmp_execute_human(qmp, "info registers -a", text, err);
}

unsigned vcpu_registers_cr3(struct qmp *qmp, uint64_t *cr3, unsigned max)
{
	struct error ignored;
	unsigned count;
	char *text;

	if (ask(qmp, &text, &ignored) < 0)
		return 0;
	count = vcpu_registers_parse_cr3(text, cr3, max);
	free(text);
	return count;
}

int vcpu_registers_read(struct qmp *qmp, struct machine_state *state, struct error *err)
{
	char *text;
	int result = ask(qmp, &text, err);

	if (result < 0)
		return result;
	result = vcpu_registers_parse(text, state, err);
	free(text);
	return result;
}
