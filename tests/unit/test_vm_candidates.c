/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/cli/fleet/vm_candidates.h: precedence, guesses, bounds. */
#include "unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet/vm_candidates.h"

static struct vm_candidates all;
static const struct vm_candidate *chosen;
static struct error err;

static void begin(void)
{
	all = (struct vm_candidates){0};
	err.text[0] = '\0';
	chosen = NULL;
}

static void end(void)
{
	vm_candidates_free(&all);
}

static void chooses(const char *name, const char *typed)
{
	ck_assert_msg(vm_candidates_choose(&all, name, &chosen, &err) == 0, "%s", err.text);
	ck_assert_str_eq(chosen->typed, typed);
}

static void refuses(const char *name, int result, const char *text)
{
	ck_assert_int_eq(vm_candidates_choose(&all, name, &chosen, &err), result);
	ck_assert_str_eq(err.text, text);
}

START_TEST(the_only_one_needs_no_name)
{
	refuses(NULL, -ENOENT, "no VM is running; pagevisor run starts one");
	vm_candidates_add(&all, VM_QEMU, "", "qemu:12");
	chooses(NULL, "qemu:12");
	vm_candidates_add(&all, VM_OURS, "demo", "demo");
	vm_candidates_add(&all, VM_DOMAIN, "my web", "libvirt:my web");
	vm_candidates_add(&all, VM_DOMAIN, "it's", "libvirt:it's $(x)");
	refuses(NULL, -EINVAL,
		"4 VMs are running; name one: demo, 'libvirt:it'\\''s $(x)', "
		"'libvirt:my web', qemu:12");
}
END_TEST

/* Whatever the order in which they were found. */
START_TEST(ours_come_before_domains_and_these_before_qemus)
{
	vm_candidates_add(&all, VM_QEMU, "web", "qemu:1");
	chooses("web", "qemu:1");
	vm_candidates_add(&all, VM_DOMAIN, "web", "libvirt:web");
	vm_candidates_add(&all, VM_QEMU, "web", "qemu:2");
	chooses("web", "libvirt:web");
	vm_candidates_add(&all, VM_OURS, "web", "vm:web");
	vm_candidates_add(&all, VM_OURS, "other", "vm:other");
	chooses("web", "vm:web");
}
END_TEST

START_TEST(two_of_a_kind_are_told_apart_in_order)
{
	vm_candidates_add(&all, VM_QEMU, "web", "qemu:10");
	vm_candidates_add(&all, VM_QEMU, "db", "qemu:3");
	vm_candidates_add(&all, VM_QEMU, "web", "qemu:2");
	refuses("web", -EINVAL, "2 VMs are named 'web'; name one: qemu:2, qemu:10");
	vm_candidates_add(&all, VM_OURS, "z", "z");
	refuses(NULL, -EINVAL, "4 VMs are running; name one: z, qemu:2, qemu:3, qemu:10");
}
END_TEST

START_TEST(a_wrong_name_gets_the_nearest)
{
	vm_candidates_add(&all, VM_OURS, "demo", "demo");
	vm_candidates_add(&all, VM_DOMAIN, "database", "libvirt:database");
	vm_candidates_add(&all, VM_QEMU, "", "qemu:1");
	refuses("deom", -ENOENT, "no VM named 'deom'; did you mean 'demo'?");
	refuses("databse", -ENOENT, "no VM named 'databse'; did you mean 'database'?");
	refuses("elephant", -ENOENT, "no VM named 'elephant'; pagevisor ps lists the running VMs");
	refuses("", -ENOENT, "no VM named ''; pagevisor ps lists the running VMs");
}
END_TEST

/* A line holds what it can, and says how many there are. */
START_TEST(a_list_is_bounded)
{
	char typed[32];
	unsigned listed = 0, more;

	for (int i = 0; i < 1000; i++) {
		snprintf(typed, sizeof(typed), "qemu:%d", 100000 + i);
		vm_candidates_add(&all, VM_QEMU, "", typed);
	}
	ck_assert_int_eq(vm_candidates_choose(&all, NULL, &chosen, &err), -EINVAL);
	ck_assert_uint_lt(strlen(err.text), sizeof(err.text) - 1);
	for (const char *at = err.text; (at = strstr(at, "qemu:")); at++)
		listed++;
	ck_assert_uint_gt(listed, 10);
	const char *rest = strstr(err.text, " and ");

	ck_assert_ptr_nonnull(rest);
	ck_assert_int_eq(sscanf(rest, " and %u more; see pagevisor ps", &more), 1);
	ck_assert_uint_eq(listed + more, 1000);
}
END_TEST

/* A domain's name that is too long for a line is left out of it, and counted. */
START_TEST(a_long_name_leaves_room_for_others)
{
	char first[201] = "", second[201] = "", text[512];

	memset(first, 'x', sizeof(first) - 1);
	memset(second, 'y', sizeof(second) - 1);
	vm_candidates_add(&all, VM_DOMAIN, first, first);
	vm_candidates_add(&all, VM_DOMAIN, second, second);
	vm_candidates_add(&all, VM_DOMAIN, "b", "libvirt:b");
	ck_assert_uint_eq(strlen(all.list[0].name), sizeof(all.list[0].name) - 1);
	snprintf(text, sizeof(text),
		 "3 VMs are running; name one: libvirt:b, %s and 1 more; see pagevisor ps", first);
	refuses(NULL, -EINVAL, text);
}
END_TEST

START_TEST(kinds_that_are_left_out)
{
	setenv("PAGEVISOR_LIST", "libvirt,vm", 1);
	ck_assert(vm_kinds_read());
	ck_assert(vm_kind_is_listed(VM_OURS) && vm_kind_is_listed(VM_DOMAIN));
	ck_assert(!vm_kind_is_listed(VM_QEMU));
	setenv("PAGEVISOR_LIST", "vm,xen", 1);
	ck_assert(!vm_kinds_read());
	setenv("PAGEVISOR_LIST", "vm,", 1);
	ck_assert(vm_kinds_read());
}
END_TEST

Suite *vm_candidates_suite(void)
{
	Suite *suite = suite_create("vm_candidates");
	TCase *tcase = tcase_create("vm_candidates");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, the_only_one_needs_no_name);
	tcase_add_test(tcase, ours_come_before_domains_and_these_before_qemus);
	tcase_add_test(tcase, two_of_a_kind_are_told_apart_in_order);
	tcase_add_test(tcase, a_wrong_name_gets_the_nearest);
	tcase_add_test(tcase, a_list_is_bounded);
	tcase_add_test(tcase, a_long_name_leaves_room_for_others);
	tcase_add_test(tcase, kinds_that_are_left_out);
	suite_add_tcase(suite, tcase);
	return suite;
}
