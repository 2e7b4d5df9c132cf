/* SPDX-License-Identifier: MPL-2.0 */
/* Which pages the guest has written: see dirty_log.h. */
#include "machine/kvm/dirty_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "machine/kvm/kvm.h"

static uint64_t words_of(const struct dirty_region *region)
{
	return (region->slot.memory_size / PAGE_SIZE + 63) / 64;
}

void dirty_log_init(struct dirty_log *log, int vm_fd)
{
	*log = (struct dirty_log){.vm_fd = vm_fd};
	pthread_mutex_init(&log->lock, NULL);
}

void dirty_log_destroy(struct dirty_log *log)
{
	for (unsigned i = 0; i < log->region_count; i++) {
		free(log->regions[i].fetched);
		for (unsigned reader = 0; reader < DIRTY_READERS_MAX; reader++)
			free(log->regions[i].pending[reader]);
	}
	pthread_mutex_destroy(&log->lock);
}

int dirty_log_add_region(struct dirty_log *log, const struct kvm_userspace_memory_region *slot,
			 struct error *err)
{
	if (log->region_count == MEMORY_REGIONS_MAX || log->reader_count > 0)
		return error_set(err, -EBUSY, "memory slots can no longer be added");
	int result = KVM_CALL(log->vm_fd, KVM_SET_USER_MEMORY_REGION, slot, err);

	if (result < 0)
		return result;
	log->regions[log->region_count++] = (struct dirty_region){.slot = *slot};
	return 0;
}

/* Turns the log of all regions on or off. */
static int switch_log(struct dirty_log *log, bool on, struct error *err)
{
	for (unsigned i = 0; i < log->region_count; i++) {
		struct kvm_userspace_memory_region *slot = &log->regions[i].slot;
		int result;

		slot->flags = on ? KVM_MEM_LOG_DIRTY_PAGES : 0;
		result = KVM_CALL(log->vm_fd, KVM_SET_USER_MEMORY_REGION, slot, err);
		if (result < 0)
			return result;
	}
	return 0;
}

static void hand_out(struct dirty_region *region)
{
	uint64_t words = words_of(region);

	for (unsigned reader = 0; reader < DIRTY_READERS_MAX; reader++)
		for (uint64_t i = 0; region->pending[reader] && i < words; i++)
			if (region->fetched[i])
				region->pending[reader][i] |= region->fetched[i];
}

/* Fetches KVM's log, which KVM then clears, and distributes it to all readers. */
static int fetch_all(struct dirty_log *log, struct error *err)
{
	for (unsigned i = 0; i < log->region_count; i++) {
		struct dirty_region *region = &log->regions[i];
		struct kvm_dirty_log request = {.slot = region->slot.slot,
						.dirty_bitmap = region->fetched};
		int result = KVM_CALL(log->vm_fd, KVM_GET_DIRTY_LOG, &request, err);

		if (result < 0)
			return result;
		hand_out(region);
	}
	return 0;
}

static void release(struct dirty_log *log, int reader)
{
	for (unsigned i = 0; i < log->region_count; i++) {
		free(log->regions[i].pending[reader]);
		log->regions[i].pending[reader] = NULL;
		if (log->reader_count > 0)
			continue;
		free(log->regions[i].fetched);
		log->regions[i].fetched = NULL;
	}
}

static int allocate(struct dirty_log *log, int reader, struct error *err)
{
	for (unsigned i = 0; i < log->region_count; i++) {
		struct dirty_region *region = &log->regions[i];

		if (!region->fetched)
			region->fetched = calloc(words_of(region), sizeof(uint64_t));
		region->pending[reader] = calloc(words_of(region), sizeof(uint64_t));
		if (!region->fetched || !region->pending[reader])
			return error_set(err, -ENOMEM, "no memory for the dirty log");
	}
	return 0;
}

static int start_locked(struct dirty_log *log, struct error *err)
{
	int reader = 0;

	while (reader < DIRTY_READERS_MAX && log->regions[0].pending[reader])
		reader++;
	if (reader == DIRTY_READERS_MAX || log->region_count == 0)
		return error_set(err, -EBUSY,
				 "the dirty log already has its maximum number of readers");
	/* Earlier writes belong to the other readers only. */
	int result = log->reader_count > 0 ? fetch_all(log, err) : 0;

	if (result == 0)
		result = allocate(log, reader, err);
	if (result == 0 && log->reader_count == 0)
		result = switch_log(log, true, err);
	if (result < 0) {
		struct error ignored;

		if (log->reader_count == 0)
			switch_log(log, false, &ignored);
		release(log, reader);
		return result;
	}
	log->reader_count++;
	return reader;
}

int dirty_log_start(struct dirty_log *log, struct error *err)
{
	pthread_mutex_lock(&log->lock);
	int result = start_locked(log, err);

	pthread_mutex_unlock(&log->lock);
	return result;
}

/* The region that holds all of [base, base + size), which is not empty; NULL: no region does. */
static struct dirty_region *find_region(struct dirty_log *log, uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < log->region_count; i++) {
		const struct kvm_userspace_memory_region *slot = &log->regions[i].slot;
		uint64_t offset = base - slot->guest_phys_addr;

		if (base >= slot->guest_phys_addr && offset < slot->memory_size && size > 0 &&
		    size <= slot->memory_size - offset)
			return &log->regions[i];
	}
	return NULL;
}

static void take_bits(uint64_t *from, uint64_t first, uint64_t count, uint64_t *to)
{
	memset(to, 0, (count + 63) / 64 * sizeof(*to));
	for (uint64_t i = 0; i < count;) {
		uint64_t at = first + i, bit = UINT64_C(1) << at % 64;

		/* Skips a clean word in one step; most words are clean. */
		if (from[at / 64] == 0) {
			i += 64 - at % 64;
			continue;
		}
		if (from[at / 64] & bit)
			to[i / 64] |= UINT64_C(1) << i % 64;
		from[at / 64] &= ~bit;
		i++;
	}
}

static int read_locked(struct dirty_log *log, int reader, bool fetch, paddr_t base, uint64_t pages,
		       uint64_t *bits, struct error *err)
{
	struct dirty_region *region = pages <= UINT64_MAX / PAGE_SIZE
					      ? find_region(log, base.addr, pages * PAGE_SIZE)
					      : NULL;

	if (!region || reader < 0 || reader >= DIRTY_READERS_MAX || !region->pending[reader] ||
	    !is_aligned(base.addr, PAGE_SIZE))
		return error_set(err, -EINVAL,
				 "%#" PRIx64 " and %" PRIu64 " pages are not within one region",
				 base.addr, pages);
	int result = fetch ? fetch_all(log, err) : 0;

	if (result == 0)
		take_bits(region->pending[reader],
			  (base.addr - region->slot.guest_phys_addr) / PAGE_SIZE, pages, bits);
	return result;
}

int dirty_log_read(struct dirty_log *log, int reader, bool fetch, paddr_t base, uint64_t pages,
		   uint64_t *bits, struct error *err)
{
	pthread_mutex_lock(&log->lock);
	int result = read_locked(log, reader, fetch, base, pages, bits, err);

	pthread_mutex_unlock(&log->lock);
	return result;
}

void dirty_log_stop(struct dirty_log *log, int reader)
{
	struct error ignored;

	pthread_mutex_lock(&log->lock);
	if (--log->reader_count == 0)
		switch_log(log, false, &ignored);
	release(log, reader);
	pthread_mutex_unlock(&log->lock);
}

static void set_bits(struct dirty_region *region, uint64_t first, uint64_t last)
{
	for (unsigned reader = 0; reader < DIRTY_READERS_MAX; reader++)
		for (uint64_t page = first; region->pending[reader] && page <= last; page++)
			region->pending[reader][page / 64] |= UINT64_C(1) << page % 64;
}

void dirty_log_host_wrote(struct dirty_log *log, paddr_t base, uint64_t length)
{
	pthread_mutex_lock(&log->lock);
	struct dirty_region *region = find_region(log, base.addr, length);

	if (region) {
		uint64_t offset = base.addr - region->slot.guest_phys_addr;

		set_bits(region, offset / PAGE_SIZE, (offset + length - 1) / PAGE_SIZE);
	}
	pthread_mutex_unlock(&log->lock);
}
