/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What `pagevisor top` shows, derived from one sample and the one before: rates, changes, the order of the types. Knows
 * no terminal.
 */
#ifndef VMM_TOP_MODEL_H
#define VMM_TOP_MODEL_H

#include "view/top/top_sample.h"

enum top_sort {
	TOP_BY_COUNT, /* most frames first */
	TOP_BY_NAME,
	TOP_BY_CHANGE, /* the largest change first, up or down */
	TOP_SORTS,
};

#define TOP_ROW_FILTER_MAX 255 /* bytes */

struct top_rate {
	const struct fact *fact; /* of the sample, with FACT_AS_RATE */
	double rate;             /* per second */
};

struct top_type {
	char name[FRAME_NAME_SIZE];
	int type; /* index, or FRAME_TYPE_WILD: frames of no type */
	uint64_t frames;
	int64_t change; /* since the sample before */
};

/* Starts as zeroes. */
struct top_model {
	const struct top_sample *sample; /* the newest, NULL: none yet */
	enum life_event event;           /* what became of the guest since the sample before */
	unsigned rate_count;             /* 0: two samples of one boot are needed */
	struct top_rate rates[FACTS_MAX];
	bool has_changes; /* both samples counted the same: types, filter */
	unsigned type_count;
	struct top_type types[FRAME_TYPES_MAX + 1]; /* with frames or a change, in order */
	uint64_t retries, unstable;                 /* over all samples */
	/* Of the sample's rows, those whose names match, in order: indices. */
	char row_filter[TOP_ROW_FILTER_MAX + 1];
	uint32_t row_count;
	uint32_t rows[TOP_ROWS_MAX];
	uint64_t row_sums[BREAKDOWN_FIGURES_MAX]; /* of these */
	int64_t row_growth;
};

/*
 * Updates the model to `now`, which follows `before` (NULL: `now` is the first; a sample of another boot is ignored).
 * `before` is not needed afterwards; `now` must live as long as the model.
 */
void top_model_update(struct top_model *model, const struct top_sample *before,
		      const struct top_sample *now, enum top_sort sort);

/* Types and rows; of rows the count is their size. */
void top_model_sort(struct top_model *model, enum top_sort sort);

/*
 * Which rows there are from now on: all of them with an empty text; in double quotes those with that name, in which * and ? stand
 * for others, as in find; without quotes those that contain the text, or match it as a whole if it has a *, ? or [.
 */
void top_model_filter_rows(struct top_model *model, const char *filter, enum top_sort sort);

/* Whether a row matches such a text. */
bool top_row_matches(const struct breakdown_row *row, const char *filter);

const char *top_sort_name(enum top_sort sort);

/* Frames in use, of those counted. */
static inline uint64_t top_model_in_use(const struct top_model *model)
{
	return guest_in_use(&model->sample->guest, &model->sample->counts.tally);
}

/*
 * The class that results when `count` cells of a map from `first` on are merged: a broken one if there is any, else
 * that of most cells; MAP_NO_CLASS past the end of memory.
 */
uint8_t top_map_merge(const struct map_image *map, uint64_t first, uint64_t count);

/* Whether one of these cells of a map with marks has one. */
bool top_map_has_mark(const struct map_image *map, uint64_t first, uint64_t count);

/* How many cells, a power of two, to merge into one so that the map fits `room` cells. */
uint64_t top_map_factor(const struct map_image *map, uint64_t room);

#endif
