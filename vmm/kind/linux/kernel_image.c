/* SPDX-License-Identifier: MPL-2.0 */
/* A copy of a Linux kernel's image: see kernel_image.h. */
#include "kind/linux/kernel_image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/*
 * Where the kernel's modules begin, and its image has ended (MODULES_VADDR): the same for all kernels whose place is
 * random.
 */
#define MODULES_VA UINT64_C(0xffffffffc0000000)

/* What becomes of each run of an image. */
typedef int run_visit(void *own, uint64_t va, const struct kernel_run *run);

static int walk_runs(const struct kernel_space *space, uint64_t va, uint64_t end, run_visit *visit,
		     void *own)
{
	while (va < end) {
		struct kernel_run run;
		int result = kernel_space_run(space, va, end - va, &run);

		if ((result < 0 && result != -EINVAL) || run.length == 0)
			return result;
		if (run.length > end - va)
			run.length = end - va;
		if (result == 0)
			result = visit(own, va, &run);
		else
			result = 0;
		if (result < 0)
			return result;
		va += run.length;
	}
	return 0;
}

static bool is_constant(const struct kernel_run *run)
{
	return !run->is_writable && !run->is_executable;
}

struct extent {
	uint64_t end; /* of the last run; 0: there is none */
	bool has_constants;
	uint64_t bytes; /* that are mapped */
};

static int measure(void *own, uint64_t va, const struct kernel_run *run)
{
	struct extent *extent = own;

	extent->end = va + run->length;
	extent->has_constants |= is_constant(run);
	extent->bytes += run->length;
	return 0;
}

struct copy {
	const struct kernel_space *space;
	struct kernel_image *image;
	bool only_constants;
};

/* The tables may have changed since they were measured: only what lies within the image is copied. */
static int copy_run(void *own, uint64_t va, const struct kernel_run *run)
{
	const struct copy *copy = own;

	if (copy->only_constants && !is_constant(run))
		return 0;
	return guest_memory_copy(copy->space->memory, run->pa,
				 copy->image->bytes + (va - copy->image->va), run->length);
}

static int copy_runs(const struct kernel_space *space, const struct extent *extent,
		     struct kernel_image *image, struct error *err)
{
	struct copy copy = {space, image, extent->has_constants};

	/* Pages that are not copied stay without memory. */
	image->bytes = calloc(1, image->size);
	if (!image->bytes)
		return error_set(err, -ENOMEM, "no memory for %zu bytes of a kernel's image",
				 image->size);

	int result = walk_runs(space, image->va, image->va + image->size, copy_run, &copy);

	if (result < 0)
		return error_set(err, result, "the kernel's image at %#" PRIx64 " cannot be read",
				 image->va);
	return 0;
}

int kernel_image_copy(const struct kernel_space *space, const struct vmcoreinfo *info,
		      struct kernel_image *image, struct error *err)
{
	struct extent extent = {0};
	uint64_t va, end;

	*image = (struct kernel_image){0};
	if (!vmcoreinfo_symbol(info, "_stext", &va) || va >= MODULES_VA ||
	    !kernel_space_is_kernel_va(space, va))
		return error_set(err, -EPROTO,
				 "the kernel's VMCOREINFO does not say where its image is");
	va = align_down(va, PAGE_SIZE);
	end = MODULES_VA - va < KERNEL_IMAGE_MAX ? MODULES_VA : va + KERNEL_IMAGE_MAX;

	int result = walk_runs(space, va, end, measure, &extent);

	if (result < 0)
		return error_set(err, result, "page tables of the kernel's image cannot be read");
	if (extent.end == 0)
		return error_set(err, -EPROTO, "no kernel image is mapped at %#" PRIx64, va);
	if (extent.bytes > guest_memory_size(space->memory))
		return error_set(err, -EPROTO, "the kernel's image is larger than the memory");
	image->va = va;
	image->size = extent.end - va;
	result = copy_runs(space, &extent, image, err);
	if (result < 0)
		kernel_image_free(image);
	return result;
}

void kernel_image_free(struct kernel_image *image)
{
	free(image->bytes);
	*image = (struct kernel_image){0};
}

const uint8_t *kernel_image_at(const struct kernel_image *image, uint64_t va, uint64_t length)
{
	uint64_t at = va - image->va;

	if (va < image->va || at > image->size || length > image->size - at)
		return NULL;
	return image->bytes + at;
}
