/* SPDX-License-Identifier: MPL-2.0 */
/* What struct page says of a frame: see describe.h. */
#include "kind/linux/describe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "kind/frame_look.h"
#include "kind/linux/kpageflags.h"
#include "kind/linux/linux_guest.h"

/* What is known about a frame, all of it from looks that follow each other. */
struct page_facts {
	uint64_t flags;
	uint64_t mapcount;
	bool is_tail;
	uint64_t head;
};

static int read_facts(const struct guest *guest, const struct frame_look *look,
		      struct page_facts *facts)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	const struct page_layout *layout = &kernel->layout;
	const struct page_records in = linux_guest_records(guest, NULL, pfn(0), 0);
	uint64_t word;

	*facts = (struct page_facts){0};
	memcpy(&word, (const uint8_t *)look->record + layout->compound_head.offset, sizeof(word));
	facts->is_tail = layout->compound_head.size == sizeof(word) &&
			 page_head_of(layout, kernel->array.vmemmap, look->pfn, word, &facts->head);
	return kpageflags_of(&in, pfn(look->pfn), &facts->flags, &facts->mapcount);
}

static void put_text(FILE *out, const struct page_facts *facts)
{
	fprintf(out, "flags    ");
	for (unsigned i = 0; i < KPF_END; i++)
		if (facts->flags >> i & 1 && kpageflags_names[i])
			fprintf(out, " %s", kpageflags_names[i]);
	fprintf(out, "%s\n", facts->flags ? "" : " none");
	fprintf(out, "mapped    %" PRIu64 " time%s\n", facts->mapcount,
		facts->mapcount == 1 ? "" : "s");
	if (facts->is_tail)
		fprintf(out, "part      of the compound page at 0x%" PRIx64 "\n",
			facts->head * PAGE_SIZE);
}

static json *facts_members(const struct page_facts *facts)
{
	json *members = json_object_new_object(), *flags = json_object_new_array();

	for (unsigned i = 0; i < KPF_END; i++)
		if (facts->flags >> i & 1 && kpageflags_names[i])
			json_object_array_add(flags, json_text(kpageflags_names[i]));
	json_add(members, "flags", flags);
	json_add_number(members, "map_count", facts->mapcount);
	if (facts->is_tail)
		json_add_hex(members, "compound_head", facts->head * PAGE_SIZE);
	return members;
}

int linux_describe(const struct guest *guest, const struct frame_look *look,
		   const struct describe_options *options, struct description *description,
		   struct error *err)
{
	struct page_facts facts;

	(void)options;
	/* With the lesser level, or of a page that never rests, there is nothing to add. */
	if (!linux_guest_of(guest)->kernel.layout.is_full || read_facts(guest, look, &facts) < 0)
		return 0;
	FILE *out = open_memstream(&description->text, &description->text_size);

	if (!out)
		return error_set(err, -ENOMEM, "no memory for a description");
	put_text(out, &facts);
	fclose(out);
	description->members = facts_members(&facts);
	return 0;
}
