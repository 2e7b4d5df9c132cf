/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which pages the guest has written. Reading KVM's log clears it, so the log has one owner: this module, which
 * distributes what it reads to all readers, each at its own pace. The log is on only while there is a reader, because
 * it costs the guest a fault on the first write to each page after each reading. Any thread.
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

/* A KVM memory slot. */
struct dirty_region {
	struct kvm_userspace_memory_region slot;
	uint64_t *fetched; /* the latest bitmap from KVM; only while the log is on */
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

/* Does not turn the log off: the VM is gone. */
void dirty_log_destroy(struct dirty_log *log);

/* Makes a memory slot for a region, before the VM runs. Returns 0 or a negative errno: KVM's, or -EBUSY. */
int dirty_log_add_region(struct dirty_log *log, const struct kvm_userspace_memory_region *slot,
			 struct error *err);

/* Adds a reader, which sees all writes from now on. Returns its number or a negative errno. */
int dirty_log_start(struct dirty_log *log, struct error *err);

/*
 * Takes the pages written since this reader last took them. Bit n is page n from `base` on; all pages lie in one
 * region. With `fetch`, first fetches the log of all regions from KVM. Returns 0, -EINVAL, or KVM's errno.
 */
int dirty_log_read(struct dirty_log *log, int reader, bool fetch, paddr_t base, uint64_t pages,
		   uint64_t *bits, struct error *err);

void dirty_log_stop(struct dirty_log *log, int reader);

/* Records a write by the host to guest memory, which KVM's log does not contain. */
void dirty_log_host_wrote(struct dirty_log *log, paddr_t base, uint64_t length);

#endif
