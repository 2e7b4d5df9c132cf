/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the readers of a guest's type information: a blob that passes the check goes through libbpf, and the records of
 * its types are printed in every form.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/slot.h>

#include "fuzz/fuzz_check.h"
#include "kind/fields/btf_check.h"
#include "kind/fields/type_catalog.h"
#include "kind/fields/type_format.h"
#include "kind/fields/type_text.h"
#include "unit/crafted_guest.h"

#define TYPES 4

/* Types that the sample in the corpus and the guest of make run have. */
static const struct guest_view view = {
	.type_count = TYPES,
	.types = {{.name = "anon"}, {.name = "page_table"}, {.name = "sample"}, {.name = "slab"}},
};

static void check_layout(const struct type_layout *layout)
{
	for (unsigned i = 0; i < layout->field_count; i++) {
		const struct type_field *field = &layout->fields[i];

		FUZZ_CHECK((unsigned)field->offset + field->size <= layout->size);
		FUZZ_CHECK(memchr(field->name, '\0', sizeof(field->name)));
	}
}

static void print(const struct type_catalog *catalog, FILE *out)
{
	struct meta_slot record;

	memset(&record, 0xa7, sizeof(record));
	for (unsigned type = 0; type < TYPES; type++) {
		if (type_catalog_unknown(catalog, type)) {
			fuzz_check_line(type_catalog_unknown(catalog, type), sizeof(struct error));
			continue;
		}
		check_layout(&catalog->layouts[type]);
		type_format_text(out, catalog, (int)type, record.storage, "  ");
		type_format_fields_text(out, catalog, type, "  ");
		type_text_print(out, catalog, &catalog->layouts[type], record.storage);
		json_object_put(type_format_json(catalog, (int)type, record.storage));
		json_object_put(type_format_layout_json(catalog, type));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct guest *guest = crafted_guest(NULL, &view);
	struct type_catalog *catalog = type_catalog_new(guest, "not yet");
	FILE *out = fopen("/dev/null", "w");
	struct error err;

	FUZZ_CHECK(catalog && out);
	bool is_good = btf_check(data, size, &btf_limits_own, &err) == 0;

	if (!is_good)
		fuzz_check_error(&err);
	type_catalog_load(catalog, guest, data, size);
	FUZZ_CHECK(is_good || !catalog->btf);
	print(catalog, out);
	fclose(out);
	type_catalog_free(catalog);
	return 0;
}
