/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/kind/pagevisor/guest_view.h over a crafted guest: what is accepted, and what is not.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kind/pagevisor/audit.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/rules.h"
#include "memory/rcu.h"
#include "unit/crafted_guest.h"
#include "unit/small_guest.h"

START_TEST(steps_are_those_of_each_processor)
{
	uint64_t steps[MAX_CPUS] = {0};

	info->cpu_count = 2;
	ck_assert_int_eq(read_view(), 0);
	counters[0].operations = 7;
	counters[1].operations = 9;
	ck_assert_int_eq(guest_view_steps(&view, &memory, steps), 0);
	ck_assert_uint_eq(steps[0], 7);
	ck_assert_uint_eq(steps[1], 9);
	view.cpu_count = 0;
	ck_assert_int_eq(guest_view_steps(&view, &memory, steps), -EAGAIN);
}
END_TEST

START_TEST(a_good_page_is_believed)
{
	ck_assert_int_eq(read_view(), 0);
	ck_assert_uint_eq(view.slot_count, SLOTS);
	ck_assert_uint_eq(view.type_count, TYPE_COUNT);
	ck_assert_str_eq(view.types[TYPE_ANON].name, "anon");
	ck_assert_uint_eq(view.boot_id, BOOT_ID);
}
END_TEST

START_TEST(a_map_of_any_length_is_believed)
{
	info->region_count = 600;
	ck_assert_int_eq(read_view(), 0);
	info->region_count = INFO_REGIONS_MAX;
	info->regions_pa = RAM_SIZE - INFO_REGIONS_MAX * sizeof(struct info_region);
	ck_assert_int_eq(read_view(), 0);
	info->region_count = 0; /* a guest without a memory map */
	info->regions_pa = 0;
	ck_assert_int_eq(read_view(), 0);
	info->boot_stage = STAGE_ENTERED; /* the map need not be valid yet */
	info->regions_pa = UINT64_MAX;
	ck_assert_int_eq(read_view(), 0);
}
END_TEST

/* It may lie anywhere in RAM, and a guest need not have one. */
START_TEST(the_keepers_page_is_read)
{
	ck_assert_int_eq(read_view(), 0);
	ck_assert_uint_eq(view.keeper.addr, 0);
	info->keeper_pa = RAM_SIZE - PAGE_SIZE;
	ck_assert_int_eq(read_view(), 0);
	ck_assert_uint_eq(view.keeper.addr, RAM_SIZE - PAGE_SIZE);
	info->boot_stage = STAGE_METADATA; /* not promised yet */
	ck_assert_int_eq(read_view(), 0);
	ck_assert_uint_eq(view.keeper.addr, 0);
}
END_TEST

START_TEST(another_abi_is_said_in_a_line)
{
	info->abi_version = 6;
	info->info_size = sizeof(*info); /* of that version; nothing after the head is read */
	memset((uint8_t *)info + sizeof(struct info_head), 0xff,
	       PAGE_SIZE - sizeof(struct info_head));
	ck_assert_int_eq(read_view(), -EPROTO);
	ck_assert_str_eq(err.text,
			 "the guest speaks ABI version 6, this pagevisor speaks 7: use the "
			 "pagevisor that made it");
}
END_TEST

START_TEST(a_page_without_magic_is_not_there_yet)
{
	info->magic = 0;
	ck_assert_int_eq(read_view(), -EAGAIN);
}
END_TEST

START_TEST(a_page_outside_ram_is_broken)
{
	ck_assert_int_eq(guest_view_read(&memory, paddr(RAM_SIZE - sizeof(struct guest_info) / 2),
					 &view, &err),
			 -EPROTO);
	ck_assert_int_eq(guest_view_read(&memory, paddr(UINT64_MAX), &view, &err), -EPROTO);
}
END_TEST

/* Each lie must be refused by itself, and no other field may hide it. */
static void lie_magic(void)
{
	info->magic ^= 1;
}
static void lie_abi(void)
{
	info->abi_version++;
}
static void lie_info_size(void)
{
	info->info_size--;
}
static void lie_slot_size(void)
{
	info->slot_size = 128;
}
static void lie_stage(void)
{
	info->boot_stage = STAGE_COUNT;
}
static void lie_type_size(void)
{
	info->type_size = 0;
}
static void lie_type_count(void)
{
	info->type_count = META_TYPES_MAX + 1;
}
static void lie_types_va(void)
{
	info->types_va = VA_OFFSET + RAM_SIZE;
}
static void lie_types_wrap(void)
{
	info->types_va = VA_OFFSET - 64;
}
static void lie_slot_count(void)
{
	info->slot_count++;
}
static void lie_slot_count_wraps(void)
{
	/* Times 64 this is one array of 64 bytes; the product wraps. */
	info->slot_count = (UINT64_C(1) << 58) + 1;
	info->max_paddr = info->slot_count * PAGE_SIZE;
}
static void lie_many_slots(void)
{
	info->slot_count = 2 * GUEST_MEMORY_MAX / PAGE_SIZE + 1;
	info->max_paddr = info->slot_count * PAGE_SIZE;
}
static void lie_no_slots(void)
{
	info->slot_count = info->max_paddr = 0;
}
static void lie_array(void)
{
	info->array_pa = RAM_SIZE - SLOT_SIZE;
}
static void lie_array_wraps(void)
{
	info->array_pa = UINT64_MAX - SLOT_SIZE + 1;
}
static void lie_array_unaligned(void)
{
	info->array_pa += 8;
}
static void lie_no_cpus(void)
{
	info->cpu_count = 0;
}
static void lie_cpus(void)
{
	info->cpu_count = MAX_CPUS + 1;
}
static void lie_counters(void)
{
	info->counters_pa = RAM_SIZE - 64;
}
static void lie_counters_unaligned(void)
{
	info->counters_pa += 1;
}

static void lie_no_boot_id(void)
{
	info->boot_id = 0;
}
static void lie_region_count(void)
{
	info->region_count = INFO_REGIONS_MAX + 1;
}
static void lie_regions(void)
{
	info->regions_pa = RAM_SIZE;
}
static void lie_regions_past_end(void)
{
	info->regions_pa = RAM_SIZE - info->region_count * sizeof(struct info_region) + 8;
}
static void lie_regions_wrap(void)
{
	info->regions_pa = UINT64_MAX - sizeof(struct info_region) + 1;
}
static void lie_regions_unaligned(void)
{
	info->regions_pa += 4;
}
static void lie_keeper(void)
{
	info->keeper_pa = RAM_SIZE;
}
static void lie_keeper_wraps(void)
{
	info->keeper_pa = -PAGE_SIZE;
}
static void lie_keeper_unaligned(void)
{
	info->keeper_pa = ARRAY_PA + SLOT_SIZE;
}
static void lie_role_twice(void)
{
	types[TYPE_ANON].role = TYPE_ROLE_META_PAGE;
}

static void (*const lies[])(void) = {
	lie_magic,
	lie_abi,
	lie_info_size,
	lie_slot_size,
	lie_stage,
	lie_type_size,
	lie_type_count,
	lie_types_va,
	lie_types_wrap,
	lie_slot_count,
	lie_slot_count_wraps,
	lie_no_slots,
	lie_array,
	lie_array_wraps,
	lie_array_unaligned,
	lie_no_cpus,
	lie_cpus,
	lie_counters,
	lie_counters_unaligned,
	lie_role_twice,
	lie_no_boot_id,
	lie_region_count,
	lie_regions,
	lie_regions_past_end,
	lie_regions_wrap,
	lie_regions_unaligned,
	lie_keeper,
	lie_keeper_wraps,
	lie_keeper_unaligned,
};

static int read_nothing(void *own, paddr_t pa, void *buffer, size_t length)
{
	(void)own;
	(void)pa;
	memset(buffer, 0, length);
	return 0;
}

/* There is RAM for the array, so only its length is wrong. */
START_TEST(an_array_for_more_than_2_tib_is_refused)
{
	const uint64_t base = UINT64_C(1) << 32;
	const uint64_t size =
		align_up((2 * GUEST_MEMORY_MAX / PAGE_SIZE + 1) * SLOT_SIZE, PAGE_SIZE);
	const struct memory_reader reader = {.read = read_nothing};

	ck_assert_int_eq(guest_memory_add_copied(&memory, paddr(base), size, &reader, &err), 0);
	info->array_pa = base;
	lie_many_slots();
	ck_assert_int_eq(read_view(), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "slot_count"));
	info->slot_count--;
	info->max_paddr = info->slot_count * PAGE_SIZE;
	ck_assert_int_eq(read_view(), 0);
}
END_TEST

START_TEST(a_page_with_one_lie_is_broken)
{
	lies[_i]();
	ck_assert_int_eq(read_view(), -EPROTO);
	ck_assert_uint_gt(strlen(err.text), 0);
}
END_TEST

START_TEST(names_are_made_printable_and_end)
{
	memset(types[TYPE_ANON].name, '\033', sizeof(types[TYPE_ANON].name));
	ck_assert_int_eq(read_view(), 0);
	ck_assert_str_eq(view.types[TYPE_ANON].name, "???????????????????????????????");
}
END_TEST

START_TEST(types_are_known_by_their_roles)
{
	strcpy(types[TYPE_META_PAGE].name, "anon");
	strcpy(types[TYPE_ANON].name, "meta_page");
	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(guest_view_type_of_role(&view, TYPE_ROLE_META_PAGE), TYPE_META_PAGE);
	ck_assert_int_eq(guest_view_type_of_role(&view, TYPE_ROLE_KERNEL), -1);
	types[TYPE_ANON].role = TYPE_ROLE_COUNT; /* from a future ABI: treated as none */
	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(view.types[TYPE_ANON].role, TYPE_ROLE_NONE);
}
END_TEST

START_TEST(several_types_may_be_reserved)
{
	types[TYPE_META_PAGE].role = types[TYPE_ANON].role = TYPE_ROLE_RESERVED;
	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(guest_view_type_of_role(&view, TYPE_ROLE_RESERVED), TYPE_META_PAGE);
	ck_assert_int_eq(view.types[TYPE_ANON].role, TYPE_ROLE_RESERVED);
}
END_TEST

START_TEST(types_of_one_role_are_named)
{
	lie_role_twice();
	ck_assert_int_eq(read_view(), -EPROTO);
	ck_assert_str_eq(err.text, "the guest's info page is broken: the types meta_page and anon "
				   "both have role 1");
}
END_TEST

static struct mailbox *mailbox_at(uint64_t pa)
{
	return memory_map_at(guest_memory_map(&memory), paddr(pa), sizeof(struct mailbox));
}

static void ask_to_stop(void)
{
	ck_assert_int_eq(read_view(), 0);
	guest_view_ask_to_stop(&view, &memory);
}

START_TEST(the_mailbox_gets_the_request_to_stop)
{
	struct mailbox *mailbox = mailbox_at(MAILBOX_PA), before = *mailbox;

	ask_to_stop();
	ck_assert_uint_eq(mailbox->stop, 1);
	before.stop = 1;
	ck_assert_mem_eq(mailbox, &before, sizeof(before)); /* nothing else was written */
}
END_TEST

START_TEST(a_wild_mailbox_is_left_alone)
{
	struct mailbox *mailbox = mailbox_at(MAILBOX_PA), before;
	static const uint64_t wild[] = {RAM_SIZE, RAM_SIZE - MAILBOX_LINE,
					UINT64_MAX - MAILBOX_LINE + 1, MAILBOX_PA + 1,
					MAILBOX_PA + 8};

	/* The head of a sound mailbox at an address that is not aligned. */
	memcpy(mailbox->reserved_head, mailbox, sizeof(mailbox->reserved_head[0]));
	before = *mailbox;
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		info->mailbox_pa = wild[i];
		ask_to_stop();
	}
	ck_assert_mem_eq(mailbox, &before, sizeof(before));
}
END_TEST

START_TEST(a_mailbox_with_other_words_is_left_alone)
{
	struct mailbox *mailbox = mailbox_at(MAILBOX_PA);

	mailbox->version = MAILBOX_VERSION + 1;
	ask_to_stop();
	mailbox->version = MAILBOX_VERSION;
	mailbox->size = sizeof(*mailbox) - 1;
	ask_to_stop();
	ck_assert_uint_eq(mailbox->stop, 0);
	mailbox->size = 2 * sizeof(*mailbox); /* a longer info page starts with the same words */
	ask_to_stop();
	ck_assert_uint_eq(mailbox->stop, 1);
}
END_TEST

START_TEST(wild_vtables_are_no_types)
{
	ck_assert_int_eq(read_view(), 0);
	ck_assert_int_eq(guest_view_type(&view, type_va(TYPE_ANON)), TYPE_ANON);
	ck_assert_int_eq(guest_view_type(&view, type_va(TYPE_COUNT)), -1);
	ck_assert_int_eq(guest_view_type(&view, type_va(TYPE_ANON) + 8), -1);
	ck_assert_int_eq(guest_view_type(&view, type_va(0) - 64), -1);
	ck_assert_int_eq(guest_view_type(&view, 0), -1);
	ck_assert_int_eq(guest_view_type(&view, UINT64_MAX), -1);
}
END_TEST

Suite *guest_view_suite(void)
{
	Suite *suite = suite_create("guest_view");
	TCase *tcase = tcase_create("guest_view");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_good_page_is_believed);
	tcase_add_test(tcase, a_map_of_any_length_is_believed);
	tcase_add_test(tcase, another_abi_is_said_in_a_line);
	tcase_add_test(tcase, steps_are_those_of_each_processor);
	tcase_add_test(tcase, a_page_without_magic_is_not_there_yet);
	tcase_add_test(tcase, the_keepers_page_is_read);
	tcase_add_test(tcase, a_page_outside_ram_is_broken);
	tcase_add_loop_test(tcase, a_page_with_one_lie_is_broken, 0,
			    sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(tcase, an_array_for_more_than_2_tib_is_refused);
	tcase_add_test(tcase, names_are_made_printable_and_end);
	tcase_add_test(tcase, types_are_known_by_their_roles);
	tcase_add_test(tcase, several_types_may_be_reserved);
	tcase_add_test(tcase, types_of_one_role_are_named);
	tcase_add_test(tcase, the_mailbox_gets_the_request_to_stop);
	tcase_add_test(tcase, a_wild_mailbox_is_left_alone);
	tcase_add_test(tcase, a_mailbox_with_other_words_is_left_alone);
	tcase_add_test(tcase, wild_vtables_are_no_types);
	suite_add_tcase(suite, tcase);
	return suite;
}
