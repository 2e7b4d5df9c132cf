/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/kind/linux/kernel_find.h: dead, living and faked kernels in one memory. */
#include "unit/suites.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "base/clock.h"
#include "kind/guest.h"
#include "kind/linux/kernel_find.h"
#include "unit/crafted_kernel.h"

#define FOREVER (3600 * NS_PER_S) /* a wait that never ends by itself */

static struct crafted_linux crafted;
static struct kernel_candidate found[KERNEL_CANDIDATES_MAX];
static int count;
static bool is_proven;
static struct error err;

static void setup(void)
{
	linux_make(&crafted, 4);
}

static void teardown(void)
{
	for (int i = 0; i < count; i++)
		kernel_candidate_close(&found[i]);
	linux_free(&crafted);
}

static void put_note(unsigned note, const char *text)
{
	linux_put_note(&crafted, note, text);
}

static uint64_t *word(unsigned i, uint64_t at)
{
	return (uint64_t *)(crafted.ram + KERNEL_PA(i) + at);
}

static void put_kernel(unsigned i, unsigned levels, const char *id, uint64_t wall_clock)
{
	linux_put_kernel(&crafted, i, levels, id, wall_clock);
}

static void find(uint64_t wait_ns)
{
	count = kernel_find(&crafted.memory, NULL, wait_ns, found, KERNEL_CANDIDATES_MAX, &err);
}

static int choose(void)
{
	return kernel_choose(found, (unsigned)count, &is_proven, &err);
}

static void assert_none(void)
{
	find(0);
	ck_assert_int_eq(count, 0);
	ck_assert_str_ne(err.text, "");
}

START_TEST(a_kernel_is_found)
{
	for (unsigned levels = 4; levels <= 5; levels++) {
		linux_free(&crafted);
		linux_make(&crafted, 4);
		put_kernel(0, levels, KERNEL_ID_A, 1);
		find(0);
		ck_assert_int_eq(count, 1);
		ck_assert_str_eq(found[0].info.release, KERNEL_RELEASE);
		ck_assert_uint_eq(found[0].space.root.addr, KERNEL_PA(0) + ROOT_AT);
		ck_assert_uint_eq(found[0].space.levels, levels);
		ck_assert_int_lt(found[0].phys_base, 0);
		ck_assert_int_eq(found[0].life, KERNEL_LIFE_UNKNOWN);
		ck_assert_int_eq(choose(), 0);
		ck_assert(!is_proven);
	}
}
END_TEST

START_TEST(a_memory_without_linux_has_none)
{
	find(FOREVER);
	ck_assert_int_eq(count, 0);
	ck_assert_str_eq(err.text, "");
	ck_assert_int_eq(choose(), -ENOENT);
}
END_TEST

/* Before 5.11 the name's place is not told, and is behind a count. */
START_TEST(an_older_kernel_is_found)
{
	char text[VMCOREINFO_SIZE], *line;

	put_kernel(0, 4, KERNEL_ID_A, 1);
	linux_format_note(text, 0, 4, KERNEL_ID_A);
	line = strstr(text, "OFFSET(");
	memset(line, 'x', 6);
	put_note(0, text);
	find(0);
	ck_assert_int_eq(count, 1);
	memset(word(0, UTS_AT), 0, 0x200);
	strcpy((char *)word(0, UTS_AT) + 4 + 2 * VMCOREINFO_RELEASE_SIZE, KERNEL_RELEASE);
	find(0);
	ck_assert_int_eq(count, 1);
	memcpy(line, "OFFSET", 6);
	put_note(0, text);
	assert_none();
}
END_TEST

/* Replaces the first `from` in the text of kernel 0, of the same length, or with spaces behind. */
static void put_changed_note(const char *from, const char *to)
{
	char text[VMCOREINFO_SIZE], *at;

	linux_format_note(text, 0, 4, KERNEL_ID_A);
	at = strstr(text, from);
	ck_assert_ptr_nonnull(at);
	memcpy(at, to, strlen(to));
	put_note(0, text);
}

START_TEST(what_cannot_be_a_kernel_is_passed_over)
{
	put_kernel(0, 4, KERNEL_ID_A, 1);
	put_changed_note("SYMBOL(swapper", "SYMBOL(sxapper");
	assert_none();
	put_changed_note("NUMBER(phys_base)=-", "NUMBER(phys_base)=+");
	assert_none();
	put_changed_note("NUMBER(phys_base)=-", "NUMBER(phys_base)=1");
	assert_none();
	put_changed_note("NUMBER(pgtable_l5_enabled)=0", "NUMBER(pgtable_l5_enabled)=1");
	assert_none();
	put_changed_note("NUMBER(pgtable_l5_enabled)=0", "NUMBER(sme_mask)=8000000000\n\n");
	assert_none();
	ck_assert_ptr_nonnull(strstr(err.text, "encrypts"));
	put_changed_note("OSRELEASE=6", "OSRELEASE=7");
	assert_none();
	put_changed_note("OFFSET(uts_namespace.name)=0\n", "OFFSET(uts_namespace.name)=99");
	assert_none();
	put_changed_note("SYMBOL(init_uts_ns)=f", "SYMBOL(init_uts_ns)=0");
	assert_none();
	put_changed_note("SYMBOL(swapper_pg_dir)=ffffffff9", "SYMBOL(swapper_pg_dir)=0000000009");
	assert_none();
	put_changed_note("OSRELEASE=6", "OSRELEASE=6");
	*linux_entry(&crafted,
		     &(struct kernel_space){.root = paddr(KERNEL_PA(0) + ROOT_AT), .levels = 4},
		     KERNEL_VA(0) + ROOT_AT, 0) += PAGE_SIZE;
	assert_none();
}
END_TEST

START_TEST(two_notes_of_a_kernel_are_one)
{
	char text[VMCOREINFO_SIZE];

	put_kernel(0, 4, KERNEL_ID_A, 1);
	linux_format_note(text, 0, 4, KERNEL_ID_A);
	put_note(7, text);
	find(0);
	ck_assert_int_eq(count, 1);
	ck_assert_uint_eq(found[0].info.at.addr, NOTE_PA(0));
	linux_format_note(text, 0, 4, KERNEL_ID_B);
	put_note(7, text);
	find(0);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(kernel_find(&crafted.memory, NULL, 0, found, 1, &err), -E2BIG);
	count = 0;
}
END_TEST

START_TEST(a_hint_is_the_only_place)
{
	struct guest_hints hints = {.has_info = true, .info = paddr(NOTE_PA(1))};

	put_kernel(0, 4, KERNEL_ID_A, 1);
	put_kernel(1, 4, KERNEL_ID_B, 1);
	count = kernel_find(&crafted.memory, &hints, 0, found, KERNEL_CANDIDATES_MAX, &err);
	ck_assert_int_eq(count, 1);
	ck_assert_uint_eq(found[0].info.at.addr, NOTE_PA(1));
	hints.info = paddr(NOTE_PA(2));
	ck_assert_int_eq(kernel_find(&crafted.memory, &hints, 0, found, 1, &err), 0);
	hints.info = paddr(LINUX_RAM);
	ck_assert_int_eq(kernel_find(&crafted.memory, &hints, 0, found, 1, &err), -EFAULT);
	hints = (struct guest_hints){.search_end = NOTE_PA(1)};
	count = kernel_find(&crafted.memory, &hints, 0, found, KERNEL_CANDIDATES_MAX, &err);
	ck_assert_int_eq(count, 1);
	ck_assert_uint_eq(found[0].info.at.addr, NOTE_PA(0));
}
END_TEST

static atomic_bool ends;

/* The guest: its clock advances. */
static void *tick(void *own)
{
	_Atomic uint64_t *jiffies = own;

	while (!atomic_load(&ends)) {
		atomic_fetch_add(jiffies, 1);
		clock_sleep_ns(NS_PER_MS);
	}
	return NULL;
}

/* Finds while the clock of kernel i ticks. */
static void find_while_ticking(unsigned i, uint64_t wait_ns)
{
	pthread_t thread;

	atomic_store(&ends, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, tick, word(i, JIFFIES_AT)), 0);
	find(wait_ns);
	atomic_store(&ends, true);
	pthread_join(thread, NULL);
}

START_TEST(a_living_kernel_ticks)
{
	put_kernel(0, 4, KERNEL_ID_A, 1);
	find_while_ticking(0, FOREVER);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(found[0].life, KERNEL_LIFE_TICKS);
	ck_assert_ptr_nonnull(found[0].symbols); /* left open for whoever goes on */
	ck_assert_int_eq(choose(), 0);
	ck_assert(is_proven);
}
END_TEST

/* The dead ones have later clocks; one is of the same build, and the memory of its symbols was used for something else. */
START_TEST(the_one_that_ticks_among_dead_ones_is_chosen)
{
	put_kernel(0, 4, KERNEL_ID_A, 1000);
	put_kernel(1, 4, KERNEL_ID_B, 10);
	put_kernel(2, 5, KERNEL_ID_A, 2000);
	memset(word(2, TABLES_AT), 0xee, TABLES_PAGES * PAGE_SIZE);
	find_while_ticking(1, FOREVER);
	ck_assert_int_eq(count, 3);
	ck_assert_int_eq(found[0].life, KERNEL_LIFE_STILL);
	ck_assert_int_eq(found[1].life, KERNEL_LIFE_TICKS);
	ck_assert_int_eq(found[2].life, KERNEL_LIFE_STILL);
	ck_assert_uint_eq(found[2].jiffies_va, KERNEL_VA(2) + JIFFIES_AT);
	ck_assert_uint_eq(found[2].wall_clock, 2000);
	ck_assert_ptr_null(found[1].symbols);
	ck_assert_int_eq(choose(), 1);
	ck_assert(is_proven);
}
END_TEST

/* Both kernels have their clock in one page. */
START_TEST(of_several_that_tick_none_is_chosen)
{
	put_kernel(0, 4, KERNEL_ID_A, 1);
	put_kernel(1, 4, KERNEL_ID_B, 2);
	*linux_entry(&crafted,
		     &(struct kernel_space){.root = paddr(KERNEL_PA(1) + ROOT_AT), .levels = 4},
		     KERNEL_VA(1) + DATA_AT, 0) += KERNEL_PA(0) - KERNEL_PA(1);
	find_while_ticking(0, FOREVER);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(choose(), -ENOTUNIQ);
	ck_assert(!is_proven);
	ck_assert_ptr_nonnull(strstr(err.text, "faked")); /* not for their equal wall clocks */
	ck_assert_ptr_nonnull(strstr(err.text, KERNEL_RELEASE " at 0x10000"));
	ck_assert_ptr_nonnull(strstr(err.text, KERNEL_RELEASE " at 0x11000"));
}
END_TEST

START_TEST(of_several_that_stand_still_the_latest_is_chosen)
{
	put_kernel(0, 4, KERNEL_ID_A, 1000);
	put_kernel(1, 4, KERNEL_ID_B, 2000);
	put_kernel(2, 4, KERNEL_ID_A, 500);
	find(NS_PER_MS);
	ck_assert_int_eq(count, 3);
	ck_assert_int_eq(found[1].life, KERNEL_LIFE_STILL);
	ck_assert_int_eq(choose(), 1);
	ck_assert(!is_proven);
	*word(0, TIMEKEEPER_AT + 56) = 2000;
	find(0);
	ck_assert_int_eq(found[1].life, KERNEL_LIFE_UNKNOWN);
	ck_assert_int_eq(choose(), -ENOTUNIQ);
	/* What has no clock source is no timekeeper. */
	*word(0, TIMEKEEPER_AT + 8) = 1;
	find(0);
	ck_assert_uint_eq(found[0].wall_clock, 0);
	ck_assert_int_eq(choose(), 1);
}
END_TEST

/* As lists' ends, addresses and texts have it. */
START_TEST(what_lies_where_a_clock_was_is_no_time)
{
	static const struct {
		uint64_t at, value;
	} others[] = {
		{8, UINT64_C(0xffff888012345678)},
		{16, UINT64_C(0xffff888012345678)},
		{16, 0},
		{32, UINT64_C(0xffff888012345678)},
		{32, UINT64_C(24) << 32},
		{56, UINT64_C(0xdead000000000122)},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		put_kernel(0, 4, KERNEL_ID_A, 2000);
		put_kernel(1, 4, KERNEL_ID_B, 1000);
		*word(0, TIMEKEEPER_AT + others[i].at) = others[i].value;
		find(0);
		ck_assert_uint_eq(found[0].wall_clock, 0);
		ck_assert_int_eq(choose(), 1);
	}
}
END_TEST

/* What the vCPUs of the guest have in CR3. */
struct vcpus {
	unsigned count;
	uint64_t cr3[4];
};

static unsigned read_vcpus(void *own, uint64_t cr3[VCPU_TABLES_MAX])
{
	const struct vcpus *vcpus = own;

	memcpy(cr3, vcpus->cr3, sizeof(vcpus->cr3));
	return vcpus->count;
}

static void find_by(const struct vcpus *vcpus, bool is_paused)
{
	const struct vcpu_tables tables = {.read = read_vcpus, .own = (void *)vcpus};
	const struct guest_hints hints = {.is_paused = is_paused, .vcpus = &tables};

	count = kernel_find(&crafted.memory, &hints, is_paused ? 0 : NS_PER_MS, found,
			    KERNEL_CANDIDATES_MAX, &err);
}

#define PROCESS_PA                                                                                 \
	UINT64_C(0x2000) /* top tables of a process, and behind them those of user space */
#define PCID 5

/* By its clock kernel 0 would be chosen. */
static void put_two_kernels(void)
{
	put_kernel(0, 4, KERNEL_ID_A, 2000);
	put_kernel(1, 4, KERNEL_ID_B, 1000);
	memcpy(crafted.ram + PROCESS_PA, word(1, ROOT_AT), PAGE_SIZE);
	memset(crafted.ram + PROCESS_PA + PAGE_SIZE, 0, PAGE_SIZE);
}

static void assert_second_runs(enum kernel_life life)
{
	ck_assert_int_eq(count, 1);
	ck_assert_uint_eq(found[0].info.at.addr, NOTE_PA(1));
	ck_assert_int_eq(found[0].life, life);
	ck_assert_int_eq(choose(), 0);
}

START_TEST(the_one_that_a_vcpu_runs_is_chosen)
{
	put_two_kernels();
	find_by(&(struct vcpus){2, {0, KERNEL_PA(1) + ROOT_AT}}, true);
	assert_second_runs(KERNEL_LIFE_UNKNOWN);
	find_by(&(struct vcpus){1, {PROCESS_PA | PCID}}, false);
	assert_second_runs(KERNEL_LIFE_TICKS);
	ck_assert(is_proven);
	/* In user space. */
	find_by(&(struct vcpus){1, {UINT64_C(1) << 63 | PROCESS_PA | PAGE_SIZE | PCID}}, false);
	assert_second_runs(KERNEL_LIFE_TICKS);
}
END_TEST

START_TEST(vcpus_that_run_none_choose_none)
{
	put_two_kernels();
	find_by(&(struct vcpus){3, {0, LINUX_RAM, UINT64_MAX}}, true);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(choose(), 0);
	find_by(&(struct vcpus){0, {PROCESS_PA}}, true);
	ck_assert_int_eq(count, 2);
	/* Tables that map the kernel's own elsewhere are not its. */
	*linux_entry(&crafted,
		     &(struct kernel_space){.root = paddr(KERNEL_PA(1) + ROOT_AT), .levels = 4},
		     KERNEL_VA(1) + ROOT_AT, 0) ^= PAGE_SIZE;
	find_by(&(struct vcpus){1, {PROCESS_PA}}, true);
	ck_assert_int_eq(count, 1);
	ck_assert_uint_eq(found[0].info.at.addr, NOTE_PA(0));
}
END_TEST

/* Without page table isolation it is no kernel's. */
START_TEST(the_page_in_front_of_tables_may_be_faked)
{
	put_two_kernels();
	memcpy(crafted.ram + PROCESS_PA, word(0, ROOT_AT), PAGE_SIZE);
	memcpy(crafted.ram + PROCESS_PA + PAGE_SIZE, word(1, ROOT_AT), PAGE_SIZE);
	find_by(&(struct vcpus){1, {PROCESS_PA + PAGE_SIZE}}, false);
	assert_second_runs(KERNEL_LIFE_TICKS);
}
END_TEST

START_TEST(several_that_vcpus_run_are_not_told_apart)
{
	put_two_kernels();
	find_by(&(struct vcpus){2, {PROCESS_PA, KERNEL_PA(0) + ROOT_AT}}, false);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(choose(), -ENOTUNIQ);
}
END_TEST

/* Without a name for its tables a kernel may as well have none. */
static void name_tables(unsigned i, bool are_named)
{
	char text[VMCOREINFO_SIZE];

	linux_format_note(text, i, 4, KERNEL_ID_A);
	if (are_named)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "SYMBOL(kallsyms_names)=%" PRIx64 "\n", KERNEL_VA(i) + TABLES_AT);
	put_note(i, text);
}

START_TEST(a_kernel_that_is_overwritten_is_not_chosen)
{
	put_kernel(0, 4, KERNEL_ID_A, 2);
	memset(word(0, TABLES_AT), 0, TABLES_PAGES * PAGE_SIZE);
	name_tables(0, true);
	find(1);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(found[0].life, KERNEL_LIFE_OVERWRITTEN);
	ck_assert_int_eq(choose(), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(err.text, KERNEL_RELEASE));
	/* It is older than what was booted since, whatever its clock says. */
	put_kernel(1, 4, KERNEL_ID_B, 1);
	find(1);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(choose(), 1);
	/* A kernel need not have the tables; and where nobody waits, nothing is known. */
	name_tables(0, false);
	find(1);
	ck_assert_int_eq(found[0].life, KERNEL_LIFE_UNKNOWN);
	name_tables(0, true);
	find(0);
	ck_assert_int_eq(found[0].life, KERNEL_LIFE_UNKNOWN);
}
END_TEST

START_TEST(a_clock_that_no_kernel_has_is_none)
{
	put_kernel(0, 4, KERNEL_ID_A, 1);
	*word(0, JIFFIES_AT) = 1000;
	find(FOREVER);
	ck_assert_int_eq(found[0].life, KERNEL_LIFE_UNKNOWN);
	memset(word(0, TABLES_AT), 0, TABLES_PAGES * PAGE_SIZE);
	*word(0, JIFFIES_AT) = JIFFIES;
	kernel_candidate_close(&found[0]);
	find(FOREVER);
	ck_assert_int_eq(found[0].life, KERNEL_LIFE_UNKNOWN);
	ck_assert_ptr_null(found[0].symbols);
	ck_assert_int_eq(kernel_candidate_open(&found[0], &err), -ENODATA);
}
END_TEST

static int read_ram(void *own, paddr_t pa, void *buffer, size_t length)
{
	memcpy(buffer, (const uint8_t *)own + pa.addr, length);
	return 0;
}

START_TEST(nobody_waits_for_memory_that_never_changes)
{
	const struct memory_reader reader = {
		.read = read_ram, .own = crafted.ram, .is_constant = true, .chunk = 1 << 20};

	put_kernel(0, 4, KERNEL_ID_A, 1000);
	put_kernel(1, 4, KERNEL_ID_B, 2000);
	ck_assert_int_eq(guest_memory_remove(&crafted.memory, paddr(0), &err), 0);
	ck_assert_int_eq(
		guest_memory_add_copied(&crafted.memory, paddr(0), LINUX_RAM, &reader, &err), 0);
	find(FOREVER);
	ck_assert_int_eq(count, 2);
	ck_assert_int_eq(found[1].life, KERNEL_LIFE_UNKNOWN);
	ck_assert_int_eq(choose(), 1);
}
END_TEST

START_TEST(a_restart_is_noticed)
{
	put_kernel(0, 4, KERNEL_ID_A, 1);
	find(0);
	ck_assert_int_eq(kernel_still_there(&found[0], &err), 0);
	crafted.ram[NOTE_PA(0) + strlen("OSRELEASE=" KERNEL_RELEASE "\nBUILD-ID=")] = 'c';
	ck_assert_int_eq(kernel_still_there(&found[0], &err), -ESTALE);
	put_changed_note("OSRELEASE", "OSRELEASE");
	ck_assert_int_eq(kernel_still_there(&found[0], &err), 0);
	memset(word(0, ROOT_AT), 0, PAGE_SIZE);
	ck_assert_int_eq(kernel_still_there(&found[0], &err), -ESTALE);
	memset(crafted.ram + NOTE_PA(0), 0, PAGE_SIZE);
	ck_assert_int_eq(kernel_still_there(&found[0], &err), -ESTALE);
}
END_TEST

START_TEST(symbols_are_opened_once)
{
	struct kernel_symbols *symbols;

	put_kernel(0, 4, KERNEL_ID_A, 1);
	find(0);
	ck_assert_int_eq(kernel_candidate_open(&found[0], &err), 0);
	symbols = found[0].symbols;
	ck_assert_uint_eq(symbols->table.count, 3);
	ck_assert_int_eq(kernel_candidate_open(&found[0], &err), 0);
	ck_assert_ptr_eq(found[0].symbols, symbols);
	kernel_candidate_close(&found[0]);
	ck_assert_ptr_null(found[0].symbols);
	kernel_candidate_close(&found[0]);
}
END_TEST

Suite *linux_find_suite(void)
{
	Suite *suite = suite_create("linux_find");
	TCase *tcase = tcase_create("linux_find");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_kernel_is_found);
	tcase_add_test(tcase, a_memory_without_linux_has_none);
	tcase_add_test(tcase, an_older_kernel_is_found);
	tcase_add_test(tcase, what_cannot_be_a_kernel_is_passed_over);
	tcase_add_test(tcase, two_notes_of_a_kernel_are_one);
	tcase_add_test(tcase, a_hint_is_the_only_place);
	tcase_add_test(tcase, a_living_kernel_ticks);
	tcase_add_test(tcase, the_one_that_ticks_among_dead_ones_is_chosen);
	tcase_add_test(tcase, of_several_that_tick_none_is_chosen);
	tcase_add_test(tcase, of_several_that_stand_still_the_latest_is_chosen);
	tcase_add_test(tcase, what_lies_where_a_clock_was_is_no_time);
	tcase_add_test(tcase, the_one_that_a_vcpu_runs_is_chosen);
	tcase_add_test(tcase, vcpus_that_run_none_choose_none);
	tcase_add_test(tcase, the_page_in_front_of_tables_may_be_faked);
	tcase_add_test(tcase, several_that_vcpus_run_are_not_told_apart);
	tcase_add_test(tcase, a_kernel_that_is_overwritten_is_not_chosen);
	tcase_add_test(tcase, a_clock_that_no_kernel_has_is_none);
	tcase_add_test(tcase, nobody_waits_for_memory_that_never_changes);
	tcase_add_test(tcase, a_restart_is_noticed);
	tcase_add_test(tcase, symbols_are_opened_once);
	suite_add_tcase(suite, tcase);
	return suite;
}
