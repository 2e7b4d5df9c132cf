/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/machine/boot/acpi_tables.c: reads the tables back as a kernel would. */
#include "unit/suites.h"

#include <string.h>

#include <pagevisor/acpi.h>
#include <pagevisor/layout.h>
#include <pagevisor/x86.h>

#include "machine/boot/acpi_tables.h"

#define BASE      0xe0000
#define FILL      0xa5
#define RSDP_V1   20 /* bytes of the RSDP covered by its first checksum */
#define CPU_COUNT 3

static uint8_t buffer[ACPI_TABLES_SIZE_MAX];
static size_t length;

static void setup(void)
{
	memset(buffer, FILL, sizeof(buffer));
	length = acpi_tables_build(buffer, sizeof(buffer), paddr(BASE), CPU_COUNT);
}

static uint8_t sum(const uint8_t *bytes, size_t size)
{
	uint8_t total = 0;

	while (size-- > 0)
		total = (uint8_t)(total + *bytes++);
	return total;
}

/* `size` bytes at a guest address, all inside the tables. */
static const uint8_t *at(uint64_t address, size_t size)
{
	ck_assert_uint_ge(address, BASE);
	ck_assert_uint_le(address - BASE + size, length);
	return buffer + (address - BASE);
}

static struct acpi_rsdp read_rsdp(void)
{
	struct acpi_rsdp rsdp;

	memcpy(&rsdp, at(BASE, sizeof(rsdp)), sizeof(rsdp));
	return rsdp;
}

/* Checks a table's signature, length and checksum, and returns its bytes. */
static const uint8_t *read_table(uint64_t address, const char *signature, size_t *size)
{
	struct acpi_header header;

	memcpy(&header, at(address, sizeof(header)), sizeof(header));
	ck_assert_mem_eq(header.signature, signature, sizeof(header.signature));
	*size = header.length;
	ck_assert_uint_eq(sum(at(address, *size), *size), 0);
	return at(address, *size);
}

static const uint8_t *read_madt(size_t *size)
{
	const uint8_t *xsdt = read_table(read_rsdp().xsdt_paddr, ACPI_XSDT_SIGNATURE, size);
	uint64_t address;

	ck_assert_uint_eq(*size, sizeof(struct acpi_header) + sizeof(address));
	memcpy(&address, xsdt + sizeof(struct acpi_header), sizeof(address));
	return read_table(address, ACPI_MADT_SIGNATURE, size);
}

/* Copies entry number `index` of a kind; returns the number of entries of that kind. */
static unsigned read_entry(uint8_t type, unsigned index, void *entry, size_t entry_size)
{
	struct acpi_madt_entry head;
	unsigned found = 0;
	size_t size;
	const uint8_t *madt = read_madt(&size);

	for (size_t i = sizeof(struct acpi_madt); i < size; i += head.length) {
		memcpy(&head, madt + i, sizeof(head));
		ck_assert_uint_ge(head.length, sizeof(head));
		ck_assert_uint_le(i + head.length, size);
		if (head.type != type)
			continue;
		ck_assert_uint_eq(head.length, entry_size);
		if (found++ == index)
			memcpy(entry, madt + i, entry_size);
	}
	return found;
}

START_TEST(the_rsdp_is_revision_2_with_both_checksums)
{
	struct acpi_rsdp rsdp = read_rsdp();

	ck_assert_mem_eq(rsdp.signature, ACPI_RSDP_SIGNATURE, sizeof(rsdp.signature));
	ck_assert_uint_eq(rsdp.revision, 2);
	ck_assert_uint_eq(rsdp.length, sizeof(rsdp));
	ck_assert_uint_eq(sum(buffer, RSDP_V1), 0);
	ck_assert_uint_eq(sum(buffer, sizeof(rsdp)), 0);
}
END_TEST

START_TEST(the_rsdp_leads_to_the_madt)
{
	size_t size;
	struct acpi_madt madt;

	memcpy(&madt, read_madt(&size), sizeof(madt));
	ck_assert_uint_eq(madt.lapic_paddr, LAPIC_BASE);
}
END_TEST

START_TEST(each_processor_has_an_enabled_apic_of_its_number)
{
	struct acpi_madt_lapic lapic;

	for (unsigned i = 0; i < CPU_COUNT; i++) {
		ck_assert_uint_eq(read_entry(ACPI_MADT_LAPIC, i, &lapic, sizeof(lapic)), CPU_COUNT);
		ck_assert_uint_eq(lapic.apic_id, i);
		ck_assert_uint_eq(lapic.flags, ACPI_LAPIC_ENABLED);
	}
}
END_TEST

START_TEST(there_is_one_ioapic)
{
	struct acpi_madt_ioapic ioapic;

	ck_assert_uint_eq(read_entry(ACPI_MADT_IOAPIC, 0, &ioapic, sizeof(ioapic)), 1);
	ck_assert_uint_eq(ioapic.paddr, IOAPIC_BASE);
	ck_assert_uint_eq(ioapic.gsi_base, 0);
}
END_TEST

START_TEST(as_many_processors_as_allowed_fit)
{
	struct acpi_madt_lapic lapic;

	length = acpi_tables_build(buffer, sizeof(buffer), paddr(BASE), MAX_CPUS);
	ck_assert_uint_eq(read_entry(ACPI_MADT_LAPIC, MAX_CPUS - 1, &lapic, sizeof(lapic)),
			  MAX_CPUS);
	ck_assert_uint_eq(lapic.apic_id, MAX_CPUS - 1);
}
END_TEST

START_TEST(nothing_is_written_past_the_length)
{
	for (size_t i = length; i < sizeof(buffer); i++)
		ck_assert_uint_eq(buffer[i], FILL);
}
END_TEST

/* Refused: a buffer one byte too small, wrong processor counts, wrong addresses. */
static const struct {
	size_t short_by;
	uint64_t base;
	unsigned cpus;
} refusals[] = {
	{1, BASE, CPU_COUNT},     {0, BASE, 0}, {0, BASE, MAX_CPUS + 1}, {0, BASE, UINT32_MAX},
	{0, BASE + 8, CPU_COUNT},
};

START_TEST(a_refusal_writes_nothing)
{
	size_t size = refusals[_i].short_by ? length - refusals[_i].short_by : sizeof(buffer);

	memset(buffer, FILL, sizeof(buffer));
	ck_assert_uint_eq(
		acpi_tables_build(buffer, size, paddr(refusals[_i].base), refusals[_i].cpus), 0);
	for (size_t i = 0; i < sizeof(buffer); i++)
		ck_assert_uint_eq(buffer[i], FILL);
}
END_TEST

Suite *acpi_tables_suite(void)
{
	Suite *suite = suite_create("acpi_tables");
	TCase *tcase = tcase_create("tables");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, the_rsdp_is_revision_2_with_both_checksums);
	tcase_add_test(tcase, the_rsdp_leads_to_the_madt);
	tcase_add_test(tcase, each_processor_has_an_enabled_apic_of_its_number);
	tcase_add_test(tcase, there_is_one_ioapic);
	tcase_add_test(tcase, as_many_processors_as_allowed_fit);
	tcase_add_test(tcase, nothing_is_written_past_the_length);
	tcase_add_loop_test(tcase, a_refusal_writes_nothing, 0,
			    sizeof(refusals) / sizeof(refusals[0]));
	suite_add_tcase(suite, tcase);
	return suite;
}
