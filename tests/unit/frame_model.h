/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The expected state of frames with metadata, as plain arrays: no atomics, no allocator, no queue of drops. The
 * differential test does everything twice, in this model and with pagemeta, and compares.
 *
 * A difference ends the process: the model runs in a separate process that is thrown away.
 */
#ifndef TESTS_UNIT_FRAME_MODEL_H
#define TESTS_UNIT_FRAME_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "pagemeta/frame.h"
#include "pagemeta/region.h"

#define MODEL_FRAMES_MAX 512
#define TREE_KIDS        4

/* Exit status of a process in which pagemeta and the model differed. */
#define MODEL_EXIT_DIFFERS 3

/* Types without on_drop: whole words, and a size that is not a multiple of a word. */
struct plain_meta {
	uint64_t words[3];
};

struct odd_meta {
	uint8_t bytes[13];
};

/* Has an on_drop that is counted, and holds no references. */
struct full_meta {
	uint64_t words[SLOT_STORAGE_WORDS];
};

/* Holds references to other frames, which on_drop puts: slot addresses; 0: none. */
struct tree_meta {
	uint64_t stamp;
	uint64_t kids[TREE_KIDS];
};

enum model_type {
	MODEL_PLAIN,
	MODEL_ODD,
	MODEL_FULL,
	MODEL_TREE,
	MODEL_TYPE_COUNT,
};

extern const struct meta_type *const model_types[MODEL_TYPE_COUNT];

enum frame_place {
	PLACE_REGION,    /* always belongs to a region */
	PLACE_OUTSIDE,   /* usable, but not managed by the allocator: nobody may claim it */
	PLACE_TAKEN,     /* taken out of the allocator as part of a run: claimed by address */
	PLACE_ALLOCATOR, /* the allocator's when it has no owner */
};

struct model_frame {
	enum frame_place place;
	enum ref_class class;
	uint32_t refs; /* while shared */
	uint32_t generation;
	bool drop_expected; /* its on_drop must run before the operation ends */
	const struct meta_type *type;
	uint64_t meta[SLOT_STORAGE_WORDS];
};

struct frame_model {
	uint64_t count;   /* frames */
	uint64_t managed; /* frames that the allocator was ever given to manage */
	uint64_t free;    /* frames that the allocator could allocate */
	struct model_frame frames[MODEL_FRAMES_MAX];
};

extern struct frame_model model;

/*
 * The model of a machine after meta_init: `partition` covers [0, `end`), usable frames from `taken` on are taken out of
 * the allocator, those from `outside` on are not managed by it.
 */
void model_init(const struct region_list *partition, uint64_t end, uint64_t taken,
		uint64_t outside);

/* Prints the difference on stderr and ends the process. */
_Noreturn void model_differs(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The transitions; callers have checked that they are possible. Frames are numbers. */
void model_claim(uint64_t frame, const struct meta_type *type, const uint64_t *meta, uint32_t refs);
void model_get(uint64_t frame);
bool model_put(uint64_t frame); /* returns whether it was the last reference */
void model_share(uint64_t frame);
bool model_unshare(uint64_t frame);
void model_change_begin(uint64_t frame);
void model_change_end(uint64_t frame, const struct meta_type *type, const uint64_t *meta);
void model_unique_drop(uint64_t frame);
void model_reset(uint64_t frame); /* the frame is a taken one then */
bool model_host_claim(uint64_t frame);
bool model_host_release(uint64_t frame);
void model_add(uint64_t first, uint64_t count);  /* from now on the allocator manages them */
void model_give(uint64_t first, uint64_t count); /* gives taken frames back */

/* The result that frame_from_in_use (or, if `claim`, frame_claim) must have for an address. */
enum frame_error model_expects(uint64_t address, bool claim);

/* Whether the metadata of a tree refers to other frames. */
bool model_has_kids(uint64_t frame);

/* Makes the next check compare this frame, too: for damage, which is not a transition. */
void model_touch(uint64_t frame);

/* Compares the slots touched by the transitions since the last check, or all slots. */
void model_check_touched(void);
void model_check_all(void);

#endif
