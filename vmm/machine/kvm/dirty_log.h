/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which pages of the guest were written. KVM's log has one owner, for reading it clears it: this, which hands what it
 * reads to all that want to know, each at its own pace. It is on only while there is one of them, for it costs the
 * guest a fault on the first write to each page after each reading. Any thread.
 */
#ifndef VMM_DIRTY_LOG_H
#define VMM_DIRTY_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

#include "base/error.h"
#include "memory/guest_memory.h"

#define DIRTY_READERS_MAX 40

/* A memory slot of KVM's. */
struct dirty_region {
	struct kvm_userspace_memory_region slot;
	uint64_t *fetched; /* what KVM said last; while the log is on */
	uint64_t
		*pending[DIRTY_READERS_MAX]; /* not read yet by that reader; NULL: no such reader */
};

struct dirty_log {
	pthread_mutex_t lock;
	int vm_fd;
	unsigned region_count;
	unsigned reader_count;
	struct dirty_region regions[MEMORY_REGIONS_MAX];
};

void dirty_log_init(struct dirty_log *log, int vm_fd);

/* Turns nothing off: the VM is gone. */
void dirty_log_destroy(struct dirty_log *log);

/* Makes a memory slot of a region, before the VM runs. Returns 0 or what KVM said. */
int dirty_log_add_region(struct dirty_log *log, const struct kvm_userspace_memory_region *slot,
			 struct error *err);

/* A new reader, who is told of writes from now on. Returns its number or a negative errno. */
int dirty_log_start(struct dirty_log *log, struct error *err);

/*
 * Takes what was written since the reader last took it: bit n is page n from `base` on, which all lie in one region.
 * With `fetch` KVM is asked for news of all regions first. Returns 0, -EINVAL, or what KVM said.
 */
int dirty_log_read(struct dirty_log *log, int reader, bool fetch, paddr_t base, uint64_t pages,
		   uint64_t *bits, struct error *err);

void dirty_log_stop(struct dirty_log *log, int reader);

/* What the host itself writes into guest memory is not in KVM's log. */
void dirty_log_host_wrote(struct dirty_log *log, paddr_t base, uint64_t length);

#endif
