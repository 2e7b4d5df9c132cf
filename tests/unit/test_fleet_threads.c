/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Everything under RCU at once: VMs are attached and detached, regions of their memory added and removed, their types
 * and looks and a snapshot replaced, all in loops, while readers at full speed use what they find. Grace periods stay
 * bounded: what was replaced is freed as fast as it is replaced, whatever the readers do.
 */
#include "unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cli/fleet/vm_look.h"
#include "cli/fleet/vm_set.h"
#include "kind/fields/type_cache.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "source/source_snapshot.h"
#include "unit/crafted_vm.h"
#include "unit/crew.h"

#define TIMEOUT_S 120

#define KEYS 4 /* VMs that may be attached */

/* Where regions come and go in each VM; they have the pages of its upper region. */
#define EXTRA_BASE  (CRAFTED_HIGH_BASE * 2)
#define EXTRA_COUNT 3
#define EXTRA_PAGES 4

/* A published snapshot. */
struct shot {
	struct published_object object;
	struct snapshot snapshot;
};

static struct vm_set set;
static struct published newest_shot;
static struct crafted crafted; /* of which snapshots are made: live, with a writer */

static uint64_t attached, detached, found, listed, moved, looked, retyped, shots, shot_reads;
static uint64_t broken; /* what a reader found and must not be */
static uint64_t shots_alive, shots_alive_max;
static uint64_t longest_ns; /* wait for readers */

static void expect(bool is_true)
{
	if (!is_true)
		crew_count(&broken);
}

static void raise_max(uint64_t *max, uint64_t value)
{
	uint64_t old = __atomic_load_n(max, __ATOMIC_RELAXED);

	while (value > old && !__atomic_compare_exchange_n(max, &old, value, false,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static const char *some_key(struct crew_member *member)
{
	static const char *const keys[KEYS] = {"a", "b", "c", "d"};

	return keys[crew_random(member, KEYS)];
}

/* Attaches and detaches. */
static void change_set(struct crew_member *member)
{
	struct error err;

	urcu_memb_register_thread();
	while (!crew_is_done()) {
		const char *key = some_key(member);
		int result = vm_set_add(&set, key, crafted_vm_open, NULL, &err);

		if (result == 0)
			crew_count(&attached);
		expect(result == 0 || result == -EEXIST);
		uint64_t start = clock_now_ns();

		if (vm_set_remove(&set, some_key(member))) {
			crew_count(&detached);
			raise_max(&longest_ns, clock_now_ns() - start);
		}
	}
	urcu_memb_unregister_thread();
}

static void move_region(struct crew_member *member, struct source *source)
{
	paddr_t base = paddr(EXTRA_BASE + crew_random(member, EXTRA_COUNT) * CRAFTED_HIGH_SIZE);
	struct crafted *own = source->own;
	struct error err;
	uint64_t start = clock_now_ns();
	int result = guest_memory_add(&source->memory, base, EXTRA_PAGES * PAGE_SIZE, own->fd,
				      CRAFTED_LOW_SIZE, false, &err);

	if (result == -EEXIST)
		result = guest_memory_remove(&source->memory, base, &err);
	raise_max(&longest_ns, clock_now_ns() - start);
	expect(result == 0);
	crew_count(&moved);
}

static void change_regions(struct crew_member *member)
{
	urcu_memb_register_thread();
	while (!crew_is_done()) {
		struct attached_vm *vm = vm_set_find(&set, some_key(member));

		if (!vm)
			continue;
		move_region(member, attached_vm_source(vm));
		attached_vm_drop(vm);
	}
	urcu_memb_unregister_thread();
}

/* Another boot, as far as the cache can tell: its types are read and published anew. */
static void retype(struct attached_vm *vm)
{
	const struct source *source = attached_vm_source(vm);
	const struct cached_types *types = type_cache_take(attached_vm_types(vm));
	struct guest *guest;
	struct error err;

	if (!types)
		return;
	uint64_t boot_id = types->boot_id;

	cached_types_drop(types);
	if (guest_find(&source->memory, &source->hints, &guest, &err) < 0) {
		expect(false);
		return;
	}
	guest->boot_id = boot_id + 1;
	uint64_t start = clock_now_ns();

	expect(type_cache_update(attached_vm_types(vm), guest, &err) == 0);
	raise_max(&longest_ns, clock_now_ns() - start);
	guest_free(guest);
	crew_count(&retyped);
}

/* The one thread that looks at the VMs. */
static void look_on(struct crew_member *member)
{
	struct error err;

	urcu_memb_register_thread();
	while (!crew_is_done()) {
		struct attached_vm *vm = vm_set_find(&set, some_key(member));

		if (!vm)
			continue;
		expect(vm_look_make(vm, "type == meta_page", &err) == 0);
		crew_count(&looked);
		retype(vm);
		attached_vm_drop(vm);
	}
	urcu_memb_unregister_thread();
}

static void check_facts(struct attached_vm *vm)
{
	const struct vm_look *look = vm_look_take(vm);
	const struct cached_types *types = type_cache_take(attached_vm_types(vm));

	if (look) {
		expect(look->frame_count == CRAFTED_SLOTS && look->matches == CRAFTED_META_PAGES);
		vm_look_drop(look);
	}
	if (types) {
		expect(types->catalog->count == types->type_count);
		expect(type_catalog_unknown(types->catalog, CRAFTED_ANON) != NULL);
		cached_types_drop(types);
	}
}

/* Touches the first and last byte of each region that is there. */
static void check_regions(const struct source *source)
{
	uint8_t sum = 0;

	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&source->memory);

	for (unsigned i = 0; i < map->count; i++) {
		const uint8_t *at = memory_map_at(map, map->regions[i].base, map->regions[i].size);

		sum |= at[0] | at[map->regions[i].size - 1];
	}
	expect(map->count >= 2 && map->count <= 2 + EXTRA_COUNT && sum == 0);
	guest_memory_read_end();
}

static void read_vms(struct crew_member *member)
{
	struct attached_vm *vms[VM_SET_MAX];

	urcu_memb_register_thread();
	while (!crew_is_done()) {
		struct attached_vm *vm = vm_set_find(&set, some_key(member));

		if (vm) {
			check_regions(attached_vm_source(vm));
			check_facts(vm);
			attached_vm_drop(vm);
			crew_count(&found);
		}
		unsigned count = vm_set_list(&set, vms, VM_SET_MAX);

		expect(count <= KEYS);
		for (unsigned i = 0; i < count; i++) {
			check_facts(vms[i]);
			attached_vm_drop(vms[i]);
			crew_count(&listed);
		}
	}
	urcu_memb_unregister_thread();
}

static void free_shot(struct published_object *object)
{
	struct shot *shot = (struct shot *)object;

	snapshot_close(&shot->snapshot);
	free(shot);
	__atomic_sub_fetch(&shots_alive, 1, __ATOMIC_RELAXED);
}

static void publish_shots(struct crew_member *member)
{
	const struct snapshot_options options = {0};
	struct error err;

	(void)member;
	urcu_memb_register_thread();
	while (!crew_is_done()) {
		struct shot *shot = calloc(1, sizeof(*shot));

		if (source_snapshot(&crafted.source, true, &options, &shot->snapshot, &err) < 0) {
			expect(false);
			free(shot);
			continue;
		}
		published_object_init(&shot->object, free_shot);
		raise_max(&shots_alive_max, __atomic_add_fetch(&shots_alive, 1, __ATOMIC_RELAXED));
		uint64_t start = clock_now_ns();

		published_set(&newest_shot, &shot->object);
		raise_max(&longest_ns, clock_now_ns() - start);
		crew_count(&shots);
	}
	urcu_memb_unregister_thread();
}

/* Level 3: the writer's words are all equal, and stay so while newer snapshots replace this one. */
static void read_shots(struct crew_member *member)
{
	urcu_memb_register_thread();
	while (!crew_is_done()) {
		struct shot *shot = (struct shot *)published_take(&newest_shot);

		if (!shot)
			continue;
		uint64_t first = crafted_word(&shot->snapshot.memory, 0);

		for (unsigned i = 0; i < 16; i++)
			expect(crafted_word(&shot->snapshot.memory,
					    (unsigned)crew_random(member, CRAFTED_WORDS)) == first);
		published_drop(&shot->object);
		crew_count(&shot_reads);
	}
	urcu_memb_unregister_thread();
}

static void setup(void)
{
	struct error err;

	urcu_memb_register_thread();
	crew_setup();
	crafted_vms_count_anew();
	ck_assert_int_eq(vm_set_init(&set, &err), 0);
	crafted_make(&crafted);
	crafted_start_writer(&crafted);
}

static void teardown(void)
{
	published_set(&newest_shot, NULL);
	vm_set_destroy(&set);
	crafted_free(&crafted);
	urcu_memb_unregister_thread();
}

START_TEST(all_of_it_changes_under_readers)
{
	static const struct crew_event events[] = {
		CREW_EVENT(attached), CREW_EVENT(detached), CREW_EVENT(found),
		CREW_EVENT(listed),   CREW_EVENT(moved),    CREW_EVENT(looked),
		CREW_EVENT(retyped),  CREW_EVENT(shots),    CREW_EVENT(shot_reads),
	};
	const unsigned holders = 4; /* of VMs: two readers, one that looks, one that moves */

	crew_add(change_set, NULL);
	crew_add(change_regions, NULL);
	crew_add(look_on, NULL);
	crew_add(publish_shots, NULL);
	crew_add(read_vms, NULL);
	crew_add(read_vms, NULL);
	crew_add(read_shots, NULL);
	crew_add(read_shots, NULL);
	CREW_WORK(events);
	ck_assert_uint_eq(broken, 0);

	/* The newest, the one that it replaces, and one for each reader. */
	ck_assert_uint_le(shots_alive_max, 2 + 2);
	/* Those of the set, those that readers have listed, and one that is on its way in or out. */
	ck_assert_uint_le(crafted_vms_alive_max(), KEYS + holders * KEYS + 1);
	published_set(&newest_shot, NULL);
	ck_assert_uint_eq(shots_alive, 0);
	vm_set_destroy(&set);
	ck_assert_uint_eq(crafted_vms_alive(), 0);
	ck_assert_int_eq(vm_set_init(&set, &(struct error){{0}}), 0);
	if (getenv("PAGEVISOR_MS"))
		printf("fleet: longest wait for readers %lu us, in %lu detached, %lu moved, %lu "
		       "retyped, %lu shots; %lu VMs found, %lu shots read\n",
		       longest_ns / 1000, detached, moved, retyped, shots, found, shot_reads);
}
END_TEST

Suite *fleet_threads_suite(void)
{
	Suite *suite = suite_create("fleet_threads");
	TCase *tcase = tcase_create("fleet_threads");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, TIMEOUT_S);
	tcase_add_test(tcase, all_of_it_changes_under_readers);
	suite_add_tcase(suite, tcase);
	return suite;
}
