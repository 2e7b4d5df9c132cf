/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/qmp/qmp.h: a real QEMU, and peers that send whatever they like. */
#include "unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "qmp/qmp.h"

#define QEMU        "qemu-system-x86_64"
#define PATIENCE_S  60 /* only against hangs */
#define PATIENCE_MS (PATIENCE_S * 1000 / 2)
#define SHORT_MS    150

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define READY    GREETING "{\"return\": {}, \"id\": 1}\r\n"

static struct qmp qmp;
static struct error err;

/* A peer that sends a text, repeatedly if requested, until nobody reads it any more. */
struct peer {
	pthread_t thread;
	int fd;
	const char *text;
	size_t length;
	size_t sent; /* bytes sent before the thread started */
	bool repeat;
	bool hang_up; /* after the text; otherwise the peer falls silent */
};

/* Sends as much as the socket takes, or everything. */
static bool send_text(struct peer *peer, int flags)
{
	while (peer->sent < peer->length) {
		ssize_t sent = send(peer->fd, peer->text + peer->sent, peer->length - peer->sent,
				    MSG_NOSIGNAL | flags);

		if (sent < 0)
			return false;
		peer->sent += (size_t)sent;
	}
	return true;
}

static void *talk(void *argument)
{
	struct peer *peer = argument;
	char heard[256];

	while (send_text(peer, 0) && peer->repeat)
		peer->sent = 0;
	while (recv(peer->fd, heard, sizeof(heard), 0) > 0)
		;
	return NULL;
}

/* A text that fits in the socket has been sent when this returns, so slow machines change nothing. */
static void peer_begin(struct peer *peer, int *client_fd)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	peer->fd = pair[1];
	*client_fd = pair[0];
	peer->sent = 0;
	send_text(peer, MSG_DONTWAIT);
	if (peer->hang_up)
		shutdown(peer->fd, SHUT_WR);
	ck_assert_int_eq(pthread_create(&peer->thread, NULL, talk, peer), 0);
}

static void peer_end(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
	close(peer->fd);
}

/* qmp_start's result with a peer. The timeout is short only where it must expire. */
static int start_within(unsigned timeout_ms, const char *text, bool hang_up)
{
	struct peer peer = {.text = text, .length = strlen(text), .hang_up = hang_up};
	int fd;

	peer_begin(&peer, &fd);
	int result = qmp_start(&qmp, fd, timeout_ms, &err);

	if (result == 0)
		qmp_close(&qmp);
	peer_end(&peer);
	return result;
}

static int start(const char *text, bool hang_up)
{
	return start_within(PATIENCE_MS, text, hang_up);
}

static int start_in_vain(const char *text)
{
	return start_within(SHORT_MS, text, false);
}

START_TEST(test_greetings)
{
	ck_assert_msg(start(READY, false) == 0, "%s", err.text);
	ck_assert_int_eq(start_in_vain(""), -EBUSY);
	ck_assert_int_eq(start("", true), -EPROTO);
	ck_assert_int_eq(start_in_vain("{\"QMP\": "), -EBUSY);
	ck_assert_int_eq(start("HTTP/1.1 400 Bad Request\r\n", false), -EPROTO);
	ck_assert_int_eq(start("{\"QMP\": 1}\n", false), -EPROTO);
	ck_assert_int_eq(start("[1]\n", false), -EPROTO);
	ck_assert_int_eq(start("\n", false), -EPROTO);
	ck_assert_int_eq(start("{\"QMP\": {}} {}\n", false), -EPROTO);
	ck_assert_int_eq(start("{\"QMP\": \"\xff\xfe\"}\n", false), -EPROTO);
	ck_assert_int_eq(start_in_vain(GREETING), -ETIMEDOUT);
	ck_assert_int_eq(start(GREETING, true), -ENOTCONN);
	ck_assert_int_eq(start(GREETING "{\"id\": 1}\n", false), -EPROTO);
	ck_assert_int_eq(start_in_vain(GREETING "{\"return\": {}}\n"), -ETIMEDOUT);
	ck_assert_int_eq(start_in_vain(GREETING "{\"return\": {}, \"id\": \"1\"}\n"), -ETIMEDOUT);
	ck_assert_int_eq(start(GREETING "{\"error\": 7, \"id\": 1}\n", false), -EREMOTEIO);
	ck_assert_int_eq(start(GREETING "{\"error\": 7}\n", false), -EPROTO);
}
END_TEST

/* QEMU's messages go to a terminal. */
START_TEST(test_words_are_printable)
{
	ck_assert_int_eq(start(GREETING
			       "{\"error\": {\"desc\": \"\\u001b[31mred\\n\"}, \"id\": 1}\n",
			       false),
			 -EREMOTEIO);
	ck_assert_str_eq(err.text, "QEMU refuses qmp_capabilities: ?[31mred?");
}
END_TEST

START_TEST(test_zero_byte)
{
	static const char text[] = "{\"QMP\": {}\0}\n";
	struct peer peer = {.text = text, .length = sizeof(text) - 1};
	int fd;

	peer_begin(&peer, &fd);
	ck_assert_int_eq(qmp_start(&qmp, fd, PATIENCE_MS, &err), -EPROTO);
	peer_end(&peer);
}
END_TEST

/* One line of 2 MiB, one that exceeds the maximum depth, greetings and events without an end. */
START_TEST(test_floods)
{
	char *deep = malloc(2 * QMP_LINE_MAX + 1), *events = strdup("{\"event\": \"X\"}\n");
	struct peer peer = {.repeat = true};
	int fd;

	memset(deep, '[', 2 * QMP_LINE_MAX);
	deep[2 * QMP_LINE_MAX] = '\0';
	ck_assert_int_eq(start(deep, false), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.text, "a line of more than"));
	strcpy(deep + 200, "\n");
	ck_assert_int_eq(start(deep, false), -EPROTO);

	peer.text = GREETING;
	peer.length = strlen(GREETING);
	peer_begin(&peer, &fd);
	ck_assert_int_eq(qmp_start(&qmp, fd, SHORT_MS, &err), -ETIMEDOUT);
	peer_end(&peer);

	char *flood = malloc(strlen(READY) + 1000 * strlen(events) + 1);

	strcpy(flood, READY);
	for (int i = 0; i < 1000; i++)
		strcat(flood, events);
	peer = (struct peer){.text = flood, .length = strlen(flood), .repeat = true};
	peer_begin(&peer, &fd);
	ck_assert_msg(qmp_start(&qmp, fd, PATIENCE_MS, &err) == 0, "%s", err.text);
	qmp.timeout_ms = SHORT_MS;
	ck_assert_int_eq(qmp_execute(&qmp, "query-status", NULL, NULL, &err), -ETIMEDOUT);
	qmp_close(&qmp);
	peer_end(&peer);
	free(flood);
	free(events);
	free(deep);
}
END_TEST

/* The late answer to an abandoned command is not taken for the answer to the next one. */
START_TEST(test_late_answer)
{
	struct peer peer = {.text = READY "{\"return\": \"late\", \"id\": 2}\n{\"event\": \"X\"}\n"
					  "{\"return\": \"right\", \"id\": 3}\n"};
	struct json_object *answer;
	int fd;

	peer.length = strlen(peer.text);
	peer_begin(&peer, &fd);
	ck_assert_int_eq(qmp_start(&qmp, fd, PATIENCE_MS, &err), 0);
	qmp.last_id++;
	ck_assert_int_eq(qmp_execute(&qmp, "query-name", NULL, &answer, &err), 0);
	ck_assert_str_eq(json_object_get_string(answer), "right");
	json_object_put(answer);
	qmp.timeout_ms = SHORT_MS;
	ck_assert_int_eq(qmp_execute(&qmp, "query-name", NULL, &answer, &err), -ETIMEDOUT);
	qmp_close(&qmp);
	peer_end(&peer);
}
END_TEST

/* An expired deadline stays expired, whatever has arrived by then. */
START_TEST(test_deadline)
{
	struct peer peer = {.text = READY "{\"event\": \"X\"}\n{\"return\": {}, \"id\": 2}\n"};
	int fd;

	peer.length = strlen(peer.text);
	peer_begin(&peer, &fd);
	ck_assert_int_eq(qmp_start(&qmp, fd, PATIENCE_MS, &err), 0);
	qmp.timeout_ms = 0;
	ck_assert_int_eq(qmp_execute(&qmp, "query-name", NULL, NULL, &err), -ETIMEDOUT);
	qmp_close(&qmp);
	peer_end(&peer);
}
END_TEST

/* Random bytes, new in each run unless a seed is given: the only outcome may be an error. */
START_TEST(test_garbage)
{
	const char *seed_text = getenv("PAGEVISOR_SEED");
	unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 0)
				  : (unsigned)clock_now_ns();
	static const char alphabet[] = "{}[]\":,QMPeventreturnerrorid 01\\u\n\r\t\xc3\xff";
	static char text[4096];

	fprintf(stderr, "qmp garbage: PAGEVISOR_SEED=%u\n", seed);
	srand(seed);
	for (int round = 0; round < 300; round++) {
		size_t start_at = round % 2 ? strlen(GREETING) : 0;
		size_t length = start_at + (size_t)rand() % (sizeof(text) - 200);

		memcpy(text, GREETING, start_at);
		for (size_t i = start_at; i < length; i++)
			text[i] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		strcpy(text + length, "\n");
		ck_assert_int_lt(start(text, true), 0);
	}
}
END_TEST

/* A real QEMU, stopped before its first instruction. */
static char directory[32];
static char path[64];
static pid_t qemu;

static void start_qemu(void)
{
	char socket_option[128];

	strcpy(directory, "/tmp/pagevisor-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/qmp", directory);
	snprintf(socket_option, sizeof(socket_option), "unix:%s,server=on,wait=off", path);
	qemu = fork();
	if (qemu == 0) {
		execlp(QEMU, QEMU, "-S", "-accel", "tcg", "-machine", "microvm", "-m", "16M",
		       "-nodefaults", "-display", "none", "-qmp", socket_option, "-name", "unit",
		       NULL);
		_exit(127);
	}
	ck_assert_int_gt(qemu, 0);
	while (access(path, F_OK) < 0) {
		ck_assert_int_eq(waitpid(qemu, NULL, WNOHANG), 0);
		usleep(5000);
	}
}

static void stop_qemu(void)
{
	kill(qemu, SIGKILL);
	waitpid(qemu, NULL, 0);
	unlink(path);
	rmdir(directory);
}

/* QEMU binds the socket a moment before it listens on it. */
static void connect_qemu(void)
{
	int result;

	do
		result = qmp_connect(&qmp, path, PATIENCE_MS, &err);
	while (result == -ECONNREFUSED);
	ck_assert_msg(result == 0, "%s", err.text);
}

static bool is_running(void)
{
	struct json_object *status;

	ck_assert_msg(qmp_execute(&qmp, "query-status", NULL, &status, &err) == 0, "%s", err.text);
	bool running = json_object_get_boolean(json_object_object_get(status, "running"));

	json_object_put(status);
	return running;
}

static void count_event(void *own, const char *event, struct json_object *data)
{
	unsigned *events = own;

	(void)data;
	events[0] += strcmp(event, "RESUME") == 0;
	events[1] += strcmp(event, "STOP") == 0;
}

START_TEST(test_qemu_stops_and_continues)
{
	unsigned events[2] = {0};

	connect_qemu();
	ck_assert_uint_eq(qmp.peer_pid, (unsigned)qemu);
	qmp.on_event = count_event;
	qmp.own = events;
	ck_assert(!is_running());
	ck_assert_int_eq(qmp_execute(&qmp, "cont", NULL, NULL, &err), 0);
	ck_assert(is_running());
	ck_assert_int_eq(qmp_execute(&qmp, "stop", NULL, NULL, &err), 0);
	ck_assert(!is_running());
	ck_assert_uint_eq(events[0], 1);
	ck_assert_uint_eq(events[1], 1);
	ck_assert_int_eq(qmp_take_events(&qmp, &err), 0);
	/* QEMU may be gone before its answer is out. */
	int quit = qmp_execute(&qmp, "quit", NULL, NULL, &err);

	ck_assert(quit == 0 || quit == -ENOTCONN);
	ck_assert_int_eq(waitpid(qemu, NULL, 0), qemu);
	ck_assert_int_eq(qmp_execute(&qmp, "stop", NULL, NULL, &err), -ENOTCONN);
	ck_assert_int_eq(qmp_take_events(&qmp, &err), -ENOTCONN);
	qmp_close(&qmp);
	ck_assert_int_eq(qmp_connect(&qmp, path, PATIENCE_MS, &err), -ENOENT);
}
END_TEST

START_TEST(test_qemu_answers)
{
	struct json_object *arguments = json_object_new_object(), *answer;
	char *text;

	connect_qemu();
	ck_assert_int_eq(qmp_execute(&qmp, "no-such-command", NULL, NULL, &err), -EREMOTEIO);
	json_object_object_add(arguments, "path", json_object_new_string("/machine"));
	json_object_object_add(arguments, "property", json_object_new_string("type"));
	ck_assert_msg(qmp_execute(&qmp, "qom-get", arguments, &answer, &err) == 0, "%s", err.text);
	ck_assert_str_eq(json_object_get_string(answer), "microvm-machine");
	json_object_put(answer);
	ck_assert_msg(qmp_execute_human(&qmp, "info name", &text, &err) == 0, "%s", err.text);
	ck_assert_str_eq(text, "unit\r\n");
	free(text);
	/* The longest possible answer. */
	ck_assert_msg(qmp_execute(&qmp, "query-qmp-schema", NULL, &answer, &err) == 0, "%s",
		      err.text);
	ck_assert_uint_gt(json_object_array_length(answer), 100);
	json_object_put(answer);
	qmp_close(&qmp);
}
END_TEST

/* QEMU serves one client at a time; the next one gets its greeting when the first has disconnected. */
START_TEST(test_qemu_is_busy)
{
	struct qmp second;

	connect_qemu();
	ck_assert_int_eq(qmp_connect(&second, path, SHORT_MS, &err), -EBUSY);
	ck_assert(!is_running());
	qmp_close(&qmp);
	ck_assert_msg(qmp_connect(&second, path, PATIENCE_MS, &err) == 0, "%s", err.text);
	qmp_close(&second);
}
END_TEST

START_TEST(test_no_socket)
{
	char long_path[200];

	ck_assert_int_eq(qmp_connect(&qmp, "/nowhere/qmp", SHORT_MS, &err), -ENOENT);
	ck_assert_int_eq(qmp_connect(&qmp, "/dev/null", SHORT_MS, &err), -ECONNREFUSED);
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	ck_assert_int_eq(qmp_connect(&qmp, long_path, SHORT_MS, &err), -EINVAL);
}
END_TEST

static bool has_qemu(void)
{
	return system("command -v " QEMU " >/dev/null") == 0;
}

Suite *qmp_suite(void)
{
	Suite *suite = suite_create("qmp");
	TCase *peers = tcase_create("peers"), *real;

	tcase_set_timeout(peers, PATIENCE_S);
	tcase_add_test(peers, test_greetings);
	tcase_add_test(peers, test_words_are_printable);
	tcase_add_test(peers, test_zero_byte);
	tcase_add_test(peers, test_floods);
	tcase_add_test(peers, test_late_answer);
	tcase_add_test(peers, test_deadline);
	tcase_add_test(peers, test_garbage);
	tcase_add_test(peers, test_no_socket);
	suite_add_tcase(suite, peers);
	if (!has_qemu()) {
		fprintf(stderr,
			"unit: no " QEMU ": QMP is tested against peers of our own alone\n");
		return suite;
	}
	real = tcase_create("QEMU");
	tcase_set_timeout(real, PATIENCE_S);
	tcase_add_checked_fixture(real, start_qemu, stop_qemu);
	tcase_add_test(real, test_qemu_stops_and_continues);
	tcase_add_test(real, test_qemu_answers);
	tcase_add_test(real, test_qemu_is_busy);
	suite_add_tcase(suite, real);
	return suite;
}
