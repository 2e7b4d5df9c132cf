/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes the client of QEMU's machine protocol: the input is all that the peer ever sends. Answers to the commands here
 * have the ids 1 (the negotiation), 2, 3 and so on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/fuzz_check.h"
#include "qmp/qmp.h"

/* Against hangs alone: the peer has sent everything and closed its side before the client starts. */
#define PATIENCE_MS 5000

static unsigned events;

static void take_event(void *own, const char *event, struct json_object *data)
{
	(void)own;
	FUZZ_CHECK(event != NULL);
	json_object_to_json_string(data);
	events++;
}

static void judge(int result, const struct error *err)
{
	FUZZ_CHECK(result <= 0 && result != -ETIMEDOUT && result != -EBUSY);
	if (result < 0)
		fuzz_check_error(err);
}

static int converse(struct qmp *qmp)
{
	struct json_object *status;
	struct error err;
	char *text;
	int answers = 0, result = qmp_execute(qmp, "query-status", NULL, &status, &err);

	judge(result, &err);
	if (result == 0) {
		answers++;
		json_object_to_json_string(status);
		json_object_put(status);
	}
	result = qmp_execute_human(qmp, "info mtree -f", &text, &err);
	judge(result, &err);
	if (result == 0) {
		answers++;
		free(text);
	}
	judge(qmp_take_events(qmp, &err), &err);
	return answers;
}

/* Returns the number of commands that got a result. */
static int meet(const void *data, size_t size)
{
	struct error err;
	struct qmp qmp;
	int pair[2], answers = -1;

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	FUZZ_CHECK(send(pair[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size);
	shutdown(pair[1], SHUT_WR);
	int result = qmp_start(&qmp, pair[0], PATIENCE_MS, &err);

	judge(result, &err);
	if (result == 0) {
		qmp.on_event = take_event;
		answers = converse(&qmp);
		qmp_close(&qmp);
	}
	close(pair[1]);
	return answers;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t descriptors = fuzz_open_descriptors();

	meet(data, size);
	FUZZ_CHECK(fuzz_open_descriptors() == descriptors);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char good[] = "{\"QMP\": {}}\r\n{\"return\": {}, \"id\": 1}\r\n"
				   "{\"event\": \"STOP\"}\r\n"
				   "{\"return\": {\"running\": true}, \"id\": 2}\r\n"
				   "{\"return\": \"AS\", \"id\": 3}\r\n";

	(void)argc;
	(void)argv;
	FUZZ_CHECK(meet(good, sizeof(good) - 1) == 2 && events == 1);
	return 0;
}
