/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/cli/fleet and of the cache of a guest's types: VMs come and go, and are inspected. */
#include "unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/allocator.h>

#include "cli/fleet/survey.h"
#include "cli/fleet/vm_look.h"
#include "cli/fleet/vm_set.h"
#include "kind/fields/type_cache.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "unit/crafted_vm.h"

#define CRAFTED_ALLOCATOR_PA (CRAFTED_OTHER_PA + 32 * PAGE_SIZE)

static struct vm_set set;
static struct error err;

static void setup(void)
{
	urcu_memb_register_thread();
	set = (struct vm_set){0};
}

static void teardown(void)
{
	vm_set_clear(&set);
	ck_assert_uint_eq(crafted_vms_alive(), 0);
	urcu_memb_unregister_thread();
}

static int add_opened(const char *key, vm_open_function *open)
{
	struct attached_vm *vm;
	int result = attached_vm_open(key, open, NULL, &vm, &err);

	return result < 0 ? result : vm_set_add(&set, vm, &err);
}

static int add(const char *key)
{
	return add_opened(key, crafted_vm_open);
}

START_TEST(what_was_added_is_there)
{
	ck_assert_int_eq(add("a"), 0);
	ck_assert_int_eq(add("b"), 0);
	ck_assert_uint_eq(set.count, 2);
	ck_assert_str_eq(set.vms[0]->key, "a");
	ck_assert_str_eq(set.vms[1]->key, "b");
}
END_TEST

START_TEST(a_key_is_there_once)
{
	ck_assert_int_eq(add("a"), 0);
	ck_assert_int_eq(add("a"), -EEXIST);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_uint_eq(crafted_vms_alive(), 1);
}
END_TEST

START_TEST(keys_that_are_none_are_refused)
{
	char key[VM_KEY_SIZE + 1];

	memset(key, 'k', VM_KEY_SIZE);
	key[VM_KEY_SIZE] = '\0';
	ck_assert_int_eq(add(""), -EINVAL);
	ck_assert_int_eq(add(key), -EINVAL);
	key[VM_KEY_SIZE - 1] = '\0';
	ck_assert_int_eq(add(key), 0);
	ck_assert_uint_eq(set.count, 1);
}
END_TEST

static int open_nothing(void *context, struct source *source, struct error *why)
{
	(void)context;
	(void)source;
	return error_set(why, -EACCES, "no");
}

START_TEST(one_that_cannot_be_opened_leaves_the_set_as_it_was)
{
	ck_assert_int_eq(add("a"), 0);
	ck_assert_int_eq(add_opened("b", open_nothing), -EACCES);
	ck_assert_str_eq(err.text, "no");
	ck_assert_uint_eq(set.count, 1);
}
END_TEST

START_TEST(no_more_than_fit)
{
	char key[VM_KEY_SIZE];

	for (unsigned i = 0; i < VM_SET_MAX; i++) {
		snprintf(key, sizeof(key), "vm %u", i);
		ck_assert_int_eq(add_opened(key, crafted_vm_open_empty), 0);
	}
	ck_assert_int_eq(add_opened("more", crafted_vm_open_empty), -ENOSPC);
	ck_assert_uint_eq(set.count, VM_SET_MAX);
	vm_set_clear(&set);
	ck_assert_int_eq(add_opened("more", crafted_vm_open_empty), 0);
}
END_TEST

START_TEST(those_that_have_ended_are_closed)
{
	ck_assert_int_eq(add("vm:a"), 0);
	ck_assert_int_eq(add("vm:b"), 0);
	ck_assert_int_eq(add("domain:c"), 0);
	set.vms[0]->source.pid = CRAFTED_ENDED_PID;
	set.vms[2]->source.pid = CRAFTED_ENDED_PID;
	vm_set_remove_ended(&set, "vm:");
	ck_assert_uint_eq(set.count, 2);
	ck_assert_uint_eq(crafted_vms_alive(), 2);
	ck_assert_str_eq(set.vms[0]->key, "vm:b");
	ck_assert_str_eq(set.vms[1]->key, "domain:c");
	vm_set_remove_ended(&set, "domain:");
	ck_assert_uint_eq(set.count, 1);
	ck_assert_int_eq(add("vm:a"), 0);
}
END_TEST

/* For one sample: an allocator with `blocks` free blocks of 8 frames, and `parked` frames. */
static void craft_allocator(struct attached_vm *vm, uint64_t blocks, uint64_t parked)
{
	struct crafted *crafted = vm->source.own;
	uint8_t *place = crafted->low + CRAFTED_ALLOCATOR_PA;
	uint64_t *pool = (uint64_t *)(place + sizeof(struct allocator_descriptor));
	const struct allocator_descriptor at = {
		.version = ALLOCATOR_VERSION,
		.size = sizeof(at),
		.pool_va = CRAFTED_ALLOCATOR_PA + sizeof(at) + CRAFTED_VA_OFFSET,
		.pool_size = 6 * sizeof(uint64_t),
		.cache_size = sizeof(uint64_t), /* caches of no entries */
		.depot_size = sizeof(uint64_t), /* and no depots */
		.block_orders = 4,
		.parked_count = 5 * sizeof(uint64_t),
		.parked_block_count = 0, /* the first word stays 0 */
	};

	memcpy(place, &at, sizeof(at));
	memset(pool, 0, at.pool_size);
	pool[3] = blocks;
	pool[5] = parked;
	crafted->info->allocator_pa = CRAFTED_ALLOCATOR_PA;
}

/* Memory in use comes from the allocator's counts: the slots do not show it. */
START_TEST(what_is_in_use_is_what_the_allocator_has_not)
{
	ck_assert_int_eq(add("a"), 0);
	struct attached_vm *vm = set.vms[0];

	for (unsigned blocks = 0; blocks <= CRAFTED_SLOTS / 8; blocks++) {
		craft_allocator(vm, blocks, 5);
		ck_assert_int_eq(vm_look_make(vm, NULL, &err), 0);
		const struct vm_look *look = &vm->look;
		uint64_t idle = blocks * 8 + 5;

		ck_assert(look->has_use);
		ck_assert_uint_eq(look->in_use, idle < CRAFTED_SLOTS ? CRAFTED_SLOTS - idle : 0);
	}
	craft_allocator(vm, CRAFTED_SLOTS, 5);
	ck_assert_int_eq(vm_look_make(vm, NULL, &err), 0);
	const struct vm_look *look = &vm->look;

	ck_assert(look->has_view && !look->has_use);
}
END_TEST

START_TEST(a_look_counts_matches)
{
	ck_assert_int_eq(add("a"), 0);
	struct attached_vm *vm = set.vms[0];

	ck_assert_uint_eq(vm->look.at_ns, 0);
	ck_assert_int_eq(vm_look_make(vm, "type == meta_page", &err), 0);
	const struct vm_look *look = &vm->look;

	ck_assert(look->has_view && !look->has_use && !look->has_ended);
	ck_assert_str_eq(look->stage, boot_stage_name(STAGE_RUNNING));
	ck_assert_uint_eq(look->ram_frames, CRAFTED_SLOTS);
	ck_assert(look->has_matches);
	ck_assert_uint_eq(look->matches, CRAFTED_META_PAGES);

	ck_assert_int_eq(vm_look_make(vm, "type == nonsense", &err), 0);
	ck_assert(!look->has_matches);
	ck_assert_str_ne(look->problem.text, "");
}
END_TEST

START_TEST(types_are_read_again_only_when_they_change)
{
	ck_assert_int_eq(add("a"), 0);
	struct type_cache *cache = &set.vms[0]->types;
	struct source *source = &set.vms[0]->source;
	struct guest *guest;

	ck_assert_ptr_null(cache->catalog);
	ck_assert_int_eq(guest_find(&source->memory, &source->hints, &guest, &err), 0);
	ck_assert_int_eq(type_cache_update(cache, guest, &err), 0);
	ck_assert_uint_eq(cache->catalog->count, CRAFTED_TYPES);

	/* Reading the types again would replace this mark. */
	cache->catalog->count = 0;
	ck_assert_int_eq(type_cache_update(cache, guest, &err), 0);
	ck_assert_uint_eq(cache->catalog->count, 0);
	strcpy(guest->types[CRAFTED_SLAB].name, "other");
	ck_assert_int_eq(type_cache_update(cache, guest, &err), 0);
	ck_assert_uint_eq(cache->catalog->count, CRAFTED_TYPES);
	ck_assert_str_eq(cache->types[CRAFTED_SLAB].name, "other");

	/* Another boot may have other fields under the same names. */
	cache->catalog->count = 0;
	guest->boot_id++;
	ck_assert_int_eq(type_cache_update(cache, guest, &err), 0);
	ck_assert_uint_eq(cache->catalog->count, CRAFTED_TYPES);
	guest_free(guest);
}
END_TEST

/* What a survey could not attach. */
static struct absent_vm absent;
static unsigned absent_count;

static void note_absent(void *context, const struct absent_vm *other)
{
	(void)context;
	absent = *other;
	absent_count++;
}

static void count_name(void *context, const char *name, uint32_t pid)
{
	(void)name;
	(void)pid;
	++*(unsigned *)context;
}

/* Opens a VM once as many others are being opened at the same time. */
#define AT_ONCE 40

static pthread_barrier_t all_here;

static int open_together(void *context, struct source *source, struct error *why)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	(void)context;
	pthread_barrier_wait(&all_here);
	/* The count of crafted VMs belongs to one thread. */
	pthread_mutex_lock(&lock);
	int result = crafted_vm_open(NULL, source, why);

	pthread_mutex_unlock(&lock);
	return result;
}

static int open_silent(void *context, struct source *source, struct error *why)
{
	(void)context;
	(void)source;
	pthread_barrier_wait(&all_here);
	return error_set(why, -ETIMEDOUT, "no answer");
}

/* This ends only if none waits for another's end. */
START_TEST(a_survey_asks_all_at_once)
{
	struct survey survey;
	unsigned names = 0;

	absent_count = 0;
	pthread_barrier_init(&all_here, NULL, AT_ONCE);
	survey_begin(&survey, &set, NULL);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		char key[VM_KEY_SIZE];

		snprintf(key, sizeof(key), "vm %u", i);
		survey_attach(&survey, key, "a name", 7, i ? open_together : open_silent, NULL);
	}
	survey_names(&survey, count_name, &names);
	ck_assert_uint_eq(names, AT_ONCE);
	ck_assert_int_eq(survey_end(&survey, note_absent, NULL, &err), 0);
	ck_assert_uint_eq(set.count, AT_ONCE - 1);
	ck_assert_uint_ne(set.vms[0]->look.at_ns, 0);
	ck_assert_uint_eq(absent_count, 1);
	ck_assert_str_eq(absent.name, "a name");
	ck_assert_uint_eq(absent.pid, 7);
	ck_assert_int_eq(absent.result, -ETIMEDOUT);
	pthread_barrier_destroy(&all_here);
	/* Those in the set are looked at again, and not attached again. */
	set.vms[0]->look = (struct vm_look){0};
	survey_begin(&survey, &set, NULL);
	survey_attach(&survey, set.vms[0]->key, "a name", 7, open_nothing, NULL);
	ck_assert_int_eq(survey_end(&survey, note_absent, NULL, &err), 0);
	ck_assert_uint_ne(set.vms[0]->look.at_ns, 0);
	ck_assert_uint_eq(set.count, AT_ONCE - 1);
	ck_assert_uint_eq(absent_count, 1);
}
END_TEST

static int open_ended(void *context, struct source *source, struct error *why)
{
	(void)source;
	return error_set(why, *(int *)context, "it has ended");
}

static int find_some(struct survey *survey, void *context, struct error *why)
{
	static const int ends[] = {-ECONNREFUSED, -ENOENT, -ENODATA};

	(void)context;
	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		int *end = malloc(sizeof(*end));
		char key[VM_KEY_SIZE];

		snprintf(key, sizeof(key), "ended %u", i);
		*end = ends[i];
		survey_attach(survey, key, "ended", 0, open_ended, end);
	}
	survey_attach(survey, "a", "a", 0, crafted_vm_open, NULL);
	return error_set(why, -ETIMEDOUT, "it knows more");
}

START_TEST(a_survey_finds_out_whom_to_ask)
{
	struct survey survey;

	absent_count = 0;
	survey_begin(&survey, &set, NULL);
	survey_run(&survey, find_some, NULL);
	ck_assert_int_eq(survey_end(&survey, note_absent, NULL, &err), 0);
	ck_assert_uint_eq(set.count, 1);
	/* What has ended is not worth a word. */
	ck_assert_uint_eq(absent_count, 1);
	ck_assert_str_eq(absent.name, "");
	ck_assert_str_eq(absent.why.text, "it knows more");
}
END_TEST

Suite *fleet_suite(void)
{
	Suite *suite = suite_create("fleet");
	TCase *tcase = tcase_create("fleet");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_was_added_is_there);
	tcase_add_test(tcase, a_key_is_there_once);
	tcase_add_test(tcase, keys_that_are_none_are_refused);
	tcase_add_test(tcase, one_that_cannot_be_opened_leaves_the_set_as_it_was);
	tcase_add_test(tcase, no_more_than_fit);
	tcase_add_test(tcase, those_that_have_ended_are_closed);
	tcase_add_test(tcase, a_survey_asks_all_at_once);
	tcase_add_test(tcase, a_survey_finds_out_whom_to_ask);
	tcase_add_test(tcase, what_is_in_use_is_what_the_allocator_has_not);
	tcase_add_test(tcase, a_look_counts_matches);
	tcase_add_test(tcase, types_are_read_again_only_when_they_change);
	suite_add_tcase(suite, tcase);
	return suite;
}
