/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's ELF file: an x86-64 or i386 executable with a PVH entry note, checked in a buffer. Every byte of the
 * file is hostile input. An image that passes elf_image_parse() needs no further check, except against the RAM into
 * which it is loaded.
 */
#ifndef VMM_ELF_IMAGE_H
#define VMM_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"

/* Our own limits, far above what a kernel needs: they bound the work that a file can cause. */
#define ELF_IMAGE_SIZE_MAX     (UINT64_C(256) << 20)
#define ELF_IMAGE_SEGMENTS_MAX 256 /* program headers of any type */

/* One PT_LOAD: file_size bytes of the file from offset, followed by zeros up to size. */
struct elf_segment {
	uint64_t offset;
	uint64_t file_size;
	paddr_t base;
	uint64_t size; /* in memory, never 0 */
};

struct elf_image {
	const uint8_t *bytes; /* the whole file; belongs to the caller */
	size_t size;
	unsigned segment_count;
	struct elf_segment segments[ELF_IMAGE_SEGMENTS_MAX]; /* disjoint in guest memory */
	paddr_t lowest;                                      /* first byte of any segment */
	paddr_t end;        /* one past the last byte of any segment */
	bool has_pvh_entry; /* always true once parsed */
	paddr_t pvh_entry;  /* below 4 GiB, in a segment's bytes from the file */
	bool has_info;
	paddr_t info_pa;  /* page-aligned; the whole page lies in one segment */
	bool has_options; /* it lists its options, in entries of OPTION_ENTRY_SIZE */
	paddr_t options_pa;
	uint64_t
		options_size; /* all of it lies in the bytes of one segment that come from the file */
};

/* Whether the file holds `length` bytes at `offset`. Never wraps. */
static inline bool elf_range_fits(size_t file_size, uint64_t offset, uint64_t length)
{
	return offset <= file_size && length <= file_size - offset;
}

/*
 * Reads a regular file of at most ELF_IMAGE_SIZE_MAX bytes that starts with the ELF magic. The caller frees *bytes.
 * Returns 0, -ENOEXEC (not an ELF file), -EFBIG, -ENOMEM or the errno of a failed system call, with the path in the
 * text. *bytes and *size are set on success only.
 */
int elf_image_read_file(const char *path, void **bytes, size_t *size, struct error *err);

/* The bytes of the file at a range of guest memory. NULL: not all of it comes from one segment of the file. */
const uint8_t *elf_image_bytes_at(const struct elf_image *image, paddr_t pa, uint64_t length);

/*
 * Checks the file and finds its segments, PVH entry and info page. The image points into bytes, which must outlive it.
 * Returns 0 or -ENOEXEC. After a failure the image is empty.
 */
int elf_image_parse(struct elf_image *image, const void *bytes, size_t size, struct error *err);

#endif
