/* SPDX-License-Identifier: MPL-2.0 */
/* A copy of what a Linux kernel's image has that never changes while it runs: its read-only data. */
#ifndef VMM_LINUX_KERNEL_IMAGE_H
#define VMM_LINUX_KERNEL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/linux/kernel_space.h"
#include "kind/linux/vmcoreinfo.h"

#define KERNEL_IMAGE_MAX (UINT64_C(128) << 20) /* bytes of an image that are looked at */

/* The image from `va` on. What was not copied is zero. */
struct kernel_image {
	uint64_t va;
	size_t size;
	uint8_t *bytes;
};

/*
 * Copies an image from the page of _stext on, up to the last page that is mapped (`_end` is not known yet): the pages
 * that the kernel may neither write nor execute, which hold its symbols and its BTF. A kernel that protects none of its
 * pages yet, or never, has all of them copied. The caller frees the image. Returns 0; -EPROTO (no _stext, or nothing is
 * mapped there), -ENOMEM, or the error of reading, with a text and an image that is empty.
 */
int kernel_image_copy(const struct kernel_space *space, const struct vmcoreinfo *info,
		      struct kernel_image *image, struct error *err);

/* Accepts an empty image, and leaves one. */
void kernel_image_free(struct kernel_image *image);

/*
 * The place of `length` bytes at va in the image. Returns NULL unless the image has all of them. For a length of 0 va may
 * be where the image ends.
 */
const uint8_t *kernel_image_at(const struct kernel_image *image, uint64_t va, uint64_t length);

#endif
