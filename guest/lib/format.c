/* SPDX-License-Identifier: MPL-2.0 */
/* Formatted text: see format.h. */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGITS_MAX 20 /* of a 64-bit number in decimal */

struct output {
	char *next;
	char *end; /* where the terminating NUL goes at the latest */
};

struct spec {
	char conversion;
	bool is_long;
	bool zero_padded;
	unsigned width;
};

static void put_char(struct output *out, char c)
{
	if (out->next < out->end)
		*out->next++ = c;
}

static void put_number(struct output *out, uint64_t value, unsigned base, const struct spec *spec,
		       bool negative)
{
	char digits[DIGITS_MAX];
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	unsigned length = count + negative;

	if (negative && spec->zero_padded)
		put_char(out, '-');
	for (; length < spec->width; length++)
		put_char(out, spec->zero_padded ? '0' : ' ');
	if (negative && !spec->zero_padded)
		put_char(out, '-');
	while (count > 0)
		put_char(out, digits[--count]);
}

static void put_string(struct output *out, const char *text)
{
	while (*text)
		put_char(out, *text++);
}

/* Parses what follows a '%'. Returns where the format continues. */
static const char *parse_spec(const char *format, struct spec *spec)
{
	*spec = (struct spec){.zero_padded = *format == '0'};
	while (*format >= '0' && *format <= '9')
		spec->width = spec->width * 10 + (unsigned)(*format++ - '0');
	while (*format == 'l' || *format == 'z') {
		spec->is_long = true;
		format++;
	}
	spec->conversion = *format;
	return *format ? format + 1 : format;
}

size_t format_text(char *buffer, size_t size, const char *format, va_list args)
{
	struct output out = {.next = buffer, .end = buffer + size - 1};
	struct spec spec;

	while (*format) {
		if (*format != '%') {
			put_char(&out, *format++);
			continue;
		}
		format = parse_spec(format + 1, &spec);
		switch (spec.conversion) {
		case 'c':
			put_char(&out, (char)va_arg(args, int));
			break;
		case 's':
			put_string(&out, va_arg(args, const char *));
			break;
		case 'd': {
			int64_t value = spec.is_long ? va_arg(args, int64_t) : va_arg(args, int);

			put_number(&out, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, &spec,
				   value < 0);
			break;
		}
		case 'u':
		case 'x':
			put_number(&out,
				   spec.is_long ? va_arg(args, uint64_t) : va_arg(args, unsigned),
				   spec.conversion == 'x' ? 16 : 10, &spec, false);
			break;
		case 'p':
			put_string(&out, "0x");
			put_number(&out, (uint64_t)va_arg(args, void *), 16, &spec, false);
			break;
		default: /* '%', and unknown conversions */
			put_char(&out, spec.conversion);
		}
	}
	*out.next = '\0';
	return (size_t)(out.next - buffer);
}
