/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What one of our processes holds, over time: its own memory and descriptors. Growth that does not stop while the
 * process runs is a leak: of memory, of descriptors, or of objects that wait for a grace period of RCU. Noise is not.
 */
#ifndef VMM_STRESS_RESOURCES_H
#define VMM_STRESS_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct resource_sample {
	uint32_t anon_kib; /* resident memory that is neither files nor the guest's RAM */
	uint32_t fds;
};

/* Reads a sample from /proc. Returns false if there is no such process, or it is not ours. */
bool resource_sample_take(pid_t pid, struct resource_sample *sample);

/*
 * Maximum number of samples, at equal distances. When it is reached, every second sample is dropped, and from then on
 * samples are kept half as often.
 */
#define RESOURCE_SAMPLES_MAX 96

struct resource_trend {
	unsigned count;
	unsigned distance; /* calls of resource_trend_add from one kept sample to the next */
	unsigned skipped;
	struct resource_sample samples[RESOURCE_SAMPLES_MAX];
};

void resource_trend_add(struct resource_trend *trend, struct resource_sample sample);

/* Medians of the middle and of the last third; the first third is warm-up. Zeroes for fewer than 12 samples. */
void resource_trend_ends(const struct resource_trend *trend, struct resource_sample *middle,
			 struct resource_sample *last);

/* Whether anything grows; `text` then says what, in one line. Never for fewer than 12 samples. */
bool resource_trend_leaks(const struct resource_trend *trend, char *text, size_t size);

#endif
