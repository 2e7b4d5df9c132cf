/* SPDX-License-Identifier: MPL-2.0 */
/* VMCOREINFO: see vmcoreinfo.h. Formats of the values: the kernel's include/linux/vmcore_info.h (before: crash_core.h). */
#include "kind/linux/vmcoreinfo.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "memory/page_search.h"

#define RELEASE_KEY  "OSRELEASE="
#define BUILD_ID_KEY "BUILD-ID="
#define PAGE_KEY     "PAGESIZE="
#define OFFSET_KEY   "KERNELOFFSET="

/* The first eight bytes of RELEASE_KEY, as a word. */
#define RELEASE_WORD UINT64_C(0x5341454c4552534f)

/* A value: what follows the '=' up to the end of its line. */
struct value {
	const char *text;
	size_t length;
};

static bool is_of_text(char c)
{
	return c == '\n' || (c >= ' ' && c <= '~');
}

/* The first line that begins with key. */
static bool find_line(const struct vmcoreinfo *info, const char *key, struct value *value)
{
	size_t key_length = strlen(key);

	for (const char *line = info->text; *line;) {
		size_t length = strcspn(line, "\n");

		if (length >= key_length && memcmp(line, key, key_length) == 0) {
			*value = (struct value){line + key_length, length - key_length};
			return true;
		}
		line += length + (line[length] == '\n');
	}
	return false;
}

/* The first line of the form KIND(name)=. */
static bool find_named(const struct vmcoreinfo *info, const char *kind, const char *name,
		       struct value *value)
{
	size_t kind_length = strlen(kind), name_length = strlen(name);
	size_t key_length = kind_length + name_length + strlen("()=");

	for (const char *line = info->text; *line;) {
		size_t length = strcspn(line, "\n");

		if (length >= key_length && memcmp(line, kind, kind_length) == 0 &&
		    line[kind_length] == '(' &&
		    memcmp(line + kind_length + 1, name, name_length) == 0 &&
		    memcmp(line + key_length - 2, ")=", 2) == 0) {
			*value = (struct value){line + key_length, length - key_length};
			return true;
		}
		line += length + (line[length] == '\n');
	}
	return false;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return UINT32_MAX;
}

/* The whole value is digits of the base, at least one, and fits. */
static bool parse_digits(struct value value, unsigned base, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < value.length; i++) {
		unsigned digit = digit_of(value.text[i]);

		if (digit >= base || *number > (UINT64_MAX - digit) / base)
			return false;
		*number = *number * base + digit;
	}
	return value.length > 0;
}

static struct value without_prefix(struct value value, const char *prefix)
{
	size_t length = strlen(prefix);

	if (value.length < length || memcmp(value.text, prefix, length) != 0)
		return value;
	return (struct value){value.text + length, value.length - length};
}

static bool parse_hex(struct value value, uint64_t *number)
{
	return parse_digits(without_prefix(value, "0x"), 16, number);
}

/* Decimal, or in hexadecimal behind 0x, as the kernel writes some NUMBERs that are addresses. */
static bool parse_number(struct value value, uint64_t *number)
{
	const struct value hex = without_prefix(value, "0x");

	return hex.length < value.length ? parse_digits(hex, 16, number)
					 : parse_digits(value, 10, number);
}

bool vmcoreinfo_symbol(const struct vmcoreinfo *info, const char *name, uint64_t *va)
{
	struct value value;

	return find_named(info, "SYMBOL", name, &value) && parse_hex(value, va);
}

bool vmcoreinfo_number(const struct vmcoreinfo *info, const char *name, int64_t *number)
{
	struct value value;
	uint64_t magnitude;

	if (!find_named(info, "NUMBER", name, &value))
		return false;

	const struct value positive = without_prefix(value, "-");
	bool is_negative = positive.length < value.length;

	if (!parse_number(positive, &magnitude))
		return false;
	/* Addresses in hexadecimal have the sign bit set: they keep their bits. */
	if (is_negative ? magnitude > UINT64_C(1) << 63
			: magnitude > INT64_MAX && value.text[1] != 'x')
		return false;
	*number = (int64_t)(is_negative ? -magnitude : magnitude);
	return true;
}

static bool unsigned_named(const struct vmcoreinfo *info, const char *kind, const char *name,
			   uint64_t *number)
{
	struct value value;

	return find_named(info, kind, name, &value) && parse_digits(value, 10, number);
}

bool vmcoreinfo_offset(const struct vmcoreinfo *info, const char *name, uint64_t *value)
{
	return unsigned_named(info, "OFFSET", name, value);
}

bool vmcoreinfo_size(const struct vmcoreinfo *info, const char *name, uint64_t *value)
{
	return unsigned_named(info, "SIZE", name, value);
}

bool vmcoreinfo_length(const struct vmcoreinfo *info, const char *name, uint64_t *value)
{
	return unsigned_named(info, "LENGTH", name, value);
}

uint64_t vmcoreinfo_kernel_offset(const struct vmcoreinfo *info)
{
	struct value value;
	uint64_t offset;

	return find_line(info, OFFSET_KEY, &value) && parse_hex(value, &offset) ? offset : 0;
}

static int set_release(struct vmcoreinfo *info, struct error *err)
{
	struct value value;

	find_line(info, RELEASE_KEY, &value);
	if (value.length == 0 || value.length >= sizeof(info->release))
		return error_set(err, -EPROTO, "a VMCOREINFO has a release of %zu characters",
				 value.length);
	memcpy(info->release, value.text, value.length);
	return 0;
}

/* A line that is there, but empty, is of a kernel that was linked without a build id. */
static int set_build_id(struct vmcoreinfo *info, struct error *err)
{
	struct value value = {0};

	if (!find_line(info, BUILD_ID_KEY, &value))
		return 0;
	if (value.length % 2 || value.length / 2 > sizeof(info->build_id))
		return error_set(err, -EPROTO,
				 "a VMCOREINFO has a build id of %zu hexadecimal digits",
				 value.length);
	for (size_t i = 0; i < value.length; i += 2) {
		unsigned high = digit_of(value.text[i]), low = digit_of(value.text[i + 1]);

		if (high > 0xf || low > 0xf)
			return error_set(err, -EPROTO,
					 "a VMCOREINFO has a build id that is not hexadecimal");
		info->build_id[i / 2] = (uint8_t)(high << 4 | low);
	}
	info->build_id_size = (unsigned)value.length / 2;
	return 0;
}

static int check_page_size(const struct vmcoreinfo *info, struct error *err)
{
	struct value value;
	uint64_t size;

	if (find_line(info, PAGE_KEY, &value) &&
	    (!parse_digits(value, 10, &size) || size != PAGE_SIZE))
		return error_set(err, -EPROTO,
				 "a VMCOREINFO has a page size that no x86-64 kernel has");
	return 0;
}

int vmcoreinfo_parse(const void *page, size_t size, struct vmcoreinfo *info, struct error *err)
{
	const char *text = page;
	const size_t key_length = strlen(RELEASE_KEY);
	size_t length = strnlen(text, size < VMCOREINFO_SIZE ? size : VMCOREINFO_SIZE);

	if (length < key_length || memcmp(text, RELEASE_KEY, key_length) != 0)
		return error_set(err, -EPROTO, "not a VMCOREINFO: it begins with " RELEASE_KEY);
	for (size_t i = 0; i < length; i++)
		if (!is_of_text(text[i]))
			return error_set(err, -EPROTO,
					 "a VMCOREINFO has a byte that is not text, %#x at %zu",
					 (unsigned char)text[i], i);
	*info = (struct vmcoreinfo){.length = length};
	memcpy(info->text, text, length);

	int result = set_release(info, err);

	if (result == 0)
		result = set_build_id(info, err);
	return result < 0 ? result : check_page_size(info, err);
}

int vmcoreinfo_read(const struct guest_memory *memory, paddr_t at, struct vmcoreinfo *info,
		    struct error *err)
{
	uint8_t page[VMCOREINFO_SIZE];
	int result = guest_memory_copy(memory, at, page, sizeof(page));

	if (result < 0)
		return error_set(err, result,
				 "the page of a VMCOREINFO at %#" PRIx64 " cannot be read",
				 at.addr);
	result = vmcoreinfo_parse(page, sizeof(page), info, err);
	info->at = at;
	return result;
}

struct search {
	vmcoreinfo_visit *visit;
	void *own;
};

static int visit_page(void *own, const void *page, paddr_t at)
{
	const struct search *search = own;
	struct vmcoreinfo info;
	struct error ignored;

	if (vmcoreinfo_parse(page, PAGE_SIZE, &info, &ignored) < 0)
		return 0;
	info.at = at;
	return search->visit(search->own, &info);
}

int vmcoreinfo_search(const struct guest_memory *memory, uint64_t search_end,
		      vmcoreinfo_visit *visit, void *own)
{
	struct search search = {visit, own};

	return page_search(memory, search_end, RELEASE_WORD, visit_page, &search);
}
