/* SPDX-License-Identifier: MPL-2.0 */
/* Lines that are folded where they would not fit: see folded.h. */
#include "view/folded.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/number_text.h"

#define COLUMNS_MIN     20
#define COLUMNS_MAX     10000
#define COLUMNS_DEFAULT 80 /* of a terminal that does not know */

unsigned folded_columns(int fd)
{
	const char *wanted = getenv("COLUMNS");
	struct winsize size;
	uint64_t number;

	if (isatty(fd) != 1)
		return 0;
	if (wanted && number_parse(wanted, COLUMNS_MIN, COLUMNS_MAX, &number))
		return (unsigned)number;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return COLUMNS_DEFAULT;
}

void folded_put(struct folded *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vfprintf(line->out, format, arguments);

	va_end(arguments);
	line->used += length > 0 ? (unsigned)length : 0;
	line->is_below = false;
}

void folded_keep(struct folded *line, unsigned columns)
{
	if (line->columns == 0 || line->used <= line->indent ||
	    line->used + columns <= line->columns)
		return;
	fprintf(line->out, "\n%*s", (int)line->indent, "");
	line->used = line->indent;
	line->is_below = true;
}

void folded_words(struct folded *line, const char *text)
{
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		unsigned length = (unsigned)strcspn(text, " ");

		folded_keep(line, length + 1);
		folded_put(line, "%s%.*s", line->used > 0 && !line->is_below ? " " : "",
			   (int)length, text);
		text += length;
	}
}

void folded_end(struct folded *line)
{
	fputc('\n', line->out);
	line->used = 0;
	line->is_below = false;
}
