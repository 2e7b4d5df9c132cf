/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The protocol between a running VM and its inspectors, over a UNIX socket that keeps message boundaries
 * (SOCK_SEQPACKET). Each message is one struct of this file, with fixed-width fields in the machine's byte order.
 *
 * On connect the VM sends either a hello with the descriptor of the guest's RAM (SCM_RIGHTS, read-only), or the reason
 * for a refusal. From then on the inspector sends requests, and each gets one reply with the request's sequence number.
 * The VM sends unsolicited messages only to subscribers: a notice with the whole memory map whenever the map has
 * changed. Each side considers the other hostile: a message is copied, checked by the functions below, and only then
 * used.
 */
#ifndef VMM_ATTACH_PROTOCOL_H
#define VMM_ATTACH_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "memory/management.h"

#define ATTACH_MAGIC   UINT32_C(0x41475650) /* "PVGA", little-endian */
#define ATTACH_VERSION 5

#define ATTACH_CLIENTS_MAX 32 /* inspectors at a time */

/* A connection without a request for so long gives way to another when there are as many as that. */
#define ATTACH_SILENT_MAX_NS (1 * NS_PER_S)

#define ATTACH_REGIONS_MAX 16
#define ATTACH_NAME_SIZE   40 /* including the NUL */

/* The number of pages whose dirty bits fit in one reply: 512 MiB of RAM. */
#define ATTACH_DIRTY_PAGES_MAX UINT32_C(131072)

/* The longest pause of a VM, and how long it runs at least before the next one. server_pause.h has the rules. */
#define ATTACH_PAUSE_MAX_NS (2 * NS_PER_S)
#define ATTACH_RUN_MIN_NS   (10 * NS_PER_MS)

/* The most bytes of the machine's state in one reply. */
#define ATTACH_PIECE_MAX UINT32_C(16384)

enum attach_type {
	ATTACH_HELLO = 1,   /* struct attach_hello, with the RAM's descriptor */
	ATTACH_REFUSED,     /* struct attach_reply: the VM closes the connection; result says why */
	ATTACH_MAP_CHANGED, /* struct attach_notice */
	ATTACH_REPLY,       /* struct attach_reply, or one of those that begin with it */

	/* Requests: struct attach_request. */
	ATTACH_SUBSCRIBE, /* subscribe to notices; a notice with the current map follows the reply */
	/* The reply arrives when all vCPUs have stopped, after seconds if the VM has to run first. `flags`: ATTACH_HOLD. */
	ATTACH_PAUSE,
	ATTACH_RESUME, /* value: length of the pause in ns; -ETIME: it was already over, or had not begun */
	ATTACH_DIRTY_START,
	ATTACH_DIRTY_READ, /* `pages` pages from `base` on; struct attach_dirty_reply */
	ATTACH_DIRTY_STOP,
	ATTACH_HOLDER, /* pid: holder of the pause; value: its start, 0: no pause */
	/*
	 * Ends the VM, as SIGTERM to its process does; the reply comes before the end. `base`: the pid in its hello. With
	 * ATTACH_SAVED at once: the guest does not run any more; -ETIME if this connection does not hold it.
	 */
	ATTACH_STOP,
	/* Management of the guest's memory. An order names the VM as STOP does. It ends with the connection. */
	ATTACH_ORDER,        /* value: its ticket; -EBUSY: another one is at work */
	ATTACH_ORDER_CANCEL, /* ends the last order of this connection */
	ATTACH_ORDER_STATUS, /* struct attach_status_reply */
	ATTACH_FRAME_RECORD, /* of the frame at `base`; struct attach_record_reply */
	/*
	 * A piece of the machine's state from the byte `base` on, while this connection's pause lasts, else -ETIME. struct
	 * attach_machine_reply; the VM keeps the bytes until the pause is over.
	 */
	ATTACH_MACHINE_STATE,
	/* Lets a VM go that began held by its own process; -EALREADY: it is not held. It names the VM as STOP does. */
	ATTACH_LET_GO,
	ATTACH_TYPE_COUNT,
};

struct attach_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t size; /* size of the whole message */
	uint32_t sequence;
};

_Static_assert(offsetof(struct attach_header, size) == 8, "attach protocol");
_Static_assert(sizeof(struct attach_header) == 16, "attach protocol");

struct attach_region {
	uint64_t base; /* guest-physical */
	uint64_t size;
	uint64_t fd_offset; /* offset of its first byte in the RAM's file */
};

struct attach_map {
	uint32_t region_count;
	uint32_t reserved;
	struct attach_region regions[ATTACH_REGIONS_MAX];
};

_Static_assert(offsetof(struct attach_map, regions) == 8, "attach protocol");
_Static_assert(sizeof(struct attach_map) == 8 + 24 * ATTACH_REGIONS_MAX, "attach protocol");

#define ATTACH_HAS_INFO UINT32_C(1) /* flag: info_pa is the address in the kernel's note */

struct attach_hello {
	struct attach_header header;
	uint32_t pid;
	uint32_t cpu_count;
	uint32_t flags;
	uint32_t reserved;
	uint64_t info_pa;
	uint64_t start_ns; /* CLOCK_MONOTONIC when the command began */
	char name[ATTACH_NAME_SIZE];
	struct attach_map map;
};

_Static_assert(offsetof(struct attach_hello, pid) == 16, "attach protocol");
_Static_assert(offsetof(struct attach_hello, info_pa) == 32, "attach protocol");
_Static_assert(offsetof(struct attach_hello, name) == 48, "attach protocol");
_Static_assert(offsetof(struct attach_hello, map) == 88, "attach protocol");
_Static_assert(sizeof(struct attach_hello) == 88 + sizeof(struct attach_map), "attach protocol");

struct attach_notice {
	struct attach_header header;
	struct attach_map map;
};

_Static_assert(offsetof(struct attach_notice, map) == 16, "attach protocol");

#define ATTACH_REFRESH UINT32_C(1) /* flag of DIRTY_READ: fetch the latest from KVM first */

/*
 * Flag of PAUSE: it lasts until this connection resumes the VM, ends it, or is closed. Who asks names the VM as STOP
 * does, for holding a VM for ever is no less.
 */
#define ATTACH_HOLD UINT32_C(1)

#define ATTACH_SAVED UINT32_C(1) /* flag of STOP: the guest was saved as this connection holds it */

struct attach_request {
	struct attach_header header;
	uint64_t
		base; /* page-aligned; of STOP and ORDER, the VM's pid: no stray message ends a VM or takes its memory */
	uint32_t pages;
	uint32_t flags; /* of ORDER: MANAGEMENT_* */
	/* Of ORDER: see struct management_order. */
	uint32_t action;
	uint32_t reserved;
	uint64_t bytes;
	uint64_t older_ns;
	uint64_t rate;
	uint64_t headroom;
};

_Static_assert(offsetof(struct attach_request, base) == 16, "attach protocol");
_Static_assert(offsetof(struct attach_request, action) == 32, "attach protocol");
_Static_assert(offsetof(struct attach_request, bytes) == 40, "attach protocol");
_Static_assert(sizeof(struct attach_request) == 72, "attach protocol");

struct attach_reply {
	struct attach_header header;
	int32_t result; /* 0 or a negative errno */
	uint32_t pid;   /* 0: none, or a process that the VM cannot see */
	uint64_t value;
};

_Static_assert(offsetof(struct attach_reply, result) == 16, "attach protocol");
_Static_assert(offsetof(struct attach_reply, pid) == 20, "attach protocol");
_Static_assert(offsetof(struct attach_reply, value) == 24, "attach protocol");
_Static_assert(sizeof(struct attach_reply) == 32, "attach protocol");

/* The message ends after the bits of the requested pages, in whole words. */
struct attach_dirty_reply {
	struct attach_reply reply;
	uint64_t bits[ATTACH_DIRTY_PAGES_MAX / 64];
};

_Static_assert(offsetof(struct attach_dirty_reply, bits) == 32, "attach protocol");

struct attach_status_reply {
	struct attach_reply reply;
	struct management_status status;
};

_Static_assert(offsetof(struct attach_status_reply, status) == 32, "attach protocol");

struct attach_record_reply {
	struct attach_reply reply;
	struct management_record record;
};

_Static_assert(offsetof(struct attach_record_reply, record) == 32, "attach protocol");

/* The reply's value is the size of the whole state; the message ends after the bytes of the piece. */
struct attach_machine_reply {
	struct attach_reply reply;
	uint8_t bytes[ATTACH_PIECE_MAX];
};

_Static_assert(offsetof(struct attach_machine_reply, bytes) == 32, "attach protocol");

/* Any message, for receivers. */
union attach_message {
	struct attach_header header;
	struct attach_hello hello;
	struct attach_notice notice;
	struct attach_request request;
	struct attach_reply reply;
	struct attach_dirty_reply dirty;
	struct attach_status_reply status;
	struct attach_record_reply record;
	struct attach_machine_reply machine;
};

static inline struct attach_header attach_header(enum attach_type type, size_t size,
						 uint32_t sequence)
{
	return (struct attach_header){.magic = ATTACH_MAGIC,
				      .version = ATTACH_VERSION,
				      .type = (uint16_t)type,
				      .size = (uint32_t)size,
				      .sequence = sequence};
}

/* The size of a message that carries the bits of `pages` pages. */
static inline size_t attach_dirty_size(uint32_t pages)
{
	return offsetof(struct attach_dirty_reply, bits) + (pages + UINT64_C(63)) / 64 * 8;
}

/* How many bytes the piece from `offset` on has, of a state of `total` bytes. */
static inline size_t attach_piece_size(uint64_t total, uint64_t offset)
{
	uint64_t left = offset < total ? total - offset : 0;

	return left < ATTACH_PIECE_MAX ? (size_t)left : ATTACH_PIECE_MAX;
}

/*
 * Check that `length` received bytes are a valid hello (refusal, notice, reply, request): magic, version, size, and
 * every field that can be checked without the RAM's file. Return 0, or -EPROTO with a text that says what is wrong.
 */
int attach_check_hello(const union attach_message *message, size_t length, struct error *err);
int attach_check_notice(const union attach_message *message, size_t length, struct error *err);
int attach_check_request(const union attach_message *message, size_t length, struct error *err);

/* Checks a reply or a refusal. A reply to DIRTY_READ carries the bits of `pages` pages, unless it reports a failure. */
int attach_check_reply(const union attach_message *message, size_t length, uint32_t pages,
		       struct error *err);

/* Checks a reply to ORDER_STATUS, and one to FRAME_RECORD. */
int attach_check_status(const union attach_message *message, size_t length, struct error *err);
int attach_check_record(const union attach_message *message, size_t length, struct error *err);

/* Checks a reply to MACHINE_STATE from the byte `offset` on, which lies before the state's end. */
int attach_check_machine(const union attach_message *message, size_t length, uint64_t offset,
			 struct error *err);

#endif
