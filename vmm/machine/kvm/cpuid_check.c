/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a guest fits another host's CPUID: see cpuid_check.h. */
#include "machine/kvm/cpuid_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum cpuid_register { EAX, EBX, ECX, EDX };

static const char *const register_names[] = {"eax", "ebx", "ecx", "edx"};

/* Registers of which each bit is a feature (SDM 2A and APM 3, CPUID; Documentation/virt/kvm/x86/cpuid.rst). */
static const struct {
	uint32_t function, index;
	enum cpuid_register in;
} features[] = {
	{0x1, 0, ECX},        {0x1, 0, EDX},        {0x6, 0, EAX},        {0x7, 0, EBX},
	{0x7, 0, ECX},        {0x7, 0, EDX},        {0x7, 1, EAX},        {0x7, 1, EBX},
	{0x7, 1, EDX},        {0x7, 2, EDX},        {0xd, 0, EAX},        {0xd, 0, EDX},
	{0xd, 1, EAX},        {0xd, 1, ECX},        {0xd, 1, EDX},        {0x12, 0, EAX},
	{0x14, 0, EBX},       {0x14, 0, ECX},       {0x19, 0, EAX},       {0x19, 0, EBX},
	{0x40000001, 0, EAX}, {0x80000001, 0, ECX}, {0x80000001, 0, EDX}, {0x80000007, 0, EDX},
	{0x80000008, 0, EBX}, {0x8000000a, 0, EDX}, {0x80000021, 0, EAX},
};

#define LEAF_VENDOR       0x0
#define LEAF_XSAVE        0xd
#define LEAF_ADDRESSES    0x80000008
#define ADDRESS_BITS_MASK 0xff
#define XSAVE_COMPONENTS  64 /* 0 and 1 lie at the same place everywhere */

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid_entry2 *entries, unsigned count,
					   uint32_t function, uint32_t index)
{
	for (unsigned i = 0; i < count; i++)
		if (entries[i].function == function &&
		    (entries[i].index == index ||
		     !(entries[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return &entries[i];
	return NULL;
}

static uint32_t value_of(const struct kvm_cpuid_entry2 *entry, enum cpuid_register in)
{
	if (!entry)
		return 0;
	const uint32_t values[] = {entry->eax, entry->ebx, entry->ecx, entry->edx};

	return values[in];
}

/* Whose processor it is decides how some instructions work that no feature bit describes. */
static int check_vendor(const struct kvm_cpuid_entry2 *saved, const struct kvm_cpuid_entry2 *host,
			struct error *err)
{
	if (value_of(saved, EBX) == value_of(host, EBX) &&
	    value_of(saved, ECX) == value_of(host, ECX) &&
	    value_of(saved, EDX) == value_of(host, EDX))
		return 0;
	return error_set(err, -ENOTSUP,
			 "the guest was saved on a processor of another vendor than this host's");
}

static int check_addresses(const struct kvm_cpuid_entry2 *saved,
			   const struct kvm_cpuid_entry2 *host, struct error *err)
{
	const uint32_t needs = value_of(saved, EAX) & ADDRESS_BITS_MASK;
	const uint32_t has = value_of(host, EAX) & ADDRESS_BITS_MASK;

	return needs <= has
		       ? 0
		       : error_set(
				 err, -ENOTSUP,
				 "the guest was saved with physical addresses of %u bits, and this "
				 "host has %u",
				 needs, has);
}

/* The place of a component in the XSAVE area depends on the processor. */
static int check_component(unsigned component, const struct kvm_cpuid_entry2 *saved,
			   const struct kvm_cpuid_entry2 *host, struct error *err)
{
	if (value_of(saved, EAX) == value_of(host, EAX) &&
	    value_of(saved, EBX) == value_of(host, EBX))
		return 0;
	return error_set(err, -ENOTSUP,
			 "XSAVE component %u of the saved guest lies elsewhere than on this host",
			 component);
}

static int check_features(uint32_t function, uint32_t index, enum cpuid_register in, uint32_t saved,
			  uint32_t host, struct error *err)
{
	const uint32_t missing = saved & ~host;

	if (!missing)
		return 0;
	return error_set(err, -ENOTSUP,
			 "the guest was saved with CPUID %#x.%u:%s bit %d, which this host lacks",
			 function, index, register_names[in], __builtin_ctz(missing));
}

int cpuid_check(const struct kvm_cpuid_entry2 *saved, unsigned saved_count,
		const struct kvm_cpuid_entry2 *host, unsigned host_count, struct error *err)
{
	int result = check_vendor(find(saved, saved_count, LEAF_VENDOR, 0),
				  find(host, host_count, LEAF_VENDOR, 0), err);

	for (size_t i = 0; result == 0 && i < sizeof(features) / sizeof(features[0]); i++) {
		const uint32_t function = features[i].function, index = features[i].index;

		result = check_features(
			function, index, features[i].in,
			value_of(find(saved, saved_count, function, index), features[i].in),
			value_of(find(host, host_count, function, index), features[i].in), err);
	}
	if (result == 0)
		result = check_addresses(find(saved, saved_count, LEAF_ADDRESSES, 0),
					 find(host, host_count, LEAF_ADDRESSES, 0), err);
	const struct kvm_cpuid_entry2 *xsave = find(saved, saved_count, LEAF_XSAVE, 0);
	const uint64_t components = (uint64_t)value_of(xsave, EDX) << 32 | value_of(xsave, EAX);

	for (unsigned i = 2; result == 0 && i < XSAVE_COMPONENTS; i++)
		if (components >> i & 1)
			result = check_component(i, find(saved, saved_count, LEAF_XSAVE, i),
						 find(host, host_count, LEAF_XSAVE, i), err);
	return result;
}
