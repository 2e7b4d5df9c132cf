/* SPDX-License-Identifier: MPL-2.0 */
/* The kernel to boot: its file, what was found in it, its symbols, and the options that it lists. */
#ifndef VMM_KERNEL_FILE_H
#define VMM_KERNEL_FILE_H

#include "base/error.h"
#include "base/elf/elf_image.h"
#include "base/elf/option_list.h"
#include "base/elf/symbols.h"

struct kernel_file {
	void *bytes;
	struct elf_image image;
	struct symbols symbols;
	struct option_list options; /* empty: the kernel does not list them */
	uint32_t sum;               /* CRC-32C of the file */
};

/*
 * Reads and checks a kernel. NULL: our own guest, which is beside the command or, when installed, in ../lib/pagevisor
 * from there. Returns 0 or a negative errno, with a text that names the file.
 */
int kernel_file_open(struct kernel_file *kernel, const char *path, struct error *err);

/* Gets the path of our own guest, in `size` bytes. Returns 0 or a negative errno with a line of text: -ENOENT none. */
int kernel_file_own(char *path, size_t size, struct error *err);

/* Frees the file's bytes, which are not needed once the guest runs. What was found in the file stays. */
void kernel_file_drop_bytes(struct kernel_file *kernel);

void kernel_file_close(struct kernel_file *kernel);

#endif
