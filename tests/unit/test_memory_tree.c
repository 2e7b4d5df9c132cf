/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/source/qemu/memory_tree.h on the output of QEMU's monitor, and on other text. */
#include "unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/qemu/memory_tree.h"
#include "qmp/vcpu_registers.h"

#define GIB (UINT64_C(1) << 30)

static struct memory_tree tree;
static struct error err;

static int parse(const char *text, const char *backend)
{
	return memory_tree_parse(text, &backend, 1, &tree, &err);
}

static void ram_is(unsigned i, uint64_t base, uint64_t size, uint64_t offset)
{
	ck_assert_uint_lt(i, tree.count);
	ck_assert_uint_eq(tree.ram[i].base, base);
	ck_assert_uint_eq(tree.ram[i].size, size);
	ck_assert_uint_eq(tree.ram[i].offset, offset);
}

/* A pc with 6 GiB; lines end as the monitor ends them. */
static const char pc[] =
	"FlatView #0\r\n"
	" AS \"i440FX\", root: bus master container\r\n"
	" Root memory region: (none)\r\n"
	"  No rendered FlatView\r\n"
	"\r\n"
	"FlatView #1\r\n"
	" AS \"memory\", root: system\r\n"
	" AS \"cpu-memory-0\", root: system\r\n"
	" Root memory region: system\r\n"
	"  0000000000000000-00000000000c2fff (prio 0, ram): pc.ram\r\n"
	"  00000000000c3000-00000000000e7fff (prio 0, rom): pc.ram @00000000000c3000\r\n"
	"  00000000000f0000-00000000000fffff (prio 0, ram): pc.bios\r\n"
	"  0000000000100000-00000000bfffffff (prio 0, ram): pc.ram @0000000000100000 KVM\r\n"
	"  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic\r\n"
	"  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios\r\n"
	"  0000000100000000-00000001bfffffff (prio 0, ram): pc.ram @00000000c0000000\r\n"
	"\r\n"
	"FlatView #2\r\n"
	" AS \"I/O\", root: io\r\n"
	"  0000000200000000-00000002ffffffff (prio 0, ram): pc.ram @0000000100000000\r\n";

START_TEST(test_two_parts)
{
	ck_assert_msg(parse(pc, "pc.ram") == 0, "%s", err.text);
	ck_assert_uint_eq(tree.count, 2);
	ram_is(0, 0, 3 * GIB, 0);
	ram_is(1, 4 * GIB, 3 * GIB, 3 * GIB);
}
END_TEST

/* Lines of other backends are not RAM; names must match in full. */
START_TEST(test_backends)
{
	static const char *const names[] = {"pc.bios", "pc.ram"};

	ck_assert_int_eq(parse(pc, "pc.ra"), -EPROTO);
	ck_assert_int_eq(parse(pc, "pc.ram2"), -EPROTO);
	ck_assert_int_eq(memory_tree_parse(pc, names, 0, &tree, &err), -EPROTO);
	ck_assert_int_eq(memory_tree_parse(pc, names, 2, &tree, &err), 0);
	ck_assert_uint_eq(tree.count, 4);
}
END_TEST

#define HEAD " AS \"memory\", root: system\n"

START_TEST(test_nonsense)
{
	ck_assert_int_eq(parse("", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD, "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "\n  0-fff (prio 0, ram): m\n", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "  0-fff (prio 0, i/o): m\n", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "  1000-fff (prio 0, ram): m\n", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "  0-fff (prio 0, ram): m @\n", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "  zzz\n  0-fff prio\n -", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "  0-fff (prio 0, ram): m", "m"), 0);
	ram_is(0, 0, 0x1000, 0);
	ck_assert_int_eq(parse(HEAD "  00000000000000000-fff (prio 0, ram): m", "m"), -EPROTO);
}
END_TEST

/* As many pieces as a memory has regions, each of a backend of its own with a long name; one more is refused. */
START_TEST(test_many)
{
	static char many[256 << 10], names[MEMORY_REGIONS_MAX + 1][128];
	const char *list[MEMORY_REGIONS_MAX + 1];
	size_t length = (size_t)sprintf(many, HEAD);

	for (unsigned i = 0; i <= MEMORY_REGIONS_MAX; i++) {
		list[i] = names[i];
		snprintf(names[i], sizeof(names[i]), "%0100u", i);
		if (i == MEMORY_REGIONS_MAX) {
			ck_assert_msg(memory_tree_parse(many, list, i + 1, &tree, &err) == 0, "%s",
				      err.text);
			ck_assert_uint_eq(tree.count, MEMORY_REGIONS_MAX);
			ram_is(i - 1, (uint64_t)i << 16, 0x1000, 0);
			ck_assert_uint_eq(tree.ram[i - 1].backend, i - 1);
		}
		length += (size_t)sprintf(many + length, "  %x0000-%x0fff (prio 0, ram): %s\n",
					  i + 1, i + 1, names[i]);
	}
	ck_assert_int_eq(memory_tree_parse(many, list, MEMORY_REGIONS_MAX + 1, &tree, &err),
			 -EPROTO);
	ck_assert_str_eq(err.text, "QEMU's memory tree shows too many pieces of RAM");
}
END_TEST

#define ALL "ffffffffffffffff"

/* No piece wraps, in the guest's memory or in its backend, and a piece inside another does not shorten it. */
START_TEST(test_wraps)
{
	ck_assert_int_eq(parse(HEAD "  0-" ALL " (prio 0, ram): m\n", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "  1000-" ALL " (prio 0, ram): m\n", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "  0-fff (prio 0, ram): m @" ALL "\n", "m"), -EPROTO);
	ck_assert_int_eq(parse(HEAD "  0-fff (prio 0, ram): m\n"
				    "  2000-" ALL " (prio 0, ram): m @2000\n",
			       "m"),
			 -EPROTO);
	ck_assert_int_eq(parse(HEAD "  0-7fff (prio 0, ram): m\n"
				    "  2000-2fff (prio 0, rom): m @2000\n",
			       "m"),
			 0);
	ck_assert_uint_eq(tree.count, 1);
	ram_is(0, 0, 0x8000, 0);
}
END_TEST

/* However the text is truncated, the outcome is a result or an error. */
START_TEST(test_cut)
{
	char text[sizeof(pc)];

	for (size_t length = 0; length < sizeof(pc); length++) {
		memcpy(text, pc, length);
		text[length] = '\0';
		int result = parse(text, "pc.ram");

		ck_assert(result == 0 || result == -EPROTO);
		ck_assert_uint_le(tree.count, 2);
	}
}
END_TEST

/* As QEMU 7.2 prints them; the second vCPU is in real mode. */
START_TEST(test_registers)
{
	static const char text[] =
		"CPU#0\nRAX=0000000000000000 RBX=0000000000000000\n"
		"CR0=80050033 CR2=00007f3a5c1e2000 CR3=0000000002a10000 CR4=000006f0\n"
		"CPU#1\nEAX=00000000\nCR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000\n"
		"CPU#2\nCR0=80050033 CR2=0000000000000000 CR3=80000000feed1005 CR4=000006f0\n";
	uint64_t cr3[3] = {0};

	ck_assert_uint_eq(vcpu_registers_parse_cr3(text, cr3, 3), 2);
	ck_assert_uint_eq(cr3[0], 0x2a10000);
	ck_assert_uint_eq(cr3[1], 0x80000000feed1005);
	ck_assert_uint_eq(vcpu_registers_parse_cr3(text, cr3, 1), 1);
	ck_assert_uint_eq(vcpu_registers_parse_cr3("CR3=", cr3, 1), 0);
	ck_assert_uint_eq(vcpu_registers_parse_cr3("CR3=00000000000000001", cr3, 1), 0);
}
END_TEST

#define SEGMENT(name, selector, base)                                                              \
	name " =" selector " " base " ffffffff 00c09300 DPL=0 DS   [-WA]\r\n"
#define LONG_MODE(cpu, rip)                                                                        \
	"\r\nCPU#" cpu "\r\n"                                                                      \
	"RAX=0000000000000001 RBX=0000000000000002 RCX=0000000000000003 RDX=0000000000000004\r\n"  \
	"RSI=0000000000000005 RDI=0000000000000006 RBP=0000000000000007 RSP=0000000000000008\r\n"  \
	"R8 =0000000000000009 R9 =000000000000000a R10=000000000000000b R11=000000000000000c\r\n"  \
	"R12=000000000000000d R13=000000000000000e R14=000000000000000f R15=ffffffffffffffff\r\n"  \
	"RIP=" rip " RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n" SEGMENT(             \
		"ES", "0018", "0000000000000000") SEGMENT("CS", "0010", "0000000000000000")        \
		SEGMENT("SS", "0019", "0000000000000000")                                          \
			SEGMENT("DS", "001a", "0000000000000000")                                  \
				SEGMENT("FS", "001b", "00007f0012345678")                          \
					SEGMENT("GS", "001c",                                      \
						"ffff88800fc00000") "LDT=0000 0 0 0\r\n"           \
								    "CR0=80050033 "                \
								    "CR2=0000000000000011 "        \
								    "CR3=0000000002a10000 "        \
								    "CR4=000006f0\r\n"             \
								    "DR0=0000000000000000\r\n"     \
								    "EFER=0000000000000d01\r\n"

static struct machine_state state;

static const struct machine_registers *registers_of(uint32_t cpu)
{
	return machine_part_find(&state, MACHINE_PART_REGISTERS, cpu,
				 sizeof(struct machine_registers));
}

START_TEST(test_all_registers)
{
	const char *text = LONG_MODE("0", "ffffffff80001234") LONG_MODE("3", "0000000000000007");

	ck_assert_int_eq(vcpu_registers_parse(text, &state, &err), 0);
	const struct machine_registers *registers = registers_of(0);

	ck_assert_ptr_nonnull(registers);
	ck_assert_uint_eq(registers->rip, 0xffffffff80001234);
	ck_assert_uint_eq(registers->general[MACHINE_RAX], 1);
	ck_assert_uint_eq(registers->general[MACHINE_RBX], 2);
	ck_assert_uint_eq(registers->general[MACHINE_RCX], 3);
	ck_assert_uint_eq(registers->general[MACHINE_RDX], 4);
	ck_assert_uint_eq(registers->general[MACHINE_RSI], 5);
	ck_assert_uint_eq(registers->general[MACHINE_RDI], 6);
	ck_assert_uint_eq(registers->general[MACHINE_RBP], 7);
	ck_assert_uint_eq(registers->general[MACHINE_RSP], 8);
	for (unsigned i = 0; i < 7; i++)
		ck_assert_uint_eq(registers->general[MACHINE_R8 + i], 9 + i);
	ck_assert_uint_eq(registers->general[15], UINT64_MAX);
	ck_assert_uint_eq(registers->rflags, 0x246);
	ck_assert_uint_eq(registers->cs, 0x10);
	ck_assert_uint_eq(registers->ss, 0x19);
	ck_assert_uint_eq(registers->ds, 0x1a);
	ck_assert_uint_eq(registers->es, 0x18);
	ck_assert_uint_eq(registers->fs, 0x1b);
	ck_assert_uint_eq(registers->gs, 0x1c);
	ck_assert_uint_eq(registers->fs_base, 0x7f0012345678);
	ck_assert_uint_eq(registers->gs_base, 0xffff88800fc00000);
	ck_assert_uint_eq(registers->cr0, 0x80050033);
	ck_assert_uint_eq(registers->cr2, 0x11);
	ck_assert_uint_eq(registers->cr3, 0x2a10000);
	ck_assert_uint_eq(registers->cr4, 0x6f0);
	ck_assert_uint_eq(registers->efer, 0xd01);
	ck_assert_uint_eq(registers_of(3)->rip, 7);
	machine_state_free(&state);
}
END_TEST

/* Nothing of a text that is not as it should be is taken for a machine's. */
START_TEST(test_registers_that_lack)
{
	static const char text[] = LONG_MODE("1", "ffffffff80001234");
	char cut[sizeof(text)];

	for (size_t length = 0; length < sizeof(text) - 20; length++) {
		memcpy(cut, text, length);
		cut[length] = '\0';
		ck_assert_int_eq(vcpu_registers_parse(cut, &state, &err), -EPROTO);
		ck_assert_uint_eq(state.size, 0);
	}
	ck_assert_int_eq(vcpu_registers_parse(LONG_MODE("256", "0"), &state, &err), -EPROTO);
	ck_assert_int_eq(vcpu_registers_parse(LONG_MODE("0", "00000000000000000"), &state, &err),
			 -EPROTO);
	ck_assert_uint_eq(state.size, 0);
	ck_assert_int_eq(
		vcpu_registers_parse(LONG_MODE("1", "0") LONG_MODE("1", "0"), &state, &err),
		-EPROTO);
	machine_state_free(&state);
}
END_TEST

Suite *memory_tree_suite(void)
{
	Suite *suite = suite_create("memory_tree");
	TCase *parser = tcase_create("parser");

	tcase_add_test(parser, test_two_parts);
	tcase_add_test(parser, test_backends);
	tcase_add_test(parser, test_nonsense);
	tcase_add_test(parser, test_wraps);
	tcase_add_test(parser, test_many);
	tcase_add_test(parser, test_cut);
	tcase_add_test(parser, test_registers);
	tcase_add_test(parser, test_all_registers);
	tcase_add_test(parser, test_registers_that_lack);
	suite_add_tcase(suite, parser);
	return suite;
}
