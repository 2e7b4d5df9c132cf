/* SPDX-License-Identifier: MPL-2.0 */
/* The process that pauses a QEMU guest for an inspector: see qemu_pauser.h. */
#include "source/qemu/qemu_pauser.h"

#include <errno.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "qmp/qmp.h"
#include "qmp/vcpu_registers.h"
#include "source/pauser_serve.h"
#include "source/qemu/qmp_pause.h"

/*
 * A connection that breaks, or that carries something else than QMP, says nothing about the guest, and nobody else would
 * resume it: another connection is tried as long as QEMU listens, or for this time.
 */
#define PATIENCE_NS (24 * 3600 * NS_PER_S)
#define RETRY_NS    (100 * NS_PER_MS)

struct qemu_pauser {
	const char *path;
	unsigned long pid;
	struct qmp qmp;
	bool is_connected;
	struct qmp_pause pause;
};

/* The inspector waits for several answers under one deadline, and its user is to see what this process says. */
static unsigned answer_timeout_ms(void)
{
	uint64_t half_ms = deadline_patience_ns() / 2 / NS_PER_MS;

	return half_ms < QMP_TIMEOUT_MS ? (unsigned)half_ms + 1 : QMP_TIMEOUT_MS;
}

static void disconnect(struct qemu_pauser *pauser)
{
	if (pauser->is_connected)
		qmp_close(&pauser->qmp);
	pauser->is_connected = false;
}

/* Connects, also anew. The socket may belong to another QEMU by now. */
static int connect_to(struct qemu_pauser *pauser, struct error *err)
{
	disconnect(pauser);
	int result = qmp_connect(&pauser->qmp, pauser->path, answer_timeout_ms(), err);

	if (result < 0)
		return result;
	pauser->is_connected = true;
	if (pauser->qmp.peer_pid == pauser->pid)
		return 0;
	result = error_set(err, -ESRCH, "%.200s: the socket of process %u by now, not of %lu",
			   pauser->path, pauser->qmp.peer_pid, pauser->pid);
	disconnect(pauser);
	return result;
}

static int begin(void *own, bool *is_held, struct error *err)
{
	struct qemu_pauser *pauser = own;
	int result = qmp_pause_begin(&pauser->pause, &pauser->qmp, err);

	*is_held = pauser->pause.is_ours;
	return result;
}

/* While a pause lasts the connection is this process's. */
static int read_state(void *own, struct machine_state *state, struct error *err)
{
	struct qemu_pauser *pauser = own;

	return vcpu_registers_read(&pauser->qmp, state, err);
}

static bool is_broken(int result)
{
	return result == -ENOTCONN || result == -EPROTO;
}

/* Nobody listens, or another QEMU. */
static bool is_gone(int connected)
{
	return connected == -ECONNREFUSED || connected == -ENOENT || connected == -ESRCH;
}

static int end(void *own, struct error *err)
{
	struct qemu_pauser *pauser = own;
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;
	int result = qmp_pause_end(&pauser->pause, err), connected = 0;
	struct error ignored;

	while (pauser->pause.is_ours && is_broken(result) && !is_gone(connected) &&
	       clock_now_ns() < deadline_ns) {
		clock_sleep_ns(RETRY_NS);
		connected = connect_to(pauser, &ignored);
		if (connected == 0)
			result = qmp_pause_end(&pauser->pause, err);
	}
	return result;
}

int qemu_pauser_main(const char *path, const char *pid, const char *deadline_ms)
{
	struct qemu_pauser pauser = {.path = path, .pid = strtoul(pid, NULL, 10)};
	const struct pauser_work work = {
		.begin = begin, .end = end, .state = read_state, .own = &pauser};
	struct error err;
	int result = connect_to(&pauser, &err);

	if (pauser_say_ready(result, &err) && result == 0)
		pauser_serve(&work, (unsigned)strtoul(deadline_ms, NULL, 10));
	disconnect(&pauser);
	return result < 0;
}
