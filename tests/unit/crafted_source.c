/* SPDX-License-Identifier: MPL-2.0 */
/* A crafted guest with a writer: see crafted_source.h. */
#include "unit/crafted_source.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/memory_reader.h"

static uint64_t word_pa(unsigned i)
{
	return CRAFTED_HIGH_BASE + i * (CRAFTED_HIGH_SIZE / CRAFTED_WORDS) + 8 * (i % 512);
}

/* The dirty bit is set after the write, so whoever reads the log after that copies the new value. */
static void write_word(struct crafted *crafted, unsigned i, uint64_t value)
{
	uint64_t offset = word_pa(i) - CRAFTED_HIGH_BASE, page = offset / PAGE_SIZE;

	__atomic_store_n((uint64_t *)(crafted->high + offset), value, __ATOMIC_RELEASE);
	__atomic_fetch_or(&crafted->dirty[page / 64], UINT64_C(1) << page % 64, __ATOMIC_SEQ_CST);
}

/* Stops only between two rounds, where all words are equal. */
static void *write_rounds(void *argument)
{
	struct crafted *crafted = argument;

	for (uint64_t value = 1; !__atomic_load_n(&crafted->quit, __ATOMIC_ACQUIRE); value++) {
		if (__atomic_load_n(&crafted->wants_pause, __ATOMIC_ACQUIRE)) {
			__atomic_store_n(&crafted->is_paused, true, __ATOMIC_RELEASE);
			while (__atomic_load_n(&crafted->wants_pause, __ATOMIC_ACQUIRE))
				sched_yield();
			__atomic_store_n(&crafted->is_paused, false, __ATOMIC_RELEASE);
		}
		for (unsigned i = 0; i < CRAFTED_WORDS; i++)
			write_word(crafted, i, value);
		__atomic_store_n(&crafted->rounds, value, __ATOMIC_RELEASE);
	}
	return NULL;
}

static int refuse(int code, const char *what, struct error *err)
{
	return error_set(err, -code, "the test's %s fails", what);
}

static int crafted_pause(void *own, struct error *err)
{
	struct crafted *crafted = own;

	crafted->pauses++;
	if (crafted->fail_pause)
		return refuse(crafted->fail_pause, "pause", err);
	__atomic_store_n(&crafted->wants_pause, true, __ATOMIC_RELEASE);
	while (crafted->has_writer && !__atomic_load_n(&crafted->is_paused, __ATOMIC_ACQUIRE))
		sched_yield();
	if (crafted->on_pause)
		crafted->on_pause(crafted);
	return 0;
}

/* Waits until the writer has completed a round since the pause, so that anyone who still copies gets a torn copy. */
static int crafted_resume(void *own, uint64_t *paused_ns, struct error *err)
{
	struct crafted *crafted = own;
	uint64_t rounds = __atomic_load_n(&crafted->rounds, __ATOMIC_ACQUIRE);

	crafted->resumes++;
	*paused_ns = 1000;
	__atomic_store_n(&crafted->wants_pause, false, __ATOMIC_RELEASE);
	while (crafted->has_writer && __atomic_load_n(&crafted->rounds, __ATOMIC_ACQUIRE) == rounds)
		sched_yield();
	return crafted->fail_resume ? refuse(crafted->fail_resume, "resume", err) : 0;
}

static int crafted_dirty_start(void *own, struct error *err)
{
	struct crafted *crafted = own;

	if (crafted->fail_dirty_start)
		return refuse(crafted->fail_dirty_start, "log", err);
	crafted->starts++;
	memset(crafted->dirty, 0, sizeof(crafted->dirty));
	return 0;
}

static int crafted_dirty_read(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
			      uint64_t *bits, struct error *err)
{
	struct crafted *crafted = own;
	uint64_t first = (base.addr - CRAFTED_HIGH_BASE) / PAGE_SIZE;

	(void)reader;
	(void)fetch;
	if (crafted->fail_dirty_read && crafted->fail_dirty_after-- == 0)
		return refuse(crafted->fail_dirty_read, "log", err);
	if (base.addr < CRAFTED_HIGH_BASE || first >= CRAFTED_HIGH_SIZE / PAGE_SIZE)
		return 0;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t bit = UINT64_C(1) << (first + i) % 64;

		if (__atomic_fetch_and(&crafted->dirty[(first + i) / 64], ~bit, __ATOMIC_SEQ_CST) &
		    bit)
			bits[i / 64] |= UINT64_C(1) << i % 64;
	}
	return 0;
}

static void crafted_dirty_stop(void *own, int reader)
{
	struct crafted *crafted = own;

	(void)reader;
	crafted->stops++;
}

static const struct source_ops crafted_ops = {0};

static const struct control_ops crafted_control = {
	.pause = crafted_pause,
	.resume = crafted_resume,
	.dirty_start = crafted_dirty_start,
	.dirty_read = crafted_dirty_read,
	.dirty_stop = crafted_dirty_stop,
};

static uint64_t type_va(int type)
{
	return CRAFTED_TYPES_PA + CRAFTED_VA_OFFSET +
	       (uint64_t)type * sizeof(struct type_descriptor);
}

void crafted_set_slot(struct crafted *crafted, unsigned frame, uint32_t generation, uint32_t refs,
		      int type)
{
	crafted->slots[frame].state = slot_state(generation, refs);
	crafted->slots[frame].vtable_ptr = type < 0 ? 0 : type_va(type);
}

static void fill(struct crafted *crafted)
{
	struct type_descriptor *types = (void *)(crafted->low + CRAFTED_TYPES_PA);
	const uint64_t array_page = CRAFTED_ARRAY_PA / PAGE_SIZE;

	*crafted->info = (struct guest_info){
		.magic = INFO_MAGIC,
		.abi_version = INFO_ABI_VERSION,
		.info_size = sizeof(*crafted->info),
		.boot_stage = STAGE_RUNNING,
		.slot_size = SLOT_SIZE,
		.boot_id = 1,
		.cpu_count = 1,
		.array_pa = CRAFTED_ARRAY_PA,
		.slot_count = CRAFTED_SLOTS,
		.max_paddr = CRAFTED_LOW_SIZE,
		.kernel_va_offset = CRAFTED_VA_OFFSET,
		.types_va = type_va(0),
		.type_count = CRAFTED_TYPES,
		.type_size = sizeof(struct type_descriptor),
		.counters_pa = CRAFTED_COUNTERS_PA,
	};
	strcpy(types[CRAFTED_META_PAGE].name, "meta_page");
	types[CRAFTED_META_PAGE].role = TYPE_ROLE_META_PAGE;
	strcpy(types[CRAFTED_ANON].name, "anon");
	strcpy(types[CRAFTED_SLAB].name, "slab");
	memset(crafted->slots, 0xff, CRAFTED_SLOTS * SLOT_SIZE);
	for (unsigned i = 0; i < CRAFTED_SLOTS * SLOT_SIZE / PAGE_SIZE; i++)
		crafted_set_slot(crafted, (unsigned)array_page + i, 1, 1, CRAFTED_META_PAGE);
	memset(crafted->low + CRAFTED_OTHER_PA, 0xa5, PAGE_SIZE);
}

void crafted_make(struct crafted *crafted)
{
	struct source *source = &crafted->source;
	struct error err;

	*crafted = (struct crafted){0};
	crafted->fd = memfd_create("crafted", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(crafted->fd, (off_t)(CRAFTED_LOW_SIZE + CRAFTED_HIGH_SIZE)), 0);
	*source = (struct source){.ops = &crafted_ops,
				  .name = "crafted",
				  .has_all_memory = true,
				  .hints.has_info = true,
				  .hints.info = paddr(CRAFTED_INFO_PA),
				  .control = {&crafted_control, crafted, "crafted"},
				  .own = crafted};
	ck_assert_int_eq(guest_memory_init(&source->memory, &err), 0);
	ck_assert_int_eq(guest_memory_add(&source->memory, paddr(0), CRAFTED_LOW_SIZE, crafted->fd,
					  0, true, &err),
			 0);
	ck_assert_int_eq(guest_memory_add(&source->memory, paddr(CRAFTED_HIGH_BASE),
					  CRAFTED_HIGH_SIZE, crafted->fd, CRAFTED_LOW_SIZE, true,
					  &err),
			 0);
	crafted->low = source->memory.map->regions[0].host;
	crafted->high = source->memory.map->regions[1].host;
	crafted->info = (struct guest_info *)(crafted->low + CRAFTED_INFO_PA);
	crafted->slots = (struct meta_slot *)(crafted->low + CRAFTED_ARRAY_PA);
	fill(crafted);
}

static int act_and_read(void *own, paddr_t pa, void *buffer, size_t length)
{
	struct crafted *crafted = own;

	if (crafted->on_read)
		crafted->on_read(crafted);
	memcpy(buffer, crafted->copied + (pa.addr - CRAFTED_COPIED_BASE), length);
	return 0;
}

void crafted_add_copied(struct crafted *crafted)
{
	const struct memory_reader reader = {
		.read = act_and_read, .own = crafted, .chunk = PAGE_SIZE};
	struct error err;

	ck_assert_int_eq(guest_memory_add_copied(&crafted->source.memory,
						 paddr(CRAFTED_COPIED_BASE), CRAFTED_COPIED_SIZE,
						 &reader, &err),
			 0);
}

void crafted_copy_array(struct crafted *crafted)
{
	crafted_add_copied(crafted);
	memcpy(crafted->copied, crafted->slots, CRAFTED_SLOTS * SLOT_SIZE);
	crafted->info->array_pa = CRAFTED_COPIED_BASE;
}

void crafted_start_writer(struct crafted *crafted)
{
	crafted->source.is_live = true;
	ck_assert_int_eq(pthread_create(&crafted->thread, NULL, write_rounds, crafted), 0);
	crafted->has_writer = true;
	while (__atomic_load_n(&crafted->rounds, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
}

void crafted_free(struct crafted *crafted)
{
	__atomic_store_n(&crafted->quit, true, __ATOMIC_RELEASE);
	__atomic_store_n(&crafted->wants_pause, false, __ATOMIC_RELEASE);
	if (crafted->has_writer)
		pthread_join(crafted->thread, NULL);
	guest_memory_destroy(&crafted->source.memory);
	close(crafted->fd);
}

uint64_t crafted_word(const struct guest_memory *memory, unsigned i)
{
	uint64_t word;

	ck_assert_int_eq(guest_memory_copy(memory, paddr(word_pa(i)), &word, sizeof(word)), 0);
	return word;
}

uint64_t crafted_blocks(int fd)
{
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	return (uint64_t)status.st_blocks;
}
