/* SPDX-License-Identifier: MPL-2.0 */
/* What struct page says of a frame: see describe.h. */
#include "kind/linux/describe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/number_text.h"
#include "base/printable.h"
#include "kind/frame_look.h"
#include "kind/linux/file_name.h"
#include "kind/linux/file_pages.h"
#include "kind/linux/kpageflags.h"
#include "kind/linux/linux_guest.h"
#include "kind/linux/page_mappers.h"
#include "kind/linux/page_mobility.h"
#include "kind/linux/page_owner.h"
#include "kind/linux/slab_cache.h"
#include "kind/linux/zones.h"

#define ZONE_NAME_SIZE 32

/* What is known about a frame, all of it from looks that follow each other. */
struct page_facts {
	uint64_t flags;
	uint64_t mapcount;
	bool is_tail;
	uint64_t head;
	const char *migrate_type; /* of its page block; NULL: not known */
	unsigned stays;           /* pages that cannot be moved, in its page block */
	/* Of a free frame. */
	bool is_in_block;
	uint64_t block;
	unsigned order;
	char zone[ZONE_NAME_SIZE]; /* printable; empty: not known */
	unsigned node;
	/* Of a slab, and of a page of a file. */
	char cache[SLAB_NAME_SIZE]; /* printable; empty: none, or not known */
	bool is_of_file, has_index;
	struct linux_file file;
	uint64_t index;
	bool has_place, is_in_place; /* the file has it there, as far as that can be looked up */
	struct page_mappers mappers;
	struct error no_mappers; /* why they are not known; else empty */
};

static int read_facts(const struct guest *guest, const struct frame_look *look,
		      struct page_facts *facts)
{
	const struct linux_kernel *kernel = &linux_guest_of(guest)->kernel;
	const struct page_layout *layout = &kernel->layout;
	const struct page_records in = linux_guest_records(guest, NULL, pfn(0), 0);
	uint64_t word, type;

	*facts = (struct page_facts){0};
	if (page_block_type(&kernel->blocks, pfn(look->pfn), &type))
		facts->migrate_type = migrate_type_name(&kernel->blocks.layout, type);
	facts->stays = page_block_stays(&in, pfn(look->pfn));
	memcpy(&word, (const uint8_t *)look->record + layout->compound_head.offset, sizeof(word));
	facts->is_tail = layout->compound_head.size == sizeof(word) &&
			 page_head_of(layout, kernel->array.vmemmap, look->pfn, word, &facts->head);
	return kpageflags_of(&in, pfn(look->pfn), &facts->flags, &facts->mapcount);
}

struct zone_wanted {
	const struct linux_kernel *kernel;
	const struct owner_fields *fields;
	struct page_facts *facts;
	uint64_t flags;
};

static bool take_zone(void *own, const struct linux_zone *zone)
{
	const struct zone_wanted *wanted = own;
	const struct page_layout *layout = &wanted->kernel->layout;
	struct page_facts *facts = wanted->facts;

	if (zone->node != layout_node(layout, wanted->flags) ||
	    zone->index != layout_zone(layout, wanted->flags))
		return true;
	if (kernel_field_text(&wanted->kernel->found.space, zone->va, &wanted->fields->zone_name,
			      facts->zone, sizeof(facts->zone)))
		printable_copy(facts->zone, sizeof(facts->zone), facts->zone);
	else
		facts->zone[0] = '\0';
	facts->node = (unsigned)zone->node;
	return false;
}

static void read_block(const struct guest *guest, const struct owner_fields *fields,
		       const struct frame_look *look, struct page_facts *facts)
{
	const struct page_records in = linux_guest_records(guest, NULL, pfn(0), 0);
	struct zone_wanted wanted = {&linux_guest_of(guest)->kernel, fields, facts, 0};
	struct error ignored;

	facts->is_in_block = page_free_block(&in, look->pfn, &facts->block, &facts->order);
	if (!wanted.kernel->layout.zone_bits)
		return;
	wanted.flags = layout_load(look->record, &wanted.kernel->layout.flags_word);
	linux_zones(wanted.kernel, take_zone, &wanted, &ignored);
}

/* Who has a page in use. What cannot be confirmed is left out. */
static void read_owner(const struct guest *guest, const struct owner_fields *fields,
		       const struct frame_look *look, const struct describe_options *options,
		       struct page_facts *facts)
{
	const struct kernel_space *space = &linux_guest_of(guest)->kernel.found.space;
	const struct page_records in = linux_guest_records(guest, NULL, pfn(0), 0);
	struct page_owner owner;

	if (!page_class_has_owner(look->frame.type) ||
	    !page_owner_of(&in, look->pfn, look->record, look->frame.type, &owner))
		return;
	if (look->frame.type == PAGE_CLASS_SLAB) {
		if (slab_cache_name(space, fields, owner.va, facts->cache))
			printable_copy(facts->cache, sizeof(facts->cache), facts->cache);
		else
			facts->cache[0] = '\0';
		return;
	}
	facts->is_of_file = linux_file_of(space, fields, owner.va, &facts->file);
	if (facts->is_of_file)
		printable_copy(facts->file.path, sizeof(facts->file.path), facts->file.path);
	facts->has_index = owner.has_index;
	facts->index = owner.index;
	/* A capture of the metadata has names, and not what is between a file and its pages. */
	facts->has_place = options->has_all_memory && facts->is_of_file && owner.has_index &&
			   file_pages_are_known(fields);
	if (facts->has_place)
		facts->is_in_place = page_owner_has_place(&in, space, fields, &owner, look->pfn);
}

/* Nobody needs to be looked for where the kernel counts no mapping. */
static int read_mappers(const struct guest *guest, const struct owner_fields *fields,
			const struct frame_look *look, struct page_facts *facts)
{
	if (facts->mapcount == 0 || look->frame.state != PAGE_STATE_USED)
		return 0;
	int result = page_mappers_find(&linux_guest_of(guest)->kernel, fields, look->pfn,
				       MAPPERS_TABLES_MAX, &facts->mappers, &facts->no_mappers);

	return result == -ENOMEM ? result : 0;
}

/* A capture of the metadata may have the names, too: what is not there is not confirmed. It has no page tables of processes. */
static int read_holder(const struct guest *guest, const struct frame_look *look,
		       const struct describe_options *options, struct page_facts *facts)
{
	struct owner_fields fields;

	if (!owner_fields_read(&linux_guest_of(guest)->kernel, &fields))
		return 0;
	if (look->frame.state == PAGE_STATE_FREE)
		read_block(guest, &fields, look, facts);
	else
		read_owner(guest, &fields, look, options, facts);
	return options->has_all_memory ? read_mappers(guest, &fields, look, facts) : 0;
}

static void put_holder(FILE *out, const struct page_facts *facts)
{
	if (facts->is_in_block)
		fprintf(out, "block     order %u at 0x%" PRIx64 "\n", facts->order,
			facts->block * PAGE_SIZE);
	if (facts->zone[0])
		fprintf(out, "zone      %s, node %u\n", facts->zone, facts->node);
	if (facts->cache[0])
		fprintf(out, "cache     %s\n", facts->cache);
	if (!facts->is_of_file)
		return;
	fprintf(out, "file      %s%s%s%s\n", facts->file.type, facts->file.type[0] ? " " : "",
		facts->file.path, facts->file.is_deleted ? " (deleted)" : "");
	if (facts->has_index)
		fprintf(out, "index     page %" PRIu64 " of it%s\n", facts->index,
			facts->has_place && !facts->is_in_place ? ", which has another page there"
								: "");
}

static json *file_members(const struct page_facts *facts)
{
	json *file = json_object_new_object();

	if (facts->file.type[0])
		json_add_text(file, "filesystem", facts->file.type);
	json_add_text(file, "name", facts->file.path);
	json_add_flag(file, "is_deleted", facts->file.is_deleted);
	if (facts->has_index)
		json_add_number(file, "page_index", facts->index);
	if (facts->has_place)
		json_add_flag(file, "is_in_place", facts->is_in_place);
	return file;
}

static void add_holder(json *members, const struct page_facts *facts)
{
	if (facts->is_in_block) {
		json *block = json_object_new_object();

		json_add_frame(block, facts->block);
		json_add_number(block, "order", facts->order);
		json_add(members, "free_block", block);
	}
	if (facts->zone[0]) {
		json_add_text(members, "zone", facts->zone);
		json_add_number(members, "node", facts->node);
	}
	if (facts->cache[0])
		json_add_text(members, "cache", facts->cache);
	if (facts->is_of_file)
		json_add(members, "cached_file", file_members(facts));
}

/* What the allocator calls the 2 MiB around a page, and what in there cannot be moved. */
static void put_page_block(FILE *out, const struct page_facts *facts)
{
	fprintf(out, "pageblock %s%s", facts->migrate_type ? facts->migrate_type : "",
		facts->migrate_type ? ", " : "");
	if (facts->stays)
		fprintf(out, "%u page%s of it cannot be moved\n", facts->stays,
			plural(facts->stays));
	else
		fprintf(out, "all of it can be moved\n");
}

static json *page_block_members(const struct page_facts *facts)
{
	json *block = json_object_new_object();

	if (facts->migrate_type)
		json_add_text(block, "migratetype", facts->migrate_type);
	json_add_number(block, "unmovable_frames", facts->stays);
	return block;
}

static void put_mappers(FILE *out, const struct page_facts *facts)
{
	fprintf(out, "mapped    %" PRIu64 " time%s", facts->mapcount,
		facts->mapcount == 1 ? "" : "s");
	if (facts->mappers.is_known && facts->mappers.found != facts->mapcount)
		fprintf(out, ", %" PRIu64 " found", facts->mappers.found);
	fprintf(out, "\n");
	if (facts->no_mappers.text[0])
		fprintf(out, "%-9s unknown: %s\n", "by", facts->no_mappers.text);
	page_mappers_print(&facts->mappers, out);
}

static void put_text(FILE *out, const struct page_facts *facts)
{
	fprintf(out, "flags    ");
	for (unsigned i = 0; i < KPF_END; i++)
		if (facts->flags >> i & 1 && kpageflags_names[i])
			fprintf(out, " %s", kpageflags_names[i]);
	fprintf(out, "%s\n", facts->flags ? "" : " none");
	put_mappers(out, facts);
	put_page_block(out, facts);
	if (facts->is_tail)
		fprintf(out, "part      of the compound page at 0x%" PRIx64 "\n",
			facts->head * PAGE_SIZE);
	put_holder(out, facts);
}

static json *facts_members(const struct page_facts *facts)
{
	json *members = json_object_new_object(), *flags = json_object_new_array();

	for (unsigned i = 0; i < KPF_END; i++)
		if (facts->flags >> i & 1 && kpageflags_names[i])
			json_object_array_add(flags, json_text(kpageflags_names[i]));
	json_add(members, "flags", flags);
	json_add_number(members, "map_count", facts->mapcount);
	if (facts->mappers.is_known)
		json_add(members, "mappings", page_mappers_json(&facts->mappers));
	json_add(members, "pageblock", page_block_members(facts));
	if (facts->is_tail)
		json_add_hex(members, "compound_head", facts->head * PAGE_SIZE);
	add_holder(members, facts);
	return members;
}

static int put(const struct page_facts *facts, struct description *description, struct error *err)
{
	FILE *out = open_memstream(&description->text, &description->text_size);

	if (!out)
		return error_set(err, -ENOMEM, "no memory for a description");
	put_text(out, facts);
	fclose(out);
	description->members = facts_members(facts);
	return 0;
}

int linux_describe(const struct guest *guest, const struct frame_look *look,
		   const struct describe_options *options, struct description *description,
		   struct error *err)
{
	/* A path is long. */
	struct page_facts *facts = malloc(sizeof(*facts));
	int result = 0;

	if (!facts)
		return error_set(err, -ENOMEM, "no memory for a description");
	/* With the lesser level, or of a page that never rests, there is nothing to add. */
	if (linux_guest_of(guest)->kernel.layout.is_full && read_facts(guest, look, facts) == 0) {
		result = read_holder(guest, look, options, facts);
		result = result < 0 ? error_set(err, result, "no memory for a description")
				    : put(facts, description, err);
		page_mappers_free(&facts->mappers);
	}
	free(facts);
	return result;
}
