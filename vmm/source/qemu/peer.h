/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A QEMU process as it shows under /proc: whether it is one, what it has mapped, the files behind that.
 *
 * A pid may come to mean another process at any moment. All is asked of one directory of /proc, opened once, which
 * stays that process's own; the one thing that goes by the number (process_vm_readv) looks at the pidfd afterwards.
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
 * Returns 0 or a negative errno with one line of text: -ESRCH no such process, -EACCES another user's, -ENOENT it runs
 * something else than QEMU.
 */
int qemu_peer_open(struct qemu_peer *peer, uint32_t pid, struct error *err);
void qemu_peer_close(struct qemu_peer *peer);

bool qemu_peer_has_ended(const struct qemu_peer *peer);

/* CLOCK_MONOTONIC when it was started; 0: not known. */
uint64_t qemu_peer_start_ns(const struct qemu_peer *peer);

/* One line of /proc/PID/maps that can be read and written. */
struct peer_mapping {
	uint64_t start, end;
	uint64_t offset;
	dev_t device;
	ino_t inode;    /* 0: no file */
	bool is_shared; /* what is written is the file's */
};

struct peer_mappings {
	size_t count;
	struct peer_mapping
		*list; /* by address; pieces of one file that lie side by side are one */
};

/* Returns 0 or a negative errno with a text. The list is the caller's to free. */
int qemu_peer_mappings(const struct qemu_peer *peer, struct peer_mappings *mappings,
		       struct error *err);

/* The mapping that has this address, or NULL. */
const struct peer_mapping *peer_mappings_find(const struct peer_mappings *mappings,
					      uint64_t address);

/* Opens the regular file behind a mapping for reading. Returns the descriptor or a negative errno, without a text. */
int qemu_peer_open_file(const struct qemu_peer *peer, const struct peer_mapping *mapping);

#endif
