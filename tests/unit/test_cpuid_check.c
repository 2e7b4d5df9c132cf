/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/machine/kvm/cpuid_check.h with made-up tables. */
#include "unit/suites.h"

#include <errno.h>
#include <string.h>

#include "machine/kvm/cpuid_check.h"

#define ENTRIES 8

static const struct kvm_cpuid_entry2 model[ENTRIES] = {
	{.function = 0x0, .eax = 0xd, .ebx = 1, .ecx = 2, .edx = 3},
	{.function = 0x1, .eax = 0x123, .ebx = 0x456, .ecx = 0xff, .edx = 0xff},
	{.function = 0x7, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .ebx = 0xff, .ecx = 0x3},
	{.function = 0x7, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .eax = 0x10},
	{.function = 0xd, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX, .eax = 0x7, .ebx = 832},
	{.function = 0xd,
	 .index = 2,
	 .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
	 .eax = 256,
	 .ebx = 576},
	{.function = 0x80000001, .ecx = 0x1, .edx = 0x20000000},
	{.function = 0x80000008, .eax = 0x302e},
};

static struct kvm_cpuid_entry2 saved[ENTRIES], host[ENTRIES];
static struct error err;

static void setup(void)
{
	memcpy(saved, model, sizeof(saved));
	memcpy(host, model, sizeof(host));
}

static int check(void)
{
	return cpuid_check(saved, ENTRIES, host, ENTRIES, &err);
}

START_TEST(the_same_host_and_a_better_one_do)
{
	ck_assert_int_eq(check(), 0);
	host[2].ebx |= 1u << 30;
	host[1].eax++; /* its stepping */
	host[7].eax++; /* a bit more of physical addresses */
	ck_assert_int_eq(check(), 0);
}
END_TEST

START_TEST(the_first_missing_feature_is_named)
{
	host[2].ebx &= ~(1u << 5);
	ck_assert_int_eq(check(), -ENOTSUP);
	ck_assert_str_eq(err.text,
			 "the guest was saved with CPUID 0x7.0:ebx bit 5, which this host lacks");
	setup();
	ck_assert_int_eq(cpuid_check(saved, ENTRIES, host, 3, &err), -ENOTSUP);
	ck_assert_str_eq(err.text,
			 "the guest was saved with CPUID 0x7.1:eax bit 4, which this host lacks");
}
END_TEST

START_TEST(other_vendors_addresses_and_areas_do_not)
{
	host[0].ecx++;
	ck_assert_int_eq(check(), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "vendor"));
	setup();
	host[7].eax--;
	ck_assert_int_eq(check(), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "addresses of 46 bits, and this host has 45"));
	setup();
	host[5].ebx = 640;
	ck_assert_int_eq(check(), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "XSAVE component 2"));
}
END_TEST

START_TEST(no_table_needs_nothing_but_a_vendor)
{
	ck_assert_int_eq(cpuid_check(saved, 1, host, ENTRIES, &err), 0);
	ck_assert_int_eq(cpuid_check(saved, 0, host, ENTRIES, &err), -ENOTSUP);
}
END_TEST

Suite *cpuid_check_suite(void)
{
	Suite *suite = suite_create("cpuid_check");
	TCase *tests = tcase_create("cpuid_check");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, the_same_host_and_a_better_one_do);
	tcase_add_test(tests, the_first_missing_feature_is_named);
	tcase_add_test(tests, other_vendors_addresses_and_areas_do_not);
	tcase_add_test(tests, no_table_needs_nothing_but_a_vendor);
	suite_add_tcase(suite, tests);
	return suite;
}
