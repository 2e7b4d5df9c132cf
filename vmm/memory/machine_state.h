/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a machine holds besides its RAM, as bytes: a sequence of parts, one after another. A part is its header, its
 * bytes, and zeroes up to a multiple of 8. The registers that every debugger knows have a part of their own for each
 * vCPU, so that whoever wants only these need not know what runs the guest; the other types belong to the engine that
 * wrote them. Bytes that come from a file or over a socket are hostile: machine_part_next checks each step.
 */
#ifndef VMM_MACHINE_STATE_H
#define VMM_MACHINE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Bounds on one state: some 14 KiB for each vCPU on KVM. */
#define MACHINE_STATE_MAX (UINT32_C(1) << 20)
#define MACHINE_VCPUS_MAX 256

enum machine_part_type {
	MACHINE_PART_REGISTERS = 1, /* struct machine_registers of vCPU `cpu` */
	MACHINE_PART_RUN = 2, /* what the process that runs the machine keeps beside it; cpu 0 */
	MACHINE_PART_ENGINE = 16, /* the first of those that belong to engines */
};

struct machine_part {
	uint32_t type;
	uint32_t cpu;      /* 0 for what all vCPUs share */
	uint32_t size;     /* bytes that follow */
	uint32_t reserved; /* 0 */
};

_Static_assert(sizeof(struct machine_part) == 16, "the format of a saved machine is fixed");

/* In the order of the x86-64 instruction encoding, SDM 2A, table 3-1. */
enum {
	MACHINE_RAX,
	MACHINE_RCX,
	MACHINE_RDX,
	MACHINE_RBX,
	MACHINE_RSP,
	MACHINE_RBP,
	MACHINE_RSI,
	MACHINE_RDI,
	MACHINE_R8
};

struct machine_registers {
	uint64_t general[16];
	uint64_t rip, rflags;
	uint64_t cs, ss, ds, es, fs, gs; /* selectors */
	uint64_t fs_base, gs_base, kernel_gs_base;
	uint64_t cr0, cr2, cr3, cr4, efer;
};

_Static_assert(sizeof(struct machine_registers) == 32 * 8,
	       "the format of a saved machine is fixed");

struct machine_state {
	uint8_t *bytes; /* aligned to 8 */
	size_t size;
	size_t capacity;
};

/* Appends a part. Returns 0, -ENOMEM, or -E2BIG beyond MACHINE_STATE_MAX; the state is as it was then. */
int machine_state_add(struct machine_state *state, uint32_t type, uint32_t cpu, const void *bytes,
		      size_t size, struct error *err);

/*
 * Appends all parts of another state, whose bytes may be hostile. Returns 0; -EPROTO if its parts are not as described above; or
 * as machine_state_add, with some of the parts added.
 */
int machine_state_append(struct machine_state *state, const struct machine_state *other,
			 struct error *err);

void machine_state_free(struct machine_state *state);

/*
 * Walks the parts: *offset is 0 at first. Returns true and sets *part and *bytes, aligned to 8; false at the end, with *offset
 * equal to the size, or at a part that is cut short or not as described above, with *offset less than the size.
 */
bool machine_part_next(const struct machine_state *state, size_t *offset, struct machine_part *part,
		       const void **bytes);

/* The part of that type and vCPU, if it has `size` bytes, else NULL. Of several the first. */
const void *machine_part_find(const struct machine_state *state, uint32_t type, uint32_t cpu,
			      size_t size);

/* The same of a part of any size, which *size is set to; 0 with NULL. */
const void *machine_part_find_any(const struct machine_state *state, uint32_t type, uint32_t cpu,
				  size_t *size);

/* Whether it is parts from beginning to end, as described above. */
bool machine_state_is_whole(const struct machine_state *state);

#endif
