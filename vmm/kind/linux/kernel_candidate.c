/* SPDX-License-Identifier: MPL-2.0 */
/* A kernel that was found: see kernel_candidate.h. */
#include "kind/linux/kernel_candidate.h"

#include <errno.h>
#include <stdlib.h>

int kernel_candidate_open(struct kernel_candidate *candidate, struct error *err)
{
	if (candidate->symbols)
		return 0;

	struct kernel_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return error_set(err, -ENOMEM, "no memory for a kernel's symbols");

	int result = kernel_image_copy(&candidate->space, &candidate->info, &symbols->image, err);

	if (result == 0)
		result = kallsyms_open(&symbols->image, &candidate->info, &symbols->table, err);
	if (result < 0) {
		kernel_image_free(&symbols->image);
		free(symbols);
		return result;
	}
	candidate->symbols = symbols;
	return 0;
}

void kernel_candidate_close(struct kernel_candidate *candidate)
{
	if (!candidate->symbols)
		return;
	kernel_image_free(&candidate->symbols->image);
	free(candidate->symbols);
	candidate->symbols = NULL;
}
