/* SPDX-License-Identifier: MPL-2.0 */
/* Rows of a breakdown: see breakdown_text.h. */
#include "view/breakdown_text.h"

#include "base/printable.h"

#define CUT "..."

/* Skips a character of UTF-8. Returns the columns that it takes. */
static unsigned skip_character(const char **name)
{
	char one[8] = {0};
	unsigned length = 0;

	do
		one[length++] = *(*name)++;
	while ((**name & 0xc0) == 0x80 && length < sizeof(one) - 1);
	return printable_width(one);
}

int breakdown_name_text(const struct breakdown_row *row, unsigned width, char *text, size_t size)
{
	const char *name = row->name ? row->name : "unknown", *cut = "";
	unsigned used = row->group[0] ? printable_width(row->group) + 1 : 0;
	unsigned columns = printable_width(name);

	if (used + columns > width) {
		cut = CUT;
		while (*name && used + sizeof(CUT) - 1 + columns > width)
			columns -= skip_character(&name);
	}
	return snprintf(text, size, "%s%s%s%s", row->group, row->group[0] ? " " : "", cut, name);
}

void breakdown_print_name(const struct breakdown_row *row, unsigned width, FILE *out)
{
	/* What the columns allow, of up to four bytes each. */
	char text[4 * BREAKDOWN_TABLE_WIDTH + BREAKDOWN_GROUP_SIZE + sizeof(CUT) + 1];

	breakdown_name_text(row, width > 2 ? width - 2 : 0, text, sizeof(text));
	fprintf(out, "  %s\n", text);
}

json *breakdown_name_json(const struct breakdown *breakdown, const struct breakdown_row *row)
{
	json *object = json_object_new_object();

	if (row->name)
		json_add_text(object, "name", row->name);
	if (row->group[0])
		json_add_text(object, breakdown->group_key, row->group);
	return object;
}

json *breakdown_figures_json(const struct breakdown *breakdown, const uint64_t *figures,
			     bool is_sum)
{
	json *object = json_object_new_object();

	for (unsigned i = 0; i < breakdown->column_count; i++)
		if (!is_sum || breakdown_unit_has_sum(breakdown->columns[i].unit))
			json_add_number(object, breakdown->columns[i].key, figures[i]);
	return object;
}
