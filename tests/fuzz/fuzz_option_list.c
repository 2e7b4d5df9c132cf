/* SPDX-License-Identifier: MPL-2.0 */
/* Fuzzes the reader of a kernel's list of options. */
#include <errno.h>
#include <string.h>

#include "base/elf/option_list.h"
#include "fuzz/fuzz_check.h"

/* Text that may be missing. */
static void check_text(const char *text, size_t size)
{
	if (*text)
		fuzz_check_line(text, size);
}

/* What option_list.h promises of an entry. */
static void check_entry(const struct option_list *list, const struct option_entry *entry)
{
	FUZZ_CHECK(entry->kind > OPTION_KIND_NONE && entry->kind < OPTION_KIND_COUNT);
	FUZZ_CHECK(entry->name[0] && memchr(entry->name, 0, sizeof(entry->name)));
	FUZZ_CHECK(memchr(entry->of, 0, sizeof(entry->of)));
	FUZZ_CHECK(memchr(entry->word, 0, sizeof(entry->word)));
	check_text(entry->unit, sizeof(entry->unit));
	check_text(entry->help, sizeof(entry->help));
	FUZZ_CHECK(option_list_find(list, entry->kind, entry->of, entry->name,
				    strlen(entry->name)) == entry);
	if (entry->kind == OPTION_KIND_SETTING && entry->value == OPTION_TAKES_NUMBER)
		FUZZ_CHECK(option_takes_number(entry, entry->fallback));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct option_list list;
	struct error err;
	int result = option_list_parse(&list, data, size, &err);

	FUZZ_CHECK(result == 0 || (result == -ENOEXEC && list.count == 0));
	if (result < 0)
		fuzz_check_error(&err);
	FUZZ_CHECK(list.count <= size / sizeof(struct option_entry));
	for (size_t i = 0; i < list.count; i++)
		check_entry(&list, &list.entries[i]);
	option_list_free(&list);
	return 0;
}
