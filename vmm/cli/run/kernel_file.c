/* SPDX-License-Identifier: MPL-2.0 */
/* The kernel to boot: see kernel_file.h. */
#include "cli/run/kernel_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/proc.h"

#define GUEST_NAME "pagevisor-guest.elf"

/* Where our own guest may be, relative to the command's directory. */
static const char *const guest_places[] = {"/" GUEST_NAME, "/../lib/pagevisor/" GUEST_NAME};

int kernel_file_own(char *path, size_t size, struct error *err)
{
	char directory[PATH_MAX];
	int result = proc_require("the command finds its guest through it", err);

	if (result < 0)
		return result;
	ssize_t length = readlink("/proc/self/exe", directory, sizeof(directory) - 1);

	if (length < 0)
		return error_set(err, -errno, "/proc/self/exe: %s", strerror(errno));
	directory[length] = '\0';
	*strrchr(directory, '/') = '\0';
	for (size_t i = 0; i < sizeof(guest_places) / sizeof(guest_places[0]); i++) {
		int written = snprintf(path, size, "%s%s", directory, guest_places[i]);

		if (written > 0 && (size_t)written < size && access(path, R_OK) == 0)
			return 0;
	}
	return error_set(err, -ENOENT,
			 "no %s beside the command or in ../lib/pagevisor; run make, "
			 "or name a kernel with --kernel",
			 GUEST_NAME);
}

static int read_options(struct kernel_file *kernel, struct error *err)
{
	const struct elf_image *image = &kernel->image;

	if (!image->has_options)
		return 0;
	return option_list_parse(&kernel->options,
				 elf_image_bytes_at(image, image->options_pa, image->options_size),
				 image->options_size, err);
}

int kernel_file_open(struct kernel_file *kernel, const char *path, struct error *err)
{
	char own[PATH_MAX];
	struct error reason;
	size_t size;
	int result = 0;

	*kernel = (struct kernel_file){0};
	if (!path) {
		result = kernel_file_own(own, sizeof(own), err);
		path = own;
	}
	if (result == 0)
		result = elf_image_read_file(path, &kernel->bytes, &size, err);
	if (result < 0)
		return result;
	result = elf_image_parse(&kernel->image, kernel->bytes, size, &reason);
	if (result == 0)
		result = read_options(kernel, &reason);
	if (result < 0) {
		free(kernel->bytes);
		return error_set(err, result, "%.200s: %.250s", path, reason.text);
	}
	/* Without symbols, messages show bare addresses: no reason to refuse a kernel. */
	symbols_load(&kernel->symbols, kernel->bytes, size);
	kernel->sum = crc32c(0, kernel->bytes, size);
	return 0;
}

void kernel_file_drop_bytes(struct kernel_file *kernel)
{
	free(kernel->bytes);
	kernel->bytes = NULL;
	kernel->image.bytes = NULL;
	kernel->image.size = 0;
}

void kernel_file_close(struct kernel_file *kernel)
{
	symbols_free(&kernel->symbols);
	option_list_free(&kernel->options);
	free(kernel->bytes);
}
