/* SPDX-License-Identifier: MPL-2.0 */
/* What fuzz targets share: see fuzz_check.h. */
#include "fuzz/fuzz_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_check(bool holds, const char *promise, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, promise);
	abort();
}

void fuzz_check_line(const char *text, size_t size)
{
	FUZZ_CHECK(strnlen(text, size) < size && *text);
	for (; *text; text++)
		FUZZ_CHECK((unsigned char)*text >= ' ' && *text != 0x7f);
}

void fuzz_check_error(const struct error *err)
{
	fuzz_check_line(err->text, sizeof(err->text));
}

char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	size_t length = 0;

	FUZZ_CHECK(text != NULL);
	for (size_t i = 0; i < size; i++)
		if (data[i])
			text[length++] = (char)data[i];
	text[length] = '\0';
	/* The exact size, so that AddressSanitizer sees reads past the end. */
	char *exact = strdup(text);

	free(text);
	FUZZ_CHECK(exact != NULL);
	return exact;
}

uint64_t fuzz_open_descriptors(void)
{
	uint64_t open = 0;

	for (int fd = 0; fd < 64; fd++)
		open |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
	return open;
}

static char directory[64];

static void remove_directory(void)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	FUZZ_CHECK(system(command) == 0);
}

void fuzz_runtime_directory(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%.40s/pagevisor.XXXXXX", parent ? parent : "/tmp");
	FUZZ_CHECK(mkdtemp(directory) != NULL);
	setenv("XDG_RUNTIME_DIR", directory, 1);
	atexit(remove_directory);
}
