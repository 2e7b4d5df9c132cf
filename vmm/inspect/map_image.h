/* SPDX-License-Identifier: MPL-2.0 */
/*
 * All of a guest's memory as a grid of cells of one or more frames each, from which pictures are drawn. Cells have
 * classes; the view gives classes their colours.
 */
#ifndef VMM_MAP_IMAGE_H
#define VMM_MAP_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/guest.h"

enum map_by {
	MAP_BY_TYPE,
	MAP_BY_STATE,
	MAP_BY_REFS,
	MAP_BY_RESIDENT, /* whether the host keeps memory for a frame, and whether the guest would miss it */
	MAP_BY_MIGRATETYPE, /* of the page block in which a frame is; Linux's */
};

/* Types and states, wild frames, and frames about which nothing is known. */
#define MAP_CLASSES_MAX (FRAME_TYPES_MAX + FRAME_STATES_MAX + 2)
#define MAP_NO_CLASS    0xff /* of a cell past the end of memory */

#define MAP_STEPS 6 /* of reference counts */

enum map_class_of {
	MAP_OF_TYPE, /* of a frame; or by migrate type, of a page block */
	MAP_OF_STATE,
	MAP_OF_STEP, /* of reference counts: the larger its index the more references */
	MAP_OF_WILD, /* in use, but of no type that the guest has */
	MAP_OF_UNREAD,
};

struct map_class {
	char name[40];
	enum map_class_of of;
	unsigned index;       /* of the type, the state, the step; else 0 */
	enum frame_tone tone; /* of a state */
	char letter;          /* where there are no colours; unique */
	bool is_broken;       /* one such frame shows, whatever else is in its cell */
	uint64_t frames;      /* frames of this class */
};

/* Cells are in address order, row by row. */
struct map_grid {
	unsigned columns;
	unsigned rows;
	uint64_t frames_per_cell; /* a power of two */
};

struct expression;

/* What of a guest's memory a picture shows, and what it marks. */
struct map_part {
	struct map_grid grid;
	pfn_t first;
	uint64_t frame_count;
	const struct expression *mark; /* one such frame marks its cell; NULL: no marks */
};

struct map_image {
	enum map_by by;
	struct map_grid grid;
	pfn_t first;          /* frame of the first cell */
	uint64_t frame_count; /* in cells, holes included */
	uint64_t ram_frames;  /* of the guest */
	uint64_t all_frames;  /* of the guest, holes included */
	unsigned class_count;
	struct map_class classes[MAP_CLASSES_MAX];
	uint8_t *cells; /* index of each cell's class: that of most frames, or a broken one */
	bool *marks;    /* of each cell; NULL: the picture has none */
	uint64_t marked_frames;
	struct read_counters reads;
};

/* A grid of `columns` columns, with as few frames in a cell as rows_max rows allow. */
struct map_grid map_grid_fit(uint64_t frames, unsigned columns, unsigned rows_max);

/* Whether `by` applies to this guest: not all kinds count references or have page blocks, and not all memory tells what is resident. */
bool map_by_applies(const struct guest *guest, enum map_by by);

/*
 * Builds the picture of a guest that has frames. Reads states if they are enough; for types, the types of frames in use
 * as well. The thread is registered with liburcu. Returns 0, or a negative errno with a text: -ENOMEM, or that of
 * frame_walk. After an error there is nothing to free.
 */
int map_image_build(const struct guest *guest, enum map_by by, struct map_grid grid,
		    struct map_image *image, struct error *err);

/* The same of a part of the memory, with marks. The grid has room for the part. */
int map_image_build_part(const struct guest *guest, enum map_by by, const struct map_part *part,
			 struct map_image *image, struct error *err);

void map_image_free(struct map_image *image);

static inline uint8_t map_image_cell(const struct map_image *image, unsigned column, unsigned row)
{
	return image->cells[(uint64_t)row * image->grid.columns + column];
}

static inline bool map_image_is_marked(const struct map_image *image, unsigned column, unsigned row)
{
	return image->marks && image->marks[(uint64_t)row * image->grid.columns + column];
}

/* The address of a row's first frame. */
static inline uint64_t map_image_row_address(const struct map_image *image, unsigned row)
{
	return (image->first.index +
		(uint64_t)row * image->grid.columns * image->grid.frames_per_cell) *
	       PAGE_SIZE;
}

/* "type", "state", "references", ... */
const char *map_by_name(enum map_by by);

/* An amount of memory in the largest unit that divides it: "512K", "3G". Returns text, of MAP_SIZE_TEXT bytes. */
#define MAP_SIZE_TEXT 24
char *map_size_text(char *text, uint64_t bytes);

/* A title of one line: what the picture shows, and the size of a cell and of a row. Returns text. */
#define MAP_TITLE_TEXT 200
char *map_title_text(char *text, const struct map_image *image, const char *name);

/* Rows whose number is a multiple of this have their address beside them: at least `apart` rows apart. */
unsigned map_label_rows(const struct map_image *image, unsigned apart);

/* Characters of the longest such address, as map_size_text has it. */
unsigned map_label_length(const struct map_image *image, unsigned apart);

#endif
