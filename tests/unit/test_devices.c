/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/machine/device/ (the bus, the serial port's lines, the boot stages) and of vmm/machine/kvm/cpu_state.h.
 */
#include "unit/suites.h"

#include <stdlib.h>
#include <string.h>

#include <pagevisor/ports.h>
#include <pagevisor/x86.h>

#include "base/clock.h"
#include "machine/device/boot_stages.h"
#include "machine/device/console_limit.h"
#include "machine/device/io_bus.h"
#include "machine/device/serial.h"
#include "machine/kvm/cpu_state.h"
#include "machine/kvm/kvm.h"

#define LINES_MAX 8

static struct io_bus bus;
static struct serial serial;
static char lines[LINES_MAX][SERIAL_LINE_MAX];
static unsigned line_count;

static void keep_line(void *context, const char *text)
{
	(void)context;
	ck_assert_uint_lt(line_count, LINES_MAX);
	strcpy(lines[line_count++], text);
}

static void setup(void)
{
	bus = (struct io_bus){0};
	line_count = 0;
	serial_init(&serial, keep_line, NULL);
	serial_attach(&serial, &bus);
}

static void put(const char *text)
{
	for (; *text; text++)
		ck_assert(io_bus_write(&bus, PORT_SERIAL, text, 1));
}

static uint8_t serial_register(unsigned offset)
{
	uint8_t value;

	ck_assert(io_bus_read(&bus, (uint16_t)(PORT_SERIAL + offset), &value, 1));
	return value;
}

START_TEST(nothing_answers_with_all_ones)
{
	uint32_t value = 0;

	ck_assert(!io_bus_read(&bus, 0x1234, &value, sizeof(value)));
	ck_assert_uint_eq(value, UINT32_MAX);
	ck_assert(!io_bus_write(&bus, 0x1234, &value, sizeof(value)));
}
END_TEST

START_TEST(a_wide_access_is_split_into_bytes)
{
	uint8_t value[2];

	/* Line control, modem control; then scratch and the port past the device. */
	ck_assert(io_bus_write(&bus, PORT_SERIAL + 3, "\x03\x00", 2));
	ck_assert_uint_eq(serial_register(3), 3);
	ck_assert(io_bus_read(&bus, PORT_SERIAL + 7, value, 2));
	ck_assert_uint_eq(value[0], 0);
	ck_assert_uint_eq(value[1], 0xff);
}
END_TEST

START_TEST(the_last_port_does_not_wrap_to_the_first)
{
	uint32_t value = 0;

	ck_assert(!io_bus_read(&bus, 0xffff, &value, sizeof(value)));
	ck_assert_uint_eq(value, UINT32_MAX);
}
END_TEST

START_TEST(text_comes_out_line_by_line)
{
	put("one\r\ntwo\n\nthr");
	ck_assert_uint_eq(line_count, 3);
	ck_assert_str_eq(lines[0], "one");
	ck_assert_str_eq(lines[1], "two");
	ck_assert_str_eq(lines[2], "");
	serial_flush(&serial);
	ck_assert_str_eq(lines[3], "thr");
	serial_flush(&serial);
	ck_assert_uint_eq(line_count, 4);
}
END_TEST

START_TEST(control_characters_do_not_get_through)
{
	put("a\033[2Jb\b\x9b\xff\tc\n");
	ck_assert_str_eq(lines[0], "a?[2Jb???\tc");
}
END_TEST

START_TEST(an_endless_line_is_cut)
{
	for (unsigned i = 0; i < SERIAL_LINE_MAX; i++)
		put("x");
	ck_assert_uint_eq(line_count, 1);
	ck_assert_uint_eq(strlen(lines[0]), SERIAL_LINE_MAX - 1);
}
END_TEST

START_TEST(the_divisor_is_not_text)
{
	io_bus_write(&bus, PORT_SERIAL + 3, "\x83", 1);
	put("\x01");
	io_bus_write(&bus, PORT_SERIAL + 3, "\x03", 1);
	put("k\n");
	ck_assert_str_eq(lines[0], "k");
}
END_TEST

START_TEST(the_transmitter_is_always_empty)
{
	ck_assert_uint_eq(serial_register(5), 0x60);
}
END_TEST

START_TEST(a_boot_stage_keeps_its_first_time)
{
	struct boot_stages stages;
	uint8_t stage = STAGE_MEMORY;

	boot_stages_attach(&stages, &bus);
	ck_assert_uint_eq(boot_stages_at(&stages, STAGE_MEMORY), 0);
	io_bus_write(&bus, PORT_BOOT_STAGE, &stage, 1);
	uint64_t first = boot_stages_at(&stages, STAGE_MEMORY);

	ck_assert_uint_ne(first, 0);
	io_bus_write(&bus, PORT_BOOT_STAGE, &stage, 1);
	ck_assert_uint_eq(boot_stages_at(&stages, STAGE_MEMORY), first);
	stage = 0xff;
	io_bus_write(&bus, PORT_BOOT_STAGE, &stage, 1);
}
END_TEST

START_TEST(a_saved_port_goes_on_in_its_line)
{
	struct serial_state state, again;

	put("half a ");
	serial_save(&serial, &state);
	ck_assert(serial_state_is_valid(&state));
	ck_assert_uint_eq(line_count, 0);

	setup();
	serial_load(&serial, &state);
	serial_save(&serial, &again);
	ck_assert_mem_eq(&state, &again, sizeof(state));
	put("line\n");
	ck_assert_uint_eq(line_count, 1);
	ck_assert_str_eq(lines[0], "half a line");
}
END_TEST

START_TEST(a_saved_line_is_not_trusted)
{
	struct serial_state state;

	put("text");
	serial_save(&serial, &state);
	state.text[2] = '\033';
	ck_assert(!serial_state_is_valid(&state));
	state.text[2] = 'x';
	state.length = SERIAL_LINE_MAX;
	ck_assert(!serial_state_is_valid(&state));
}
END_TEST

START_TEST(saved_stages_are_as_long_ago_as_they_were)
{
	struct boot_stages stages = {0}, loaded = {0};
	struct boot_stages_state state;
	const uint64_t now = clock_now_ns();

	stages.reached_ns[STAGE_READY] = now - NS_PER_S;
	boot_stages_save(&stages, &state);
	boot_stages_load(&loaded, &state);
	ck_assert_uint_eq(boot_stages_at(&loaded, STAGE_RUNNING), 0);
	ck_assert_uint_ge(boot_stages_at(&loaded, STAGE_READY), now - NS_PER_S);
	ck_assert_uint_le(boot_stages_at(&loaded, STAGE_READY), clock_now_ns() - NS_PER_S);
	/* The clock of another host. */
	state.ago_ns[STAGE_READY] = UINT64_MAX;
	boot_stages_load(&loaded, &state);
	ck_assert_uint_eq(boot_stages_at(&loaded, STAGE_READY), 1);
}
END_TEST

START_TEST(the_boot_processor_is_as_pvh_wants_it)
{
	struct kvm_sregs sregs = {.cr0 = UINT64_MAX, .cr4 = UINT64_MAX, .efer = 1, .apic_base = 7};
	struct kvm_regs regs;

	cpu_state_pvh(&sregs, &regs, paddr(0x100000), paddr(0x6000));
	ck_assert_uint_eq(regs.rip, 0x100000);
	ck_assert_uint_eq(regs.rbx, 0x6000);
	ck_assert_uint_eq(regs.rflags, 2);
	ck_assert_uint_eq(sregs.cr0, CR0_PE | CR0_ET);
	ck_assert_uint_eq(sregs.cr4 | sregs.efer | sregs.cr3, 0);
	ck_assert_uint_eq(sregs.apic_base, 7);
	ck_assert_uint_eq(sregs.cs.base, 0);
	ck_assert_uint_eq(sregs.cs.limit, UINT32_MAX);
	ck_assert_uint_eq(sregs.cs.type, 0xb);
	ck_assert_uint_eq(sregs.cs.db, 1);
	ck_assert_uint_eq(sregs.ds.type, 0x3);
	ck_assert_uint_eq(sregs.ss.limit, UINT32_MAX);
	ck_assert_uint_eq(sregs.tr.type, 0xb);
}
END_TEST

START_TEST(each_processor_has_its_own_apic_id)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + 3 * sizeof(cpuid->entries[0]));

	cpuid->nent = 3;
	cpuid->entries[0] = (struct kvm_cpuid_entry2){.function = 1, .ebx = 0xaabb1234};
	cpuid->entries[1] = (struct kvm_cpuid_entry2){.function = 0xb, .index = 1, .edx = 99};
	cpuid->entries[2] = (struct kvm_cpuid_entry2){.function = 7, .ebx = 5, .edx = 6};
	cpu_state_cpuid(cpuid, 3, 4);
	ck_assert_uint_eq(cpuid->entries[0].ebx, 0x03041234);
	ck_assert_uint_eq(cpuid->entries[1].edx, 3);
	ck_assert_uint_eq(cpuid->entries[2].ebx, 5);
	ck_assert_uint_eq(cpuid->entries[2].edx, 6);
	free(cpuid);
}
END_TEST

START_TEST(exits_have_names)
{
	ck_assert_str_eq(kvm_exit_name(KVM_EXIT_SHUTDOWN), "KVM_EXIT_SHUTDOWN");
	ck_assert_str_eq(kvm_exit_name(KVM_EXIT_FAIL_ENTRY), "KVM_EXIT_FAIL_ENTRY");
	ck_assert_str_eq(kvm_exit_name(UINT32_MAX), "unknown");
	ck_assert_str_eq(kvm_internal_error_name(KVM_INTERNAL_ERROR_EMULATION),
			 "KVM_INTERNAL_ERROR_EMULATION");
	ck_assert_str_eq(kvm_internal_error_name(0), "unknown");
}
END_TEST

START_TEST(a_console_limit_is_a_second_of_bytes_at_once_and_no_more_than_its_rate)
{
	const uint64_t ms = 1000000;
	struct console_limit limit;

	console_limit_init(&limit, 1000, 5 * ms);
	limit.tokens = 0;
	console_limit_refill(&limit, 254 * ms);
	ck_assert_uint_eq(limit.tokens, 0);
	console_limit_refill(&limit, 255 * ms);
	ck_assert_uint_eq(limit.tokens, 250);
	console_limit_refill(&limit, 955 * ms);
	ck_assert_uint_eq(limit.tokens, 950);
	console_limit_refill(&limit, UINT64_MAX);
	ck_assert_uint_eq(limit.tokens, 1000);
	console_limit_refill(&limit, UINT64_MAX);
	ck_assert_uint_eq(limit.tokens, 1000);
}
END_TEST

/* One byte passes; the next token is due after a second, which this test does not take. */
START_TEST(what_exceeds_the_console_limit_is_dropped_and_counted)
{
	serial_limit(&serial, 1);
	serial.limit.filled_ns = UINT64_MAX; /* the clock never gets there: nothing more is due */
	put("a\ncd\n");
	ck_assert_uint_eq(line_count, 1);
	ck_assert_str_eq(lines[0], "a");
	ck_assert_uint_eq(serial_dropped(&serial), 3);
	serial_limit(&serial, 0);
	put("ef\n");
	ck_assert_str_eq(lines[1], "ef");
	ck_assert_uint_eq(serial_dropped(&serial), 0);
}
END_TEST

Suite *devices_suite(void)
{
	Suite *suite = suite_create("devices");
	TCase *tcase = tcase_create("devices");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, nothing_answers_with_all_ones);
	tcase_add_test(tcase, a_wide_access_is_split_into_bytes);
	tcase_add_test(tcase, the_last_port_does_not_wrap_to_the_first);
	tcase_add_test(tcase, text_comes_out_line_by_line);
	tcase_add_test(tcase, control_characters_do_not_get_through);
	tcase_add_test(tcase, an_endless_line_is_cut);
	tcase_add_test(tcase,
		       a_console_limit_is_a_second_of_bytes_at_once_and_no_more_than_its_rate);
	tcase_add_test(tcase, what_exceeds_the_console_limit_is_dropped_and_counted);
	tcase_add_test(tcase, the_divisor_is_not_text);
	tcase_add_test(tcase, the_transmitter_is_always_empty);
	tcase_add_test(tcase, a_boot_stage_keeps_its_first_time);
	tcase_add_test(tcase, a_saved_port_goes_on_in_its_line);
	tcase_add_test(tcase, a_saved_line_is_not_trusted);
	tcase_add_test(tcase, saved_stages_are_as_long_ago_as_they_were);
	tcase_add_test(tcase, the_boot_processor_is_as_pvh_wants_it);
	tcase_add_test(tcase, each_processor_has_its_own_apic_id);
	tcase_add_test(tcase, exits_have_names);
	suite_add_tcase(suite, tcase);
	return suite;
}
