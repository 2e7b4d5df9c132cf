/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What frames with metadata are to be, as plain arrays: no atomics, no allocator, no queue of drops.
 * The differential test does everything twice, here and with pagemeta, and compares.
 *
 * A difference ends the process: the model runs in a process of its own that is thrown away.
 */
#ifndef TESTS_UNIT_FRAME_MODEL_H
#define TESTS_UNIT_FRAME_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "pagemeta/frame.h"
#include "pagemeta/region.h"

#define MODEL_FRAMES_MAX 512
#define TREE_KIDS        4

/* Exit status of a process that saw pagemeta and the model differ. */
#define MODEL_EXIT_DIFFERS 3

/* Types without on_drop: whole words, and a size that is no multiple of a word. */
struct plain_meta {
	uint64_t words[3];
};

struct odd_meta {
	uint8_t bytes[13];
};

/* On_drop is counted, and holds nothing. */
struct full_meta {
	uint64_t words[SLOT_STORAGE_WORDS];
};

/* Holds references to other frames, which on_drop puts: slot addresses, 0: none. */
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
	PLACE_REGION,    /* belongs to a region for good */
	PLACE_OUTSIDE,   /* usable, and the allocator does not know it: nobody may claim it */
	PLACE_TAKEN,     /* the allocator's, taken out of it as part of a run: claimed by address */
	PLACE_ALLOCATOR, /* the allocator's when nobody owns it */
};

struct model_frame {
	enum frame_place place;
	enum ref_class class;
	uint32_t refs; /* while shared */
	uint32_t generation;
	bool drop_expected; /* its on_drop has to run before the operation ends */
	const struct meta_type *type;
	uint64_t meta[SLOT_STORAGE_WORDS];
};

struct frame_model {
	uint64_t count;   /* frames */
	uint64_t managed; /* frames ever given to the allocator to manage */
	uint64_t free;    /* frames that the allocator could hand out */
	struct model_frame frames[MODEL_FRAMES_MAX];
};

extern struct frame_model model;

/*
 * The model of a machine as it is after meta_init: `partition` covers [0, `end`), usable frames from
 * `taken` on are taken out of the allocator, those from `outside` on are not the allocator's.
 */
void model_init(const struct region_list *partition, uint64_t end, uint64_t taken,
		uint64_t outside);

/* Says on stderr what differs and ends the process. */
_Noreturn void model_differs(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The transitions; whoever calls has checked that they are possible. Frames are numbers. */
void model_claim(uint64_t frame, const struct meta_type *type, const uint64_t *meta, uint32_t refs);
void model_get(uint64_t frame);
bool model_put(uint64_t frame); /* returns whether it was the last reference */
void model_share(uint64_t frame);
bool model_unshare(uint64_t frame);
void model_change_begin(uint64_t frame);
void model_change_end(uint64_t frame, const struct meta_type *type, const uint64_t *meta);
void model_unique_drop(uint64_t frame);
bool model_host_claim(uint64_t frame);
bool model_host_release(uint64_t frame);
void model_add(uint64_t first, uint64_t count);  /* the allocator manages them from now on */
void model_give(uint64_t first, uint64_t count); /* what was taken goes back */

/* What frame_from_in_use (or, if `claim`, frame_claim) has to return for an address. */
enum frame_error model_expects(uint64_t address, bool claim);

/* The frame is compared at the next check, too: for damage, which is no transition. */
void model_touch(uint64_t frame);

/* Compares the slots that the transitions since the last check have touched, or all of them. */
void model_check_touched(void);
void model_check_all(void);

#endif
