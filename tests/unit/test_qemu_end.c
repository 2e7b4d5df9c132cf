/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/machine/qemu/qemu_end.h and registers.h: the meaning of QEMU's exit and of its monitor's text. */
#include "unit/suites.h"

#include <signal.h>
#include <string.h>

#include <pagevisor/ports.h>

#include "machine/qemu/qemu_end.h"
#include "machine/qemu/registers.h"

static const struct symbols no_symbols;

static struct vm_end exit_with(int status, const char *last_error)
{
	const siginfo_t info = {.si_code = CLD_EXITED, .si_status = status};

	return qemu_end_of_exit(&info, last_error);
}

START_TEST(the_guest_ends_it)
{
	static const uint8_t values[] = {
		GUEST_EXIT_OK, GUEST_EXIT_FAILED, GUEST_EXIT_PANIC, GUEST_EXIT_USAGE, 0x7f, 1};

	for (size_t i = 0; i < sizeof(values); i++) {
		struct vm_end end = exit_with(QEMU_EXIT_STATUS(values[i]), "a warning");

		ck_assert_int_eq(end.outcome, VM_EXITED);
		ck_assert_uint_eq(end.exit_value, values[i]);
	}
	/* When a guest writes 0, QEMU exits with the same status as for its own failures, but prints nothing. */
	ck_assert_int_eq(exit_with(1, "").outcome, VM_EXITED);
	ck_assert_uint_eq(exit_with(1, "").exit_value, 0);
}
END_TEST

START_TEST(qemu_ends_itself)
{
	siginfo_t info = {.si_code = CLD_KILLED, .si_status = SIGKILL};
	struct vm_end end = exit_with(1, "no such machine");

	ck_assert_int_eq(end.outcome, VM_FAULTED);
	ck_assert_str_eq(end.text.text, "QEMU ended with status 1: no such machine");
	end = exit_with(0, "");
	ck_assert_int_eq(end.outcome, VM_FAULTED);
	ck_assert_str_eq(end.text.text, "QEMU ended with status 0");
	end = qemu_end_of_exit(&info, "");
	ck_assert_int_eq(end.outcome, VM_FAULTED);
	ck_assert_str_eq(end.text.text, "QEMU was killed by signal 9 (Killed)");
}
END_TEST

#define WIDE(cpu, rip, halted)                                                                     \
	"\r\nCPU#" cpu "\r\nRAX=0 RBX=1\r\nRIP=" rip " RFL=00000006 [-----P-] CPL=0 HLT=" halted   \
	"\r\nCR0=80000011 CR2=00006eadbeef0000 CR3=0 CR4=0\r\n"

static void described(const char *text, size_t size, const char *wanted)
{
	char buffer[300];

	memset(buffer, 'x', sizeof(buffer));
	registers_describe(text, &no_symbols, buffer, size);
	ck_assert_str_eq(buffer, wanted);
	ck_assert_int_eq(buffer[size], 'x');
}

START_TEST(places_of_processors)
{
	const char *first = "vCPU 0 at rip 0xffffffff80000123, cr2 0x6eadbeef0000";

	described(WIDE("0", "ffffffff80000123", "0"), 200, first);
	described(WIDE("0", "ffffffff80000123", "0") WIDE("1", "000000000000fff0", "1"), 200,
		  first);
	described(WIDE("0", "ffffffff80000123", "0") WIDE("7", "8", "0"), 200,
		  "vCPU 0 at rip 0xffffffff80000123, cr2 0x6eadbeef0000; "
		  "vCPU 7 at rip 0x8, cr2 0x6eadbeef0000");
	described("CPU#3\nEIP=0010000d EFL=6 HLT=0\nCR0=11 CR2=00000000 CR3=0\n", 200,
		  "vCPU 3 at rip 0x10000d, cr2 0");
	/* What does not fit is left out as a whole. */
	described(WIDE("0", "ffffffff80000123", "0") WIDE("7", "8", "0"), strlen(first) + 5, first);
	described(WIDE("0", "ffffffff80000123", "0"), 20, "");
}
END_TEST

START_TEST(nonsense_has_no_place)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		"RIP=",
		"CPU#",
		"CPU#x\nRIP=zz CR2=zz\n",
		"RIP=1 HLT=0",
		"CR2=5\n",
		"CPU#0\nRIP=1\nCPU#1\nCR2=2\n",
		"CPU#0\nRIP=",
		"CPU#99999999999999999999",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		described(texts[i], 100, "");
}
END_TEST

Suite *qemu_end_suite(void)
{
	Suite *suite = suite_create("qemu_end");
	TCase *tests = tcase_create("ends");

	tcase_add_test(tests, the_guest_ends_it);
	tcase_add_test(tests, qemu_ends_itself);
	tcase_add_test(tests, places_of_processors);
	tcase_add_test(tests, nonsense_has_no_place);
	suite_add_tcase(suite, tests);
	return suite;
}
