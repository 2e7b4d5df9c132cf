/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How much of a guest's memory an answer is about. Every command that gives an answer over less than all of it says so
 * in its first line, and in JSON.
 */
#ifndef VMM_COVERAGE_H
#define VMM_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "kind/guest.h"
#include "source/source.h"

/* Frames of RAM. */
struct coverage {
	uint64_t frames;   /* whose record is there and could be read */
	uint64_t of;       /* that the guest has */
	uint64_t unstable; /* frames whose record changed during every attempt to read it */
	bool is_metadata; /* a capture of the metadata alone: what lies in the frames is missing on purpose */
};

/*
 * What is covered of a guest that has frames, in this source or in a snapshot of it. `unstable` frames could not be read;
 * 0 before they are.
 */
struct coverage coverage_of(const struct source *source, const struct guest *guest,
			    uint64_t unstable);

static inline bool coverage_is_complete(const struct coverage *coverage)
{
	return coverage->frames == coverage->of;
}

/*
 * Prints one line: "partial   ..." unless the coverage is complete; "metadata  ..." of a capture of the metadata alone, if
 * it is. `who` names one of several sources; NULL: there is one.
 */
void coverage_print(const struct coverage *coverage, const char *who, FILE *out);

/* The same for programs, whether it is complete or not. */
json *coverage_json(const struct coverage *coverage);

#endif
