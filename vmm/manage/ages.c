/* SPDX-License-Identifier: MPL-2.0 */
/* For how long free frames have been free: see ages.h. */
#include "manage/ages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ages_init(struct ages *ages, uint64_t frames, struct error *err)
{
	*ages = (struct ages){.frames = frames,
			      .words = calloc(frames ? frames : 1, sizeof(uint32_t))};
	return ages->words ? 0 : error_set(err, -ENOMEM, "no memory for the ages of frames");
}

void ages_destroy(struct ages *ages)
{
	free(ages->words);
	*ages = (struct ages){0};
}

void ages_forget_all(struct ages *ages)
{
	memset(ages->words, 0, ages->frames * sizeof(ages->words[0]));
	ages->swept_ns = 0;
}

uint64_t ages_due_ns(struct ages *ages, uint64_t older_ns)
{
	if (ages->swept_ns && ages->spacing_ns < older_ns)
		ages_forget_all(ages);
	return ages->swept_ns ? ages->swept_ns + older_ns : 0;
}

void ages_begin(struct ages *ages, uint64_t older_ns, uint64_t now_ns)
{
	if (!ages->swept_ns || older_ns < ages->spacing_ns)
		ages->spacing_ns = older_ns;
	ages->swept_ns = now_ns;
}
