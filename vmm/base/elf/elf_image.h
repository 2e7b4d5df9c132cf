/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The kernel's ELF file: an x86-64 executable with a PVH entry note, checked in a
 * buffer. Every byte of the file is hostile input; what passes elf_image_parse() needs no further
 * check except against the RAM it is loaded into.
 */
#ifndef VMM_ELF_IMAGE_H
#define VMM_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/address.h>

#include "base/error.h"

/* Limits of our own, far above what a kernel needs: they bound the work a file can ask for. */
#define ELF_IMAGE_SIZE_MAX     (UINT64_C(256) << 20)
#define ELF_IMAGE_SEGMENTS_MAX 32

/* One PT_LOAD: file_size bytes of the file from offset, then zeros up to size. */
struct elf_segment {
	uint64_t offset;
	uint64_t file_size;
	paddr_t base;
	uint64_t size; /* in memory, never 0 */
};

struct elf_image {
	const uint8_t *bytes; /* the whole file, the caller's */
	size_t size;
	unsigned segment_count;
	struct elf_segment segments[ELF_IMAGE_SEGMENTS_MAX]; /* disjoint in guest memory */
	paddr_t lowest;                                      /* first byte of any segment */
	paddr_t end;                                         /* one past the last byte of any */
	bool has_pvh_entry;                                  /* always, once parsed */
	paddr_t pvh_entry; /* below 4 GiB, in the file's part of a segment */
	bool has_info;
	paddr_t info_pa; /* page-aligned; all that it describes lies in one segment */
};

/* Whether the file holds `length` bytes at `offset`; never wraps. */
static inline bool elf_range_fits(size_t file_size, uint64_t offset, uint64_t length)
{
	return offset <= file_size && length <= file_size - offset;
}

/*
 * Reads a regular file of at most ELF_IMAGE_SIZE_MAX bytes that begins like an ELF file; the caller
 * frees *bytes. Returns 0, -ENOEXEC (not an ELF file), -EFBIG, -ENOMEM or what the system said,
 * with the path in the text; *bytes and *size are set on success only.
 */
int elf_image_read_file(const char *path, void **bytes, size_t *size, struct error *err);

/*
 * Checks the file and finds its segments, PVH entry and info page. The image points into bytes,
 * which must outlive it. Returns 0 or -ENOEXEC; after a failure the image is empty.
 */
int elf_image_parse(struct elf_image *image, const void *bytes, size_t size, struct error *err);

#endif
