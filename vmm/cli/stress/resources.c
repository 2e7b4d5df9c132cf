/* SPDX-License-Identifier: MPL-2.0 */
/* What one of our processes holds, over time: see resources.h. */
#include "cli/stress/resources.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTS       3
#define SAMPLES_MIN 12

/*
 * Growth from the middle third to the last third that is not noise: this part of the middle value, and at least this
 * much.
 */
#define GROWTH_PART    8
#define GROWTH_MIN_KIB 512
#define GROWTH_MIN_FDS 2

static bool read_anon(pid_t pid, uint32_t *kib)
{
	char path[64], line[128];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "RssAnon: %u kB", kib) == 1;
	if (file)
		fclose(file);
	return found;
}

static bool count_fds(pid_t pid, uint32_t *count)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *folder = opendir(path);
	const struct dirent *entry;

	if (!folder)
		return false;
	*count = 0;
	while ((entry = readdir(folder)))
		*count += entry->d_name[0] != '.';
	closedir(folder);
	return true;
}

bool resource_sample_take(pid_t pid, struct resource_sample *sample)
{
	return read_anon(pid, &sample->anon_kib) && count_fds(pid, &sample->fds);
}

void resource_trend_add(struct resource_trend *trend, struct resource_sample sample)
{
	if (trend->distance == 0)
		trend->distance = 1;
	if (++trend->skipped < trend->distance)
		return;
	trend->skipped = 0;
	if (trend->count == RESOURCE_SAMPLES_MAX) {
		for (unsigned i = 0; i < RESOURCE_SAMPLES_MAX / 2; i++)
			trend->samples[i] = trend->samples[2 * i + 1];
		trend->count = RESOURCE_SAMPLES_MAX / 2;
		/* This sample lies half-way to the next one to keep. */
		trend->skipped = trend->distance;
		trend->distance *= 2;
		return;
	}
	trend->samples[trend->count++] = sample;
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

static uint32_t median(uint32_t *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static struct resource_sample part_median(const struct resource_trend *trend, unsigned part)
{
	unsigned begin = trend->count * part / PARTS;
	unsigned count = trend->count * (part + 1) / PARTS - begin;
	uint32_t anon[RESOURCE_SAMPLES_MAX], fds[RESOURCE_SAMPLES_MAX];

	for (unsigned i = 0; i < count; i++) {
		anon[i] = trend->samples[begin + i].anon_kib;
		fds[i] = trend->samples[begin + i].fds;
	}
	return (struct resource_sample){median(anon, count), median(fds, count)};
}

void resource_trend_ends(const struct resource_trend *trend, struct resource_sample *middle,
			 struct resource_sample *last)
{
	*middle = *last = (struct resource_sample){0};
	if (trend->count < SAMPLES_MIN)
		return;
	*middle = part_median(trend, 1);
	*last = part_median(trend, 2);
}

bool resource_trend_leaks(const struct resource_trend *trend, char *text, size_t size)
{
	struct resource_sample middle, last;

	if (trend->count < SAMPLES_MIN)
		return false;
	resource_trend_ends(trend, &middle, &last);
	if (last.anon_kib > middle.anon_kib + middle.anon_kib / GROWTH_PART + GROWTH_MIN_KIB) {
		snprintf(text, size, "memory grows: from %u to %u KiB", middle.anon_kib,
			 last.anon_kib);
		return true;
	}
	if (last.fds > middle.fds + middle.fds / GROWTH_PART + GROWTH_MIN_FDS) {
		snprintf(text, size, "descriptors grow: from %u to %u", middle.fds, last.fds);
		return true;
	}
	return false;
}
