/* SPDX-License-Identifier: MPL-2.0 */
/* Errors for people: see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

void error_name(struct error *err, const char *name)
{
	const struct error unnamed = *err;

	if (!strstr(unnamed.text, name))
		error_set(err, 0, "%s: %s", name, unnamed.text);
}
