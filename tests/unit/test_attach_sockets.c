/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of how a VM's socket comes and goes, and of clients that a living VM cannot take at once: who may remove the
 * socket, and that a client tries again until the deadline.
 */
#include "unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/client.h"
#include "attach/runtime_dir.h"
#include "attach/server.h"
#include "attach/server_places.h"
#include "base/deadline.h"
#include "memory/rcu.h"
#include "source/vm/own_vm.h"

#define RAM_SIZE (16 * PAGE_SIZE)

#define SHORT_NS (50 * NS_PER_MS) /* for waits in vain */
#define LONG_NS  (120 * NS_PER_S) /* only against hangs */

static char directory[64];
static char file[VM_SOCKET_NAME_SIZE];
static struct guest_memory memory;
static struct attach_server server;
static struct attach_vm vm;
static struct error err;
static int dir_fd;

static void setup(void)
{
	urcu_memb_register_thread();
	deadline_set_patience(LONG_NS);
	strcpy(directory, "/tmp/pagevisor-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("XDG_RUNTIME_DIR", directory, 1);
	ck_assert_int_eq(guest_memory_init(&memory, &err), 0);
	vm = (struct attach_vm){
		.id = {.name = "unit", .pid = (uint32_t)getpid()},
		.cpu_count = 1,
		.memory = &memory,
		.memory_fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING),
	};
	ck_assert_int_eq(ftruncate(vm.memory_fd, RAM_SIZE), 0);
	ck_assert_int_eq(fcntl(vm.memory_fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	ck_assert_int_eq(guest_memory_add(&memory, paddr(0), RAM_SIZE, vm.memory_fd, 0, true, &err),
			 0);
	dir_fd = runtime_dir_create(&err);
	ck_assert_int_ge(dir_fd, 0);
	vm_socket_name(&vm.id, file);
}

static void teardown(void)
{
	char path[sizeof(directory) + sizeof("/pagevisor")];

	guest_memory_destroy(&memory);
	close(vm.memory_fd);
	close(dir_fd);
	snprintf(path, sizeof(path), "%s/pagevisor", directory);
	/* rmdir succeeds only on an empty directory: nothing is left there. */
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	deadline_set_patience(PATIENCE_DEFAULT_NS);
	deadline_begin();
	urcu_memb_unregister_thread();
}

static void start(void)
{
	ck_assert_msg(attach_server_start(&server, &vm, &err) == 0, "%s", err.text);
}

static bool is_there(const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int connect_client(struct attach_client *client)
{
	return attach_client_connect(client, dir_fd, &vm.id, &err);
}

static void check_that_it_answers(void)
{
	struct attach_client client;

	ck_assert_msg(connect_client(&client) == 0, "%s", err.text);
	attach_client_close(&client);
}

/* Listens under a name of the directory. */
static int listen_at(const char *name, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	runtime_dir_socket_path(dir_fd, name, address.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

/* The variable alone counts, unless it names the directory of a session, which may not be there. */
START_TEST(the_variable_decides_where_to_look)
{
	char paths[RUNTIME_DIRS_MAX][PATH_MAX], others[RUNTIME_DIRS_MAX][PATH_MAX];
	char fallback[64], session[64], wanted[128];

	snprintf(fallback, sizeof(fallback), "/tmp/pagevisor-%u", geteuid());
	snprintf(wanted, sizeof(wanted), "%s/pagevisor", directory);
	ck_assert_uint_eq(runtime_dirs_paths(paths), 1);
	ck_assert_str_eq(paths[0], wanted);
	unsetenv("XDG_RUNTIME_DIR");
	unsigned count = runtime_dirs_paths(paths);

	ck_assert_uint_ge(count, 1);
	ck_assert_str_eq(paths[count - 1], fallback);
	for (unsigned i = 0; i < 3; i++) {
		const char *const ends[] = {"", "/", "//"};

		snprintf(session, sizeof(session), "/run/user/%u%s", geteuid(), ends[i]);
		setenv("XDG_RUNTIME_DIR", session, 1);
		ck_assert_uint_eq(runtime_dirs_paths(others), count);
		for (unsigned j = 0; j < count; j++)
			ck_assert_str_eq(others[j], paths[j]);
	}
	snprintf(session, sizeof(session), "/run/user/%u1", geteuid());
	setenv("XDG_RUNTIME_DIR", session, 1);
	ck_assert_uint_eq(runtime_dirs_paths(paths), 1);
	setenv("XDG_RUNTIME_DIR", directory, 1);
}
END_TEST

START_TEST(vms_of_all_directories_are_one_list)
{
	const struct vm_id early = {.name = "early", .pid = 7}, late = {.name = "late", .pid = 8};
	const struct vm_id gone = {.name = "gone", .pid = 9};
	struct runtime_dirs dirs = {.count = 2, .fds = {dir_fd}};
	char names[2][VM_SOCKET_NAME_SIZE];
	struct vm_id *list;

	ck_assert_int_eq(mkdirat(dir_fd, "second", 0700), 0);
	dirs.fds[1] = openat(dir_fd, "second", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(listen_at(vm_socket_name(&late, names[0]), 1));
	dir_fd = dirs.fds[1];
	close(listen_at(vm_socket_name(&early, names[1]), 1));
	/* The same name in both. */
	close(listen_at(names[0], 1));
	dir_fd = dirs.fds[0];
	ck_assert_int_eq(runtime_dirs_list(&dirs, &list, &err), 2);
	ck_assert_str_eq(list[0].name, "early");
	ck_assert_str_eq(list[1].name, "late");
	free(list);
	ck_assert_int_eq(runtime_dirs_find(&dirs, &early), dirs.fds[1]);
	ck_assert_int_eq(runtime_dirs_find(&dirs, &late), dirs.fds[0]);
	ck_assert_int_eq(runtime_dirs_find(&dirs, &gone), dirs.fds[0]);
	unlinkat(dir_fd, names[0], 0);
	ck_assert_int_eq(runtime_dirs_find(&dirs, &late), dirs.fds[1]);
	unlinkat(dirs.fds[1], names[0], 0);
	unlinkat(dirs.fds[1], names[1], 0);
	close(dirs.fds[1]);
	ck_assert_int_eq(unlinkat(dir_fd, "second", AT_REMOVEDIR), 0);
}
END_TEST

START_TEST(a_dead_socket_is_removed)
{
	struct source source;

	close(listen_at(file, 1));
	ck_assert_int_eq(own_vm_open(&vm.id, &source, &err), -ECONNREFUSED);
	ck_assert(!is_there(file));
	ck_assert_int_eq(own_vm_open(&vm.id, &source, &err), -ENOENT);
}
END_TEST

/* A process with this one's number died before it had removed a dead socket. */
START_TEST(what_another_left_does_not_keep_a_dead_socket)
{
	char left[32];

	snprintf(left, sizeof(left), ".%d.dead", gettid());
	close(listen_at(left, 1));
	close(listen_at(file, 1));
	runtime_dir_remove_dead(dir_fd, file);
	ck_assert(!is_there(file));
	unlinkat(dir_fd, left, 0);
}
END_TEST

/* Whoever wants to remove a dead socket may find a new VM's in its place. */
START_TEST(a_living_socket_is_not_removed)
{
	start();
	runtime_dir_remove_dead(dir_fd, file);
	ck_assert(is_there(file));
	check_that_it_answers();
	attach_server_stop(&server);
	ck_assert(!is_there(file));
}
END_TEST

/* The pid is that of another PID namespace. */
START_TEST(a_vm_does_not_take_the_name_of_one_that_lives)
{
	struct attach_server second;

	start();
	ck_assert_int_eq(attach_server_start(&second, &vm, &err), -EEXIST);
	check_that_it_answers();
	attach_server_stop(&server);
}
END_TEST

/* Two processes of one user. The second leaves nothing behind. */
START_TEST(names_are_unique)
{
	struct attach_server second;
	struct attach_vm other;

	start();
	other = vm;
	other.id.pid = vm.id.pid + 1;
	ck_assert_int_eq(attach_server_start(&second, &other, &err), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.text, "a VM named 'unit' runs already"));
	ck_assert(!is_there(vm_socket_name(&other.id, (char[VM_SOCKET_NAME_SIZE]){""})));
	check_that_it_answers();
	attach_server_stop(&server);
	ck_assert_int_eq(attach_server_start(&second, &other, &err), 0);
	attach_server_stop(&second);
}
END_TEST

START_TEST(the_name_of_a_dead_vm_is_free)
{
	close(listen_at("unit.1.sock", 1));
	start();
	ck_assert(!is_there("unit.1.sock"));
	check_that_it_answers();
	attach_server_stop(&server);
}
END_TEST

static unsigned stops;

static void count_stop(bool is_saved)
{
	(void)is_saved;
	__atomic_fetch_add(&stops, 1, __ATOMIC_RELAXED);
}

/* The VM's process is this one, so it does not end. */
START_TEST(a_vm_is_asked_to_end)
{
	vm.stop = count_stop;
	stops = 0;
	start();
	ck_assert_int_eq(own_vm_stop(&vm.id, SHORT_NS, &err), -ETIME);
	ck_assert_uint_eq(__atomic_load_n(&stops, __ATOMIC_RELAXED), 1);
	check_that_it_answers();
	attach_server_stop(&server);
	ck_assert_int_eq(own_vm_stop(&vm.id, SHORT_NS, &err), -ENOENT);
}
END_TEST

START_TEST(a_vm_that_cannot_be_asked_to_end_says_so)
{
	start();
	ck_assert_int_eq(own_vm_stop(&vm.id, LONG_NS, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "send SIGTERM to process"));
	attach_server_stop(&server);
}
END_TEST

START_TEST(a_vm_takes_the_name_of_one_that_died)
{
	close(listen_at(file, 1));
	start();
	check_that_it_answers();
	attach_server_stop(&server);
}
END_TEST

START_TEST(a_vm_removes_no_socket_but_its_own)
{
	start();
	ck_assert_int_eq(unlinkat(dir_fd, file, 0), 0);
	int other = listen_at(file, 1);

	attach_server_stop(&server);
	ck_assert(is_there(file));
	close(other);
	ck_assert_int_eq(unlinkat(dir_fd, file, 0), 0);
}
END_TEST

static void *hang_up(void *listener)
{
	int fd;

	while ((fd = accept(*(int *)listener, NULL, NULL)) >= 0)
		close(fd);
	return NULL;
}

/* As a VM does that cannot even say why. */
START_TEST(a_listener_that_hangs_up_keeps_its_socket)
{
	int listener = listen_at(file, 8);
	struct source source;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, hang_up, &listener), 0);
	deadline_set_patience(SHORT_NS);
	ck_assert_int_eq(own_vm_open(&vm.id, &source, &err), -ETIMEDOUT);
	ck_assert(is_there(file));
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	ck_assert_int_eq(unlinkat(dir_fd, file, 0), 0);
}
END_TEST

START_TEST(a_listener_whose_backlog_is_full_keeps_its_socket)
{
	int listener = listen_at(file, 0);
	int waits = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct source source;

	ck_assert_int_eq(runtime_dir_connect(dir_fd, file, waits), 0);
	deadline_set_patience(SHORT_NS);
	ck_assert_int_eq(own_vm_open(&vm.id, &source, &err), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.text, "does not answer"));
	ck_assert(is_there(file));
	close(waits);
	close(listener);
	ck_assert_int_eq(unlinkat(dir_fd, file, 0), 0);
}
END_TEST

static void subscribe(const struct attach_client *client)
{
	ck_assert_int_eq(
		attach_client_send(client, ATTACH_SUBSCRIBE, 1, (struct attach_request){0}, &err),
		0);
}

static void fill(struct attach_client *clients, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		ck_assert_msg(connect_client(&clients[i]) == 0, "%s", err.text);
}

/* Whether the server has hung up, after what it has sent. */
static bool is_disconnected(const struct attach_client *client)
{
	union attach_message message;
	ssize_t length;

	while ((length = recv(client->fd, &message, sizeof(message), MSG_DONTWAIT)) > 0)
		;
	return length == 0;
}

START_TEST(those_who_only_connect_give_way)
{
	struct attach_client clients[ATTACH_CLIENTS_MAX], late;
	unsigned dropped = 0;

	start();
	fill(clients, ATTACH_CLIENTS_MAX);
	subscribe(&clients[0]);
	ck_assert_msg(connect_client(&late) == 0, "%s", err.text);
	ck_assert(!is_disconnected(&clients[0]));
	ck_assert(is_disconnected(&clients[1]));
	for (unsigned i = 0; i < ATTACH_CLIENTS_MAX; i++) {
		dropped += is_disconnected(&clients[i]);
		attach_client_close(&clients[i]);
	}
	ck_assert_uint_eq(dropped, 1);
	attach_client_close(&late);
	attach_server_stop(&server);
}
END_TEST

/* That it has lost its connection says nothing about a VM. */
START_TEST(a_vm_that_hangs_up_has_ended_when_nobody_listens)
{
	struct source source;

	start();
	ck_assert_msg(own_vm_open(&vm.id, &source, &err) == 0, "%s", err.text);
	ck_assert_int_eq(source_state(&source), SOURCE_LIVE);
	ck_assert_int_eq(unlinkat(dir_fd, file, 0), 0);
	int other = listen_at(file, 1);

	attach_server_stop(&server);
	while (source_state(&source) == SOURCE_LIVE)
		clock_sleep_ns(NS_PER_MS);
	ck_assert_int_eq(source_state(&source), SOURCE_CUT_OFF);
	ck_assert(!source_has_ended(&source));
	close(other);
	ck_assert_int_eq(source_state(&source), SOURCE_ENDED);
	/* It was dead, so its socket is gone. */
	ck_assert(!is_there(file));
	source_close(&source);
}
END_TEST

START_TEST(all_vms_are_listed)
{
	const unsigned count = 1000;
	struct vm_list list;
	struct vm_id id = {.name = "many"};

	for (id.pid = 1; id.pid <= count; id.pid++)
		ck_assert_int_eq(mknodat(dir_fd, vm_socket_name(&id, file), S_IFSOCK | S_IRUSR, 0),
				 0);
	ck_assert_int_eq(own_vm_list(&list, &err), 0);
	ck_assert_uint_eq(list.count, count);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_uint_eq(list.ids[i].pid, i + 1);
		unlinkat(dir_fd, vm_socket_name(&list.ids[i], file), 0);
	}
	free(list.ids);
	ck_assert_int_eq(own_vm_list(&list, &err), 0);
	ck_assert_uint_eq(list.count, 0);
	free(list.ids);
}
END_TEST

static void *connect_late(void *client)
{
	struct error why;

	return (void *)(intptr_t)attach_client_connect(client, dir_fd, &vm.id, &why);
}

START_TEST(an_inspector_past_the_limit_waits_for_a_place)
{
	struct attach_client clients[ATTACH_CLIENTS_MAX], late;
	pthread_t thread;
	void *result;

	start();
	fill(clients, ATTACH_CLIENTS_MAX);
	for (unsigned i = 0; i < ATTACH_CLIENTS_MAX; i++)
		subscribe(&clients[i]);
	/* In vain at first: so it is known that it has to wait. */
	deadline_set_patience(SHORT_NS);
	ck_assert_int_eq(connect_client(&late), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.text, "maximum number of inspectors"));
	deadline_set_patience(LONG_NS);
	deadline_begin();
	ck_assert_int_eq(pthread_create(&thread, NULL, connect_late, &late), 0);
	clock_sleep_ns(SHORT_NS);
	attach_client_close(&clients[0]);
	pthread_join(thread, &result);
	ck_assert_int_eq((intptr_t)result, 0);
	attach_client_close(&late);
	for (unsigned i = 1; i < ATTACH_CLIENTS_MAX; i++)
		attach_client_close(&clients[i]);
	attach_server_stop(&server);
}
END_TEST

/* Whether another process gets a place at once. */
static bool another_gets_a_place(void)
{
	struct attach_client late;
	pid_t child = fork();
	int status;

	if (child == 0) {
		deadline_set_patience(SHORT_NS);
		_exit(connect_client(&late) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status == 0;
}

START_TEST(a_process_with_many_places_gives_way_to_another)
{
	struct attach_client clients[ATTACH_CLIENTS_MAX];
	unsigned dropped = 0;

	start();
	fill(clients, ATTACH_CLIENTS_MAX);
	for (unsigned i = 0; i < ATTACH_CLIENTS_MAX; i++)
		subscribe(&clients[i]);
	ck_assert(another_gets_a_place());
	for (unsigned i = 0; i < ATTACH_CLIENTS_MAX; i++) {
		dropped += is_disconnected(&clients[i]);
		attach_client_close(&clients[i]);
	}
	ck_assert_uint_eq(dropped, 1);
	attach_server_stop(&server);
}
END_TEST

/* Each of as many processes as a VM has places for has one of them. */
START_TEST(who_has_one_place_keeps_it)
{
	struct attach_server all = {.client_count = ATTACH_CLIENTS_MAX};
	uint64_t now = 10 * ATTACH_SILENT_MAX_NS;

	for (unsigned i = 0; i < ATTACH_CLIENTS_MAX; i++)
		all.clients[i] = (struct attach_server_client){
			.pid = i + 1, .since_ns = 100 - i, .has_asked = true};
	ck_assert_uint_eq(server_place_to_free(all.clients, all.client_count, 1000, now),
			  ATTACH_CLIENTS_MAX);
	/* Two: the process keeps as many as the next one gets. */
	all.clients[7].pid = 3;
	ck_assert_uint_eq(server_place_to_free(all.clients, all.client_count, 1000, now), 7);
	ck_assert_uint_eq(server_place_to_free(all.clients, all.client_count, 1, now),
			  ATTACH_CLIENTS_MAX);
	/* Those of other PID namespaces may be many processes. */
	all.clients[2].pid = all.clients[7].pid = 0;
	ck_assert_uint_eq(server_place_to_free(all.clients, all.client_count, 1000, now),
			  ATTACH_CLIENTS_MAX);
	/* Who never asked for anything goes first, though it came last. */
	all.clients[2].pid = all.clients[7].pid = 3;
	all.clients[0].has_asked = false;
	ck_assert_uint_eq(server_place_to_free(all.clients, all.client_count, 1000, now), 0);
}
END_TEST

Suite *attach_sockets_suite(void)
{
	Suite *suite = suite_create("attach_sockets");
	TCase *tcase = tcase_create("attach_sockets");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, the_variable_decides_where_to_look);
	tcase_add_test(tcase, vms_of_all_directories_are_one_list);
	tcase_add_test(tcase, a_dead_socket_is_removed);
	tcase_add_test(tcase, what_another_left_does_not_keep_a_dead_socket);
	tcase_add_test(tcase, a_living_socket_is_not_removed);
	tcase_add_test(tcase, a_vm_does_not_take_the_name_of_one_that_lives);
	tcase_add_test(tcase, a_vm_takes_the_name_of_one_that_died);
	tcase_add_test(tcase, names_are_unique);
	tcase_add_test(tcase, the_name_of_a_dead_vm_is_free);
	tcase_add_test(tcase, a_vm_is_asked_to_end);
	tcase_add_test(tcase, a_vm_that_cannot_be_asked_to_end_says_so);
	tcase_add_test(tcase, a_vm_removes_no_socket_but_its_own);
	tcase_add_test(tcase, a_listener_that_hangs_up_keeps_its_socket);
	tcase_add_test(tcase, a_listener_whose_backlog_is_full_keeps_its_socket);
	tcase_add_test(tcase, an_inspector_past_the_limit_waits_for_a_place);
	tcase_add_test(tcase, a_process_with_many_places_gives_way_to_another);
	tcase_add_test(tcase, who_has_one_place_keeps_it);
	tcase_add_test(tcase, those_who_only_connect_give_way);
	tcase_add_test(tcase, a_vm_that_hangs_up_has_ended_when_nobody_listens);
	tcase_add_test(tcase, all_vms_are_listed);
	suite_add_tcase(suite, tcase);
	return suite;
}
