/* SPDX-License-Identifier: MPL-2.0 */
/* What the host keeps of a guest's memory: see holding_text.h. */
#include "view/holding_text.h"

static double mebibytes(uint64_t frames)
{
	return (double)frames * (double)PAGE_SIZE / (double)(1 << 20);
}

/* What the guest has free the host could have back. */
void holding_print(const struct holding *holding, FILE *out)
{
	if (holding->is_known)
		fprintf(out,
			"held      %.1f MiB by the host, of which %.1f MiB are free in the guest\n",
			mebibytes(holding->frames), mebibytes(holding->free_frames));
}

int holding_text(const struct holding *holding, char *text, size_t size)
{
	text[0] = '\0';
	if (!holding->is_known)
		return 0;
	return snprintf(text, size, "held %.1f MiB, %.1f of it free", mebibytes(holding->frames),
			mebibytes(holding->free_frames));
}

void holding_add_json(json *root, const struct holding *holding)
{
	json *object;

	if (!holding->is_known)
		return;
	object = json_object_new_object();
	json_add_number(object, "held_frames", holding->frames);
	json_add_number(object, "free_frames", holding->free_frames);
	json_add(root, "held_by_host", object);
}
