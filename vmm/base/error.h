/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Errors for people. A function that can fail returns a negative errno and leaves one line of text, which says what was
 * wrong and what would be right. Only the command line (cli/) prints it.
 */
#ifndef VMM_ERROR_H
#define VMM_ERROR_H

struct error {
	char text[512];
};

/*
 * Sets the text (printf-like, no newline) and returns code, so that callers can write `return error_set(err, -EINVAL,
 * "...")`. Text that does not fit is truncated.
 */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Begins the text with the name of what it is about, unless the name is in it. */
void error_name(struct error *err, const char *name);

#endif
