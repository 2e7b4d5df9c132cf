/* SPDX-License-Identifier: MPL-2.0 */
/*
 * All of a guest's memory as a grid of cells, each of one or more frames: what pictures of it are drawn from. Cells have
 * classes; the view gives these their colours.
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
};

/* Types and states, wild frames, and frames of which nothing is known. */
#define MAP_CLASSES_MAX (FRAME_TYPES_MAX + FRAME_STATES_MAX + 2)
#define MAP_NO_CLASS    0xff /* of a cell past the end of memory */

#define MAP_STEPS 6 /* of reference counts */

enum map_class_of {
	MAP_OF_TYPE,
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
	char letter;          /* where there are no colours; no two have the same */
	bool is_broken;       /* one such frame shows, however many others are in its cell */
	uint64_t frames;      /* that are of this class */
};

/* Cells follow one another by address, row by row. */
struct map_grid {
	unsigned columns;
	unsigned rows;
	uint64_t frames_per_cell; /* a power of two */
};

struct map_image {
	enum map_by by;
	struct map_grid grid;
	uint64_t frame_count;
	unsigned class_count;
	struct map_class classes[MAP_CLASSES_MAX];
	uint8_t *cells; /* index of the class that most frames of the cell are of */
	struct read_counters reads;
};

/* As many columns as asked for, and as few frames to a cell as rows_max rows allow. */
struct map_grid map_grid_fit(uint64_t frames, unsigned columns, unsigned rows_max);

/* Whether frames of a guest differ in that: not all kinds count references. */
bool map_by_applies(const struct guest *guest, enum map_by by);

/*
 * Reads the frames of a guest that has some: states where they are enough, types of those in use for types. The thread
 * is registered with liburcu. Returns 0, -ENOMEM, or as frame_walk with a text; on failure there is nothing to free.
 */
int map_image_build(const struct guest *guest, enum map_by by, struct map_grid grid,
		    struct map_image *image, struct error *err);

void map_image_free(struct map_image *image);

static inline uint8_t map_image_cell(const struct map_image *image, unsigned column, unsigned row)
{
	return image->cells[(uint64_t)row * image->grid.columns + column];
}

/* "type", "state", "references" */
const char *map_by_name(enum map_by by);

/* An amount of memory in the largest unit that divides it: "512K", "3G". Returns text, of MAP_SIZE_TEXT bytes. */
#define MAP_SIZE_TEXT 24
char *map_size_text(char *text, uint64_t bytes);

/* "512 MiB..." one line of what is to be seen. Returns text. */
#define MAP_TITLE_TEXT 160
char *map_title_text(char *text, const struct map_image *image, const char *name);

/* The rows that have their address beside them are the multiples of this: at least `apart` rows apart. */
unsigned map_label_rows(const struct map_image *image, unsigned apart);

#endif
