/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A QEMU process as seen through /proc: whether it is QEMU, its mappings, and the files behind them.
 *
 * A pid may pass to another process at any moment. So all queries use one directory of /proc, which is opened once and
 * stays bound to its process. Only process_vm_readv goes by the pid, and checks the pidfd afterwards.
 */
#ifndef VMM_QEMU_PEER_H
#define VMM_QEMU_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct qemu_peer {
	uint32_t pid;
	int pidfd;
	int directory; /* /proc/PID */
};

/*
 * Returns 0 or a negative errno with one line of text: -ESRCH no such process, -EACCES another user's, -ENOENT it does
 * not run QEMU.
 */
int qemu_peer_open(struct qemu_peer *peer, uint32_t pid, struct error *err);
void qemu_peer_close(struct qemu_peer *peer);

bool qemu_peer_has_ended(const struct qemu_peer *peer);

/* When the process was started (CLOCK_MONOTONIC); 0: not known. */
uint64_t qemu_peer_start_ns(const struct qemu_peer *peer);

/* A mapping that can be read and written: one line of /proc/PID/maps. */
struct peer_mapping {
	uint64_t start, end;
	uint64_t offset;
	dev_t device;
	ino_t inode;    /* 0: no file */
	bool is_shared; /* writes go to the file */
};

struct peer_mappings {
	size_t count;
	struct peer_mapping *list; /* by address; adjacent pieces of one file are merged */
};

/* Returns 0 or a negative errno with a text. The caller frees the list. */
int qemu_peer_mappings(const struct qemu_peer *peer, struct peer_mappings *mappings,
		       struct error *err);

/* The mapping that contains this address, or NULL. */
const struct peer_mapping *peer_mappings_find(const struct peer_mappings *mappings,
					      uint64_t address);

/* Opens the regular file behind a mapping for reading. Returns the descriptor or a negative errno, without a text. */
int qemu_peer_open_file(const struct qemu_peer *peer, const struct peer_mapping *mapping);

#endif
