/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of vmm/attach/server.h and vmm/source/vm/own_vm.h against each other, in one process and without KVM: what an
 * attached source sees, regions that come and go, and all of this under readers at full speed.
 */
#include "unit/suites.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/client.h"
#include "attach/server.h"
#include "base/clock.h"
#include "memory/rcu.h"
#include "source/source_open.h"
#include "source/vm/own_vm.h"

#define BASE_SIZE   (16 * PAGE_SIZE)
#define EXTRA_BASE  (1024 * PAGE_SIZE)
#define EXTRA_SIZE  (4 * PAGE_SIZE)
#define EXTRA_COUNT 4
#define RAM_SIZE    (BASE_SIZE + EXTRA_COUNT * EXTRA_SIZE)

/* How long an action of another thread may take. */
#define PATIENCE_NS (60 * NS_PER_S) /* only against hangs */

static char directory[64];
static struct guest_memory memory;
static struct attach_server server;
static struct attach_vm vm;
static struct error err;

static void setup(void)
{
	urcu_memb_register_thread();
	strcpy(directory, "/tmp/pagevisor-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("XDG_RUNTIME_DIR", directory, 1);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	vm = (struct attach_vm){
		.id = {.name = "unit", .pid = (uint32_t)getpid()},
		.cpu_count = 1,
		.has_info = true,
		.info = paddr(0x1000),
		.memory = &memory,
		.memory_fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING),
	};
	ck_assert_int_eq(ftruncate(vm.memory_fd, RAM_SIZE), 0);
	ck_assert_int_eq(fcntl(vm.memory_fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_assert_int_eq(
		guest_memory_add(&memory, paddr(0), BASE_SIZE, vm.memory_fd, 0, true, &err), 0);
	ck_assert_msg(attach_server_start(&server, &vm, &err) == 0, "%s", err.text);
}

static void teardown(void)
{
	char path[sizeof(directory) + sizeof("/pagevisor")];

	attach_server_stop(&server);
	guest_memory_destroy(&memory);
	close(vm.memory_fd);
	snprintf(path, sizeof(path), "%s/pagevisor", directory);
	/* rmdir succeeds only on an empty directory: the server has removed its socket. */
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	urcu_memb_unregister_thread();
}

static void open_source(struct source *source)
{
	ck_assert_msg(source_open("unit", source, &err) == 0, "%s", err.text);
}

static paddr_t extra(unsigned index)
{
	return paddr(EXTRA_BASE + index * 2 * EXTRA_SIZE);
}

static int add_extra(unsigned index)
{
	return guest_memory_add(&memory, extra(index), EXTRA_SIZE, vm.memory_fd,
				BASE_SIZE + index * EXTRA_SIZE, true, &err);
}

static unsigned region_count(const struct source *source)
{
	guest_memory_read_begin();
	unsigned count = guest_memory_map(&source->memory)->count;

	guest_memory_read_end();
	return count;
}

static void await_region_count(const struct source *source, unsigned count)
{
	uint64_t deadline = clock_now_ns() + PATIENCE_NS;

	while (region_count(source) != count && clock_now_ns() < deadline)
		usleep(1000);
	ck_assert_uint_eq(region_count(source), count);
}

START_TEST(an_attached_source_sees_the_vm)
{
	struct source source;
	uint32_t value = 0;

	guest_memory_read_begin();
	*(uint32_t *)memory_map_at(guest_memory_map(&memory), paddr(64), 4) = 0x12345678;
	guest_memory_read_end();
	open_source(&source);
	ck_assert_str_eq(source.name, "unit");
	ck_assert_uint_eq(source.pid, (unsigned)getpid());
	ck_assert_uint_eq(source.hints.info.addr, 0x1000);
	ck_assert(source.hints.has_info && source.is_live && !source_has_ended(&source));
	ck_assert_uint_eq(source_memory_size(&source), BASE_SIZE);
	ck_assert_int_eq(guest_memory_copy(&source.memory, paddr(64), &value, 4), 0);
	ck_assert_uint_eq(value, 0x12345678);
	source_close(&source);
}
END_TEST

START_TEST(a_source_follows_the_map)
{
	struct source source;

	open_source(&source);
	ck_assert_int_eq(add_extra(0), 0);
	ck_assert_int_eq(add_extra(1), 0);
	attach_server_map_changed(&server);
	await_region_count(&source, 3);
	ck_assert_int_eq(guest_memory_remove(&memory, extra(0), &err), 0);
	attach_server_map_changed(&server);
	await_region_count(&source, 2);
	guest_memory_read_begin();
	const struct memory_map *map = guest_memory_map(&source.memory);

	ck_assert_ptr_null(memory_map_at(map, extra(0), 1));
	ck_assert_ptr_nonnull(memory_map_at(map, extra(1), EXTRA_SIZE));
	guest_memory_read_end();
	source_close(&source);
}
END_TEST

START_TEST(a_source_outlives_its_vm)
{
	struct source source;
	uint8_t byte = 1;

	open_source(&source);
	attach_server_stop(&server);
	uint64_t deadline = clock_now_ns() + PATIENCE_NS;

	while (!source_has_ended(&source) && clock_now_ns() < deadline)
		usleep(1000);
	ck_assert(source_has_ended(&source));
	ck_assert_int_eq(guest_memory_copy(&source.memory, paddr(0), &byte, 1), 0);
	ck_assert_int_eq(control_pause(&source.control, &err), -ENOTCONN);
	ck_assert_str_eq(err.text, "the VM has ended");
	source_close(&source);
	ck_assert_int_eq(attach_server_start(&server, &vm, &err), 0);
}
END_TEST

START_TEST(what_a_vm_cannot_do_is_said)
{
	struct pause_holder holder;
	struct source source;

	open_source(&source);
	ck_assert_int_eq(control_pause(&source.control, &err), -ENOTSUP);
	ck_assert_int_eq(control_holder(&source.control, &holder, &err), -ENOTSUP);
	source_close(&source);
}
END_TEST

static int make_record(void *own, uint64_t frame, struct management_record *record)
{
	(void)own;
	*record = (struct management_record){.now_ns = frame, .count = 1, .events[0].frames = 7};
	return frame < BASE_SIZE / PAGE_SIZE ? 0 : -EINVAL;
}

static const struct management_ops recording = {.record = make_record};
static const struct management management = {.ops = &recording};

START_TEST(what_the_vm_knows_of_a_frame_is_asked)
{
	struct management_record record;
	struct source source;

	open_source(&source);
	ck_assert_int_eq(source_record(&source, 3, &record, &err), -ENOTSUP);
	source_close(&source);
	attach_server_stop(&server);
	vm.management = &management;
	ck_assert_int_eq(attach_server_start(&server, &vm, &err), 0);
	open_source(&source);
	ck_assert_msg(source_record(&source, 3, &record, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(record.now_ns, 3);
	ck_assert_uint_eq(record.count, 1);
	ck_assert_uint_eq(record.events[0].frames, 7);
	ck_assert_int_eq(source_record(&source, BASE_SIZE / PAGE_SIZE, &record, &err), -EINVAL);
	/* Replies of other kinds are as before. */
	ck_assert_int_eq(control_pause(&source.control, &err), -ENOTSUP);
	source_close(&source);
}
END_TEST

/* The control of a VM whose vCPUs are a counter: stops minus resumes. */
static int stopped; /* atomic for all but the server thread */

static int stop_vcpus(void *own, struct error *why)
{
	(void)why;
	++*(int *)own;
	return 0;
}

static int let_vcpus_go(void *own, uint64_t *paused_ns, struct error *why)
{
	(void)why;
	--*(int *)own;
	*paused_ns = 0;
	return 0;
}

static const struct control_ops pausing = {.pause = stop_vcpus, .resume = let_vcpus_go};
static const struct control vcpus = {&pausing, &stopped, "unit"};

static struct pause_holder holder_of(const struct source *source)
{
	struct pause_holder holder;

	ck_assert_int_eq(control_holder(&source->control, &holder, &err), 0);
	return holder;
}

/*
 * Several inspectors may hold a pause. The server names the one that has held it longest, and none once all have
 * released it.
 */
START_TEST(who_holds_a_pause_is_known)
{
	struct source first, second, asks;
	uint64_t before = clock_now_ns(), paused_ns;

	attach_server_stop(&server);
	vm.control = &vcpus;
	ck_assert_int_eq(attach_server_start(&server, &vm, &err), 0);
	open_source(&first);
	open_source(&second);
	open_source(&asks);
	ck_assert_uint_eq(holder_of(&asks).since_ns, 0);
	ck_assert_uint_eq(holder_of(&asks).pid, 0);
	ck_assert_int_eq(control_pause(&second.control, &err), 0);
	struct pause_holder held = holder_of(&asks);

	ck_assert_uint_eq(held.pid, (unsigned)getpid());
	ck_assert_uint_ge(held.since_ns, before);
	ck_assert_uint_le(held.since_ns, clock_now_ns());
	uint64_t between = clock_now_ns();

	ck_assert_int_eq(control_pause(&first.control, &err), 0);
	ck_assert_int_eq(stopped, 1);
	ck_assert_uint_eq(holder_of(&asks).since_ns, held.since_ns);
	ck_assert_int_eq(control_resume(&second.control, &paused_ns, &err), 0);
	ck_assert_uint_ge(holder_of(&asks).since_ns, between);
	/* A closed source holds no pause. */
	source_close(&first);
	uint64_t deadline = clock_now_ns() + PATIENCE_NS;

	while (holder_of(&asks).since_ns && clock_now_ns() < deadline)
		usleep(1000);
	ck_assert_uint_eq(holder_of(&asks).since_ns, 0);
	ck_assert_int_eq(__atomic_load_n(&stopped, __ATOMIC_ACQUIRE), 0);
	source_close(&second);
	source_close(&asks);
}
END_TEST

static unsigned open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

START_TEST(attaching_leaves_nothing_behind)
{
	struct source source;
	unsigned before;

	open_source(&source);
	source_close(&source);
	before = open_descriptors();
	for (int i = 0; i < 100; i++) {
		open_source(&source);
		source_close(&source);
	}
	/* The server closes its side a moment later. */
	uint64_t deadline = clock_now_ns() + PATIENCE_NS;

	while (open_descriptors() > before && clock_now_ns() < deadline)
		usleep(1000);
	ck_assert_uint_le(open_descriptors(), before);
}
END_TEST

START_TEST(a_refused_start_leaves_nothing_behind)
{
	struct attach_server other;
	unsigned before = open_descriptors();

	chmod(getenv("XDG_RUNTIME_DIR"), 0700);
	char path[sizeof(directory) + sizeof("/pagevisor")];

	snprintf(path, sizeof(path), "%s/pagevisor", directory);
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert_int_eq(attach_server_start(&other, &vm, &err), -EACCES);
	ck_assert_int_eq(chmod(path, 0700), 0);
	setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
	ck_assert_int_eq(attach_server_start(&other, &vm, &err), -ENOENT);
	setenv("XDG_RUNTIME_DIR", directory, 1);
	ck_assert_uint_eq(open_descriptors(), before);
}
END_TEST

/* The source under the readers: RCU-protected, and replaced while they read. */
static struct source *current;
static bool readers_stop;

static void read_all(const struct guest_memory *from, uint64_t *sum)
{
	const struct memory_map *map = guest_memory_map(from);

	for (unsigned i = 0; i < map->count; i++) {
		const struct memory_region *region = &map->regions[i];

		*sum += __atomic_load_n(region->host, __ATOMIC_RELAXED) +
			__atomic_load_n(region->host + region->size - 1, __ATOMIC_RELAXED);
	}
}

static void *read_current(void *unused)
{
	uint64_t sum = 0;

	(void)unused;
	urcu_memb_register_thread();
	while (!__atomic_load_n(&readers_stop, __ATOMIC_ACQUIRE)) {
		guest_memory_read_begin();
		read_all(&memory, &sum);
		read_all(&rcu_pointer_read(current)->memory, &sum);
		guest_memory_read_end();
	}
	urcu_memb_unregister_thread();
	return (void *)(uintptr_t)sum;
}

#ifdef __SANITIZE_THREAD__
#define STRESS_ROUNDS 40
#else
#define STRESS_ROUNDS 200
#endif

static void *change_regions(void *unused)
{
	(void)unused;
	for (unsigned round = 0; !__atomic_load_n(&readers_stop, __ATOMIC_ACQUIRE); round++) {
		struct error ignored;

		if (round / EXTRA_COUNT % 2 == 0)
			guest_memory_add(&memory, extra(round % EXTRA_COUNT), EXTRA_SIZE,
					 vm.memory_fd, BASE_SIZE + round % EXTRA_COUNT * EXTRA_SIZE,
					 true, &ignored);
		else
			guest_memory_remove(&memory, extra(round % EXTRA_COUNT), &ignored);
		attach_server_map_changed(&server);
	}
	return NULL;
}

static void attach_anew(void)
{
	struct source *fresh = malloc(sizeof(*fresh)), *old = current;

	ck_assert_ptr_nonnull(fresh);
	open_source(fresh);
	rcu_pointer_publish(current, fresh);
	rcu_wait_for_readers();
	if (old)
		source_close(old);
	free(old);
}

START_TEST(regions_and_sources_come_and_go_under_readers)
{
	pthread_t readers[2], changer;
	void *sum;

	readers_stop = false;
	attach_anew();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&readers[i], NULL, read_current, NULL), 0);
	ck_assert_int_eq(pthread_create(&changer, NULL, change_regions, NULL), 0);
	for (int i = 0; i < STRESS_ROUNDS; i++)
		attach_anew();
	ck_assert(!source_has_ended(current));
	__atomic_store_n(&readers_stop, true, __ATOMIC_RELEASE);
	pthread_join(changer, NULL);
	for (int i = 0; i < 2; i++) {
		pthread_join(readers[i], &sum);
		ck_assert_uint_eq((uintptr_t)sum, 0);
	}
	source_close(current);
	free(current);
}
END_TEST

Suite *attach_suite(void)
{
	Suite *suite = suite_create("attach");
	TCase *tcase = tcase_create("attach");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, an_attached_source_sees_the_vm);
	tcase_add_test(tcase, a_source_follows_the_map);
	tcase_add_test(tcase, a_source_outlives_its_vm);
	tcase_add_test(tcase, what_a_vm_cannot_do_is_said);
	tcase_add_test(tcase, what_the_vm_knows_of_a_frame_is_asked);
	tcase_add_test(tcase, who_holds_a_pause_is_known);
	tcase_add_test(tcase, attaching_leaves_nothing_behind);
	tcase_add_test(tcase, a_refused_start_leaves_nothing_behind);
	tcase_add_test(tcase, regions_and_sources_come_and_go_under_readers);
	suite_add_tcase(suite, tcase);
	return suite;
}
