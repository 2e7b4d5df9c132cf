/* SPDX-License-Identifier: MPL-2.0 */
/* The page-table entries that point at a frame: see describe.h. */
#include "kind/pagevisor/describe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "base/json.h"
#include "kind/pagevisor/frame_entries.h"

static const char *maps(const struct page_entry *entry)
{
	static const char *const sizes[PT_LEVELS - 1] = {"4K", "2M", "1G"};

	return entry->is_page ? sizes[entry->level] : "table";
}

struct flag {
	const char *name;
	bool is_set;
};

#define FLAG_COUNT 4

/* The rights that all entries on the path allow; the rest is this entry's own. */
static void read_flags(const struct page_entry *entry, struct flag flags[FLAG_COUNT])
{
	flags[0] = (struct flag){"user", entry->rights & PTE_USER};
	flags[1] = (struct flag){"accessed", entry->value & PTE_ACCESSED};
	flags[2] = (struct flag){"dirty", entry->is_page && entry->value & PTE_DIRTY};
	flags[3] = (struct flag){"uncached", entry->value & PTE_NOCACHE};
}

static void rights_text(const struct page_entry *entry, char text[4])
{
	text[0] = 'r';
	text[1] = entry->rights & PTE_WRITE ? 'w' : '-';
	text[2] = entry->rights & PTE_NO_EXECUTE ? '-' : 'x';
	text[3] = '\0';
}

static void put_entry(FILE *out, const struct page_entry *entry, uint64_t pfn, const char *title)
{
	struct flag flags[FLAG_COUNT];
	char rights[4];

	read_flags(entry, flags);
	rights_text(entry, rights);
	fprintf(out, "%-9s 0x%016" PRIx64 " %-5s by 0x%" PRIx64 "[%u] L%u %s", title,
		frame_entry_va(entry, pfn), maps(entry), entry->table * PAGE_SIZE, entry->index,
		entry->level, rights);
	for (unsigned i = 0; i < FLAG_COUNT; i++)
		if (flags[i].is_set)
			fprintf(out, " %s", flags[i].name);
	fprintf(out, "\n");
}

static void put_entries(FILE *out, const struct frame_entries *entries, uint64_t pfn)
{
	char text[256];

	if (entries->total == 0)
		fprintf(out, "%-9s none\n", "mapped");
	for (unsigned i = 0; i < entries->listed; i++)
		put_entry(out, &entries->list[i], pfn, i == 0 ? "mapped" : "");
	if (entries->total > entries->listed)
		fprintf(out, "%-9s %" PRIu64 " more\n", "", entries->total - entries->listed);
	for (unsigned i = 0; i < entries->problems.listed; i++) {
		finding_format(&entries->problems.list[i], text, sizeof(text));
		fprintf(out, "%-9s %s\n", i == 0 ? "problems" : "", text);
	}
}

static json *entry_json(const struct page_entry *entry, uint64_t pfn)
{
	json *object = json_object_new_object();
	struct flag flags[FLAG_COUNT];
	char rights[4];

	read_flags(entry, flags);
	rights_text(entry, rights);
	json_add_hex(object, "va", frame_entry_va(entry, pfn));
	json_add_text(object, "maps", maps(entry));
	json_add_hex(object, "table_address", entry->table * PAGE_SIZE);
	json_add_number(object, "table_pfn", entry->table);
	json_add_number(object, "index", entry->index);
	json_add_number(object, "level", entry->level);
	json_add_text(object, "rights", rights);
	for (unsigned i = 0; i < FLAG_COUNT; i++)
		json_add_flag(object, flags[i].name, flags[i].is_set);
	return object;
}

static void add_entries(const struct frame_entries *entries, uint64_t pfn, json *root)
{
	json *list = json_object_new_array();
	json *problems = json_object_new_array();
	char text[256];

	for (unsigned i = 0; i < entries->listed; i++)
		json_object_array_add(list, entry_json(&entries->list[i], pfn));
	json_add_number(root, "entry_count", entries->total);
	json_add(root, "entries", list);
	json_add_flag(root, "entries_cut", entries->is_cut);
	for (unsigned i = 0; i < entries->problems.listed; i++) {
		finding_format(&entries->problems.list[i], text, sizeof(text));
		json_object_array_add(problems, json_text(text));
	}
	json_add(root, "table_problems", problems);
}

int describe_frame(const struct guest_memory *memory, const struct guest_view *view,
		   const struct frame_look *look, const struct describe_options *options,
		   struct description *description, struct error *err)
{
	struct frame_entries entries;

	if (view->page_table.addr == 0 || !options->has_all_memory)
		return 0;
	int result = frame_entries_find(memory, view, look->pfn, &entries, err);
	FILE *out = result == 0 ? open_memstream(&description->text, &description->text_size)
				: NULL;

	if (!out)
		return result < 0 ? result : error_set(err, -ENOMEM, "no memory for a description");
	put_entries(out, &entries, look->pfn);
	fclose(out);
	description->members = json_object_new_object();
	add_entries(&entries, look->pfn, description->members);
	return 0;
}
