/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Management of a running guest's memory: the one interface for what changes it from outside, as control.h is for
 * what stops it. The process that maps the RAM writable implements it (manage/manager.h); a VM's socket carries it,
 * so that others can ask and stay read-only.
 *
 * An order is a job with a ticket. One job is at work at a time, and what is done stays done when it is cancelled.
 * A target outlives its job: it is held until another order ends it.
 */
#ifndef VMM_MANAGEMENT_H
#define VMM_MANAGEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum management_action {
	MANAGEMENT_NOTHING,
	MANAGEMENT_LOOK,    /* only count */
	MANAGEMENT_RECLAIM, /* claim that many bytes more, and take them from the guest */
	MANAGEMENT_RELEASE, /* give that many bytes back */
	MANAGEMENT_TARGET,  /* leave the guest that many bytes, now and from now on */
	MANAGEMENT_ACTIONS,
};

#define MANAGEMENT_ALL UINT64_MAX /* bytes: all that there are; of a target: as little as can be */

/* Flags of an order. */
#define MANAGEMENT_HARD     UINT32_C(1) /* what is claimed does not come back when the guest asks */
#define MANAGEMENT_POPULATE UINT32_C(2) /* what is released has new memory behind it */
#define MANAGEMENT_FLAGS    (MANAGEMENT_HARD | MANAGEMENT_POPULATE)

#define MANAGEMENT_OLDER_MAX_NS UINT64_C(3600000000000) /* an hour */

struct management_order {
	uint32_t action;
	uint32_t flags;
	uint64_t bytes;
	uint64_t older_ns; /* only frames that were free for so long; 0: all that are free */
	uint64_t rate;     /* bytes a second at most; 0: no limit */
	/*
	 * Bytes of what is free that the guest keeps: a claim leaves them, and a target that finds fewer gives some back.
	 * 0, the default, leaves none: with soft frames no allocation fails for it, what the guest uses again and again is
	 * never cold, and a guest that needs little would keep from the host what it never touches.
	 */
	uint64_t headroom;
	uint32_t pid; /* who asks */
};

/* Why a job did not get what it wanted. */
enum management_reason {
	MANAGEMENT_GOT_ALL,
	MANAGEMENT_NOT_FREE, /* the rest is in use, was used within older_ns, or is headroom */
	MANAGEMENT_NOT_HELD, /* the host held no more */
	MANAGEMENT_CANCELLED,
	MANAGEMENT_NO_GUEST,   /* no guest whose frames can be claimed is at work */
	MANAGEMENT_GUEST_LOST, /* it ended or restarted meanwhile */
	MANAGEMENT_FAILED,     /* a system call; `error` says which way */
	MANAGEMENT_REASONS,
};

/* Flags of a status. */
#define MANAGEMENT_IS_AT_WORK   UINT32_C(1) /* the job */
#define MANAGEMENT_HAS_TARGET   UINT32_C(2)
#define MANAGEMENT_HARD_TARGET  UINT32_C(4)
#define MANAGEMENT_HUGE_PAGES   UINT32_C(8)  /* of shmem are in force: whole blocks of 2 MiB only */
#define MANAGEMENT_HAS_LOOKED   UINT32_C(16) /* the frames below have been counted */
#define MANAGEMENT_STATUS_FLAGS UINT32_C(31)

/* As a VM's socket carries it. Frames are of what the guest's allocator manages, as of the last look. */
struct management_status {
	uint64_t ticket; /* of the last order; 0: there was none */
	/* The last one that was to change something. */
	uint32_t action;
	uint32_t reason;
	int32_t error; /* 0 or a negative errno */
	uint32_t pid;
	uint64_t wanted_bytes;
	uint64_t got_bytes;
	/* Now. */
	uint32_t flags;
	uint32_t
		look_reason; /* of the last order of any kind: whether the frames could be counted */
	uint64_t target_bytes;
	uint64_t older_ns; /* of the target */
	uint64_t rate;
	uint64_t headroom_bytes;
	uint64_t ram_bytes;
	uint64_t resident_bytes; /* of the file with the RAM */
	uint64_t managed_frames;
	uint64_t unused_frames;
	uint64_t cold_frames;   /* unused for older_ns, as far as it is known */
	uint64_t forged_frames; /* HOST, and not by us */
	uint64_t soft_frames;
	uint64_t hard_frames;
	/* Since the VM began. */
	uint64_t claimed_frames;
	uint64_t released_frames;
	uint64_t taken_back_frames;
	uint64_t lost_races;
	uint64_t punches;
	uint64_t restarts;
	uint64_t asks;         /* of the guest, answered */
	uint64_t asked_frames; /* released for them */
	uint64_t
		refusals; /* allocations that failed although there was a keeper, as the guest counts */
	uint64_t refilled_frames; /* that had memory again while the host held them */
};

_Static_assert(offsetof(struct management_status, wanted_bytes) == 24, "the socket carries it");
_Static_assert(offsetof(struct management_status, target_bytes) == 48, "the socket carries it");
_Static_assert(sizeof(struct management_status) == 224, "the socket carries it");

/* What has become of a frame. */
enum management_event_type {
	MANAGEMENT_CLAIMED,
	MANAGEMENT_RELEASED,
	MANAGEMENT_TAKEN_BACK, /* when the host let go of it, the guest had it without a release */
	MANAGEMENT_EVENT_TYPES,
};

/*
 * The generation is what the frame's slot had afterwards, so it tells exactly what the guest did before and after: each
 * claim, by the host and by the guest, has one of its own.
 */
struct management_event {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint32_t generation;
	uint32_t frames; /* side by side that this happened to, this one included; not 0 */
	uint32_t type;
	uint32_t action; /* of the order that it was for; MANAGEMENT_NOTHING: the guest asked */
	uint32_t flags;  /* MANAGEMENT_HARD */
	uint32_t reserved;
};

_Static_assert(offsetof(struct management_event, frames) == 12, "the socket carries it");
_Static_assert(sizeof(struct management_event) == 32, "the socket carries it");

#define MANAGEMENT_EVENTS_MAX 16 /* the newest of a frame */

/* Flags of a record. */
#define MANAGEMENT_IS_HELD      UINT32_C(1) /* the host has the frame */
#define MANAGEMENT_IS_HARD      UINT32_C(2)
#define MANAGEMENT_IS_PUNCHED   UINT32_C(4) /* its bytes are gone */
#define MANAGEMENT_RECORD_FLAGS UINT32_C(7)

/* What whoever manages the memory knows of one frame. */
struct management_record {
	uint64_t now_ns;    /* CLOCK_MONOTONIC when it was asked for */
	uint64_t forgotten; /* events of all frames that gave way to newer ones */
	uint32_t flags;
	uint32_t count;
	struct management_event events[MANAGEMENT_EVENTS_MAX]; /* oldest first */
};

_Static_assert(offsetof(struct management_record, events) == 24, "the socket carries it");
_Static_assert(sizeof(struct management_record) == 24 + 32 * MANAGEMENT_EVENTS_MAX,
	       "the socket carries it");

struct management_ops {
	/*
	 * Begins a job. Returns 0 and its ticket; -EBUSY while another one is at work. The functions do not wait. Any
	 * thread.
	 */
	int (*order)(void *own, const struct management_order *order, uint64_t *ticket);
	/* Ends that job soon, if it is still at work. A target that it has set stays. */
	void (*cancel)(void *own, uint64_t ticket);
	void (*status)(void *own, struct management_status *status);
	/* Returns 0, or -EINVAL if there is no such frame. */
	int (*record)(void *own, uint64_t frame, struct management_record *record);
};

/* The management of one guest. */
struct management {
	const struct management_ops *ops;
	void *own;
};

#endif
