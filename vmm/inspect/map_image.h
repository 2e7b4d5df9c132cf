/* SPDX-License-Identifier: MPL-2.0 */
/*
 * All of a guest's memory as a grid of cells, each of one or more frames: what the pictures of `pagevisor map` are
 * drawn from.
 */
#ifndef VMM_MAP_IMAGE_H
#define VMM_MAP_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kind/pagevisor/guest_view.h"
#include "kind/pagevisor/slot_reader.h"
#include "memory/guest_memory.h"
#include "inspect/palette.h"

enum map_by {
	MAP_BY_TYPE,
	MAP_BY_STATE,
	MAP_BY_REFS,
};

/* Types and states, and frames of which nothing is known. */
#define MAP_CLASSES_MAX (META_TYPES_MAX + REF_CLASS_COUNT + 2)
#define MAP_NO_CLASS    0xff /* of a cell past the end of memory */

struct map_class {
	char name[40];
	struct colour colour;
	char letter;     /* where there are no colours; no two have the same */
	bool is_broken;  /* one such frame shows, however many others are in its cell */
	uint64_t frames; /* that are of this class */
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
	uint64_t slot_count;
	unsigned class_count;
	struct map_class classes[MAP_CLASSES_MAX];
	uint8_t *cells; /* index of the class that most frames of the cell are of */
	struct read_counters reads;
};

/* As many columns as asked for, and as few frames to a cell as rows_max rows allow. */
struct map_grid map_grid_fit(uint64_t slots, unsigned columns, unsigned rows_max);

/*
 * Reads the array of a view at STAGE_METADATA or later: states where they are enough, copies of slots in use for
 * types. The thread is registered with liburcu. Returns 0, -ENOMEM, or -EFAULT when the array is no longer in RAM;
 * on failure there is nothing to free.
 */
int map_image_build(const struct guest_memory *memory, const struct guest_view *view,
		    enum map_by by, struct map_grid grid, struct map_image *image,
		    struct error *err);

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
