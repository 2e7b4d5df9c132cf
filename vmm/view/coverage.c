/* SPDX-License-Identifier: MPL-2.0 */
/* How much of a guest's memory an answer is about: see coverage.h. */
#include "view/coverage.h"

#include <inttypes.h>

struct coverage coverage_of(const struct source *source, const struct guest *guest,
			    uint64_t unstable)
{
	struct coverage coverage = {.of = guest->ram_frames,
				    .unstable = unstable,
				    .is_metadata = !source->has_all_memory};
	uint64_t there = coverage.of - guest->missing_frames;

	coverage.frames = there > unstable ? there - unstable : 0;
	if (coverage.frames > coverage.of)
		coverage.frames = coverage.of;
	return coverage;
}

static void print_who(const char *title, const char *who, FILE *out)
{
	fprintf(out, "%-9s %s%s", title, who ? who : "", who ? ": " : "");
}

/* Nothing is missing of what commands answer about frames, but nobody should look for what lies in them. */
static void print_metadata(const struct coverage *coverage, const char *who, FILE *out)
{
	if (!coverage->is_metadata)
		return;
	print_who("metadata", who, out);
	fprintf(out, "of all %" PRIu64 " frames of RAM; their contents were not captured\n",
		coverage->of);
}

static void print_partial(const struct coverage *coverage, const char *who, FILE *out)
{
	print_who("partial", who, out);
	fprintf(out, "%" PRIu64 " of %" PRIu64 " frames of RAM", coverage->frames, coverage->of);
	if (coverage->frames + coverage->unstable < coverage->of)
		fprintf(out, ", the others are not in the memory that can be read");
	if (coverage->unstable)
		fprintf(out, ", %" PRIu64 " changed during every attempt to read them",
			coverage->unstable);
	if (coverage->is_metadata)
		fprintf(out, ", a capture of the metadata alone");
	fprintf(out, "\n");
}

void coverage_print(const struct coverage *coverage, const char *who, FILE *out)
{
	if (coverage_is_complete(coverage))
		print_metadata(coverage, who, out);
	else
		print_partial(coverage, who, out);
}

json *coverage_json(const struct coverage *coverage)
{
	json *object = json_object_new_object();

	json_add_number(object, "covered_frames", coverage->frames);
	json_add_number(object, "ram_frames", coverage->of);
	json_add_number(object, "unstable_frames", coverage->unstable);
	json_add_flag(object, "complete", coverage_is_complete(coverage));
	json_add_flag(object, "metadata_only", coverage->is_metadata);
	return object;
}
