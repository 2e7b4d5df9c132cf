/* SPDX-License-Identifier: MPL-2.0 */
/* A kernel's table of symbols: see kallsyms.h. */
#include "kind/linux/kallsyms.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/printable.h"

/* The place of a symbol of VMCOREINFO in the image; its bytes are checked by whoever uses them. */
static bool place_of(const struct kernel_image *image, const struct vmcoreinfo *info,
		     const char *name, size_t *at)
{
	uint64_t va;

	if (!vmcoreinfo_symbol(info, name, &va) || !kernel_image_at(image, va, sizeof(uint64_t)))
		return false;
	*at = va - image->va;
	return true;
}

/* Sets what VMCOREINFO tells. */
static bool set_places(struct kallsyms *table, const struct vmcoreinfo *info)
{
	const struct kernel_image *image = table->image;
	size_t count;

	if (!place_of(image, info, "kallsyms_num_syms", &count) ||
	    !place_of(image, info, "kallsyms_names", &table->names) ||
	    !place_of(image, info, "kallsyms_token_table", &table->token_table) ||
	    !place_of(image, info, "kallsyms_token_index", &table->token_index) ||
	    !place_of(image, info, "kallsyms_offsets", &table->offsets))
		return false;
	table->count = kallsyms_u32(image, count);
	return true;
}

static int open_named(struct kallsyms *table, const struct vmcoreinfo *info, struct error *err)
{
	uint64_t va;
	size_t base;
	bool is_self_relative = !vmcoreinfo_symbol(info, "kallsyms_relative_base", &va);

	if (!set_places(table, info) ||
	    (!is_self_relative && !place_of(table->image, info, "kallsyms_relative_base", &base)))
		return error_set(err, -EPROTO,
				 "the kernel's VMCOREINFO names tables of kallsyms that are not in "
				 "its image");
	if (!is_self_relative)
		table->relative_base = kallsyms_u64(table->image, base);
	if (!kallsyms_check_tokens(table))
		return error_set(err, -EPROTO, "the kernel's kallsyms has a broken token table");
	if (!kallsyms_check_names(table))
		return error_set(err, -EPROTO,
				 "the kernel's kallsyms has names that its markers contradict");
	if (!kallsyms_check_addresses(table, is_self_relative))
		return error_set(err, -EPROTO,
				 "the kernel's kallsyms has addresses that do not ascend");
	return 0;
}

static int open_searched(struct kallsyms *table, struct error *err)
{
	if (!kallsyms_search(table))
		return error_set(err, -ENODATA, "the kernel's image has no kallsyms");
	if (!kallsyms_check_addresses(table, false))
		return error_set(err, -EPROTO,
				 "the kernel's kallsyms has addresses that do not ascend");
	return 0;
}

static const uint8_t *token_text(const struct kallsyms *table, uint8_t token)
{
	return table->image->bytes + table->token_table +
	       kallsyms_u16(table->image, table->token_index + token * sizeof(uint16_t));
}

/* Expands a name of which all tokens are in the image, without its type. Returns false if it is too long. */
static bool expand(const struct kallsyms *table, size_t at, unsigned length,
		   char name[KALLSYMS_NAME_MAX])
{
	size_t done = 0, skip = 1;

	for (unsigned i = 0; i < length; i++) {
		uint8_t token = table->image->bytes[at + i];
		size_t size = table->token_lengths[token];
		const uint8_t *text = token_text(table, token);

		if (skip > 0 && size > 0) {
			skip--;
			size--;
			text++;
		}
		if (size >= KALLSYMS_NAME_MAX - done)
			return false;
		memcpy(name + done, text, size);
		done += size;
	}
	name[done] = '\0';
	return true;
}

/* The name of a symbol, found through the marker of its block. */
static bool name_of_index(const struct kallsyms *table, uint32_t index,
			  char name[KALLSYMS_NAME_MAX])
{
	size_t at = table->names +
		    kallsyms_u32(table->image,
				 table->markers + index / KALLSYMS_BLOCK * sizeof(uint32_t));
	unsigned length;

	for (uint32_t i = index % KALLSYMS_BLOCK;; i--) {
		if (!kallsyms_name_at(table, &at, &length))
			return false;
		if (i == 0)
			return expand(table, at, length, name);
		at += length;
	}
}

/* The number of symbols below an address. */
static uint32_t count_below(const struct kallsyms *table, uint64_t va)
{
	uint32_t low = 0, high = table->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (kallsyms_address(table, middle) < va)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Several symbols share an address; hardly more than that do. */
#define ALIASES_MAX 64

static int check_stext(const struct kallsyms *table, const struct vmcoreinfo *info,
		       struct error *err)
{
	char name[KALLSYMS_NAME_MAX];
	uint64_t va;

	if (!vmcoreinfo_symbol(info, "_stext", &va))
		return 0;

	uint32_t first = count_below(table, va);

	for (uint32_t i = first; i < table->count && i < first + ALIASES_MAX; i++) {
		if (kallsyms_address(table, i) != va)
			break;
		if (name_of_index(table, i, name) && strcmp(name, "_stext") == 0)
			return 0;
	}
	return error_set(err, -EPROTO,
			 "the kernel's kallsyms has no _stext at %#" PRIx64
			 ", where its VMCOREINFO has it",
			 va);
}

int kallsyms_open(const struct kernel_image *image, const struct vmcoreinfo *info,
		  struct kallsyms *table, struct error *err)
{
	uint64_t va;
	int result;

	*table = (struct kallsyms){.image = image};
	if (vmcoreinfo_symbol(info, "kallsyms_names", &va))
		result = open_named(table, info, err);
	else
		result = open_searched(table, err);
	return result < 0 ? result : check_stext(table, info, err);
}

/* Names that are looked up. Most names of the table need not be expanded: their lengths or first characters differ. */
struct wanted {
	struct kallsyms_symbol *symbols;
	unsigned count, found;
	uint32_t initials[KALLSYMS_NAME_MAX]; /* of names of each length, bits of initial_bit */
};

static uint32_t initial_bit(uint8_t initial)
{
	return UINT32_C(1) << (initial & 31);
}

static void want(struct wanted *wanted, struct kallsyms_symbol *symbols, unsigned count)
{
	*wanted = (struct wanted){.symbols = symbols, .count = count};
	for (unsigned i = 0; i < count; i++) {
		size_t length = strlen(symbols[i].name);

		symbols[i].va = 0;
		if (length < KALLSYMS_NAME_MAX)
			wanted->initials[length] |= initial_bit((uint8_t)symbols[i].name[0]);
	}
}

static void offer(struct wanted *wanted, const char *name, uint64_t va)
{
	for (unsigned i = 0; i < wanted->count; i++)
		if (wanted->symbols[i].va == 0 && strcmp(wanted->symbols[i].name, name) == 0) {
			wanted->symbols[i].va = va;
			wanted->found += va != 0;
		}
}

/*
 * Whether a name may be one of those, by its length, without the type, and its first character. Where that is not in the
 * first two tokens, nothing is known of it.
 */
static bool may_be_wanted(const struct wanted *wanted, const struct kallsyms *table, size_t at,
			  unsigned length)
{
	const uint8_t *tokens = table->image->bytes + at;
	size_t expanded = 0;

	for (unsigned i = 0; i < length; i++)
		expanded += table->token_lengths[tokens[i]];
	if (expanded == 0 || expanded > KALLSYMS_NAME_MAX)
		return false;

	uint32_t initials = wanted->initials[expanded - 1];

	if (table->token_lengths[tokens[0]] >= 2)
		return initials & initial_bit(token_text(table, tokens[0])[1]);
	if (table->token_lengths[tokens[0]] == 1 && length > 1 &&
	    table->token_lengths[tokens[1]] > 0)
		return initials & initial_bit(token_text(table, tokens[1])[0]);
	return initials;
}

unsigned kallsyms_find(const struct kallsyms *table, struct kallsyms_symbol *symbols,
		       unsigned count)
{
	struct wanted wanted;
	char name[KALLSYMS_NAME_MAX];
	size_t at = table->names;
	unsigned length;

	want(&wanted, symbols, count);
	for (uint32_t i = 0; i < table->count && wanted.found < count; i++, at += length) {
		if (!kallsyms_name_at(table, &at, &length))
			break;
		if (may_be_wanted(&wanted, table, at, length) && expand(table, at, length, name))
			offer(&wanted, name, kallsyms_address(table, i));
	}
	return wanted.found;
}

bool kallsyms_name_of(const struct kallsyms *table, uint64_t va, char *name, uint64_t *offset)
{
	uint32_t above = va < UINT64_MAX ? count_below(table, va + 1) : table->count;
	char raw[KALLSYMS_NAME_MAX];

	if (above == 0)
		return false;

	uint64_t address = kallsyms_address(table, above - 1);

	if (!name_of_index(table, count_below(table, address), raw))
		return false;
	*offset = va - address;
	printable_copy(name, KALLSYMS_NAME_MAX, raw);
	return true;
}
