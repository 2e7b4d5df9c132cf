/* SPDX-License-Identifier: MPL-2.0 */
/* A QEMU process as an engine: see qemu_engine.h. */
#include "machine/qemu/qemu_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pagevisor/note.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/resident.h"
#include "machine/boot/elf_load.h"
#include "base/thread.h"
#include "memory/rcu.h"
#include "machine/qemu/qemu_end.h"
#include "machine/qemu/qemu_process.h"
#include "qmp/qmp.h"
#include "qmp/vcpu_registers.h"
#include "sandbox/sandbox.h"

/* How long QEMU may take to send its greeting; the host may be busy. */
#define GREETING_MS 60000

/* How often the info page is read while the guest boots: less often once the boot takes long. */
#define LOOK_OFTEN_MS      1
#define LOOK_SELDOM_MS     50
#define LOOK_OFTEN_TIME_NS (10 * NS_PER_S)

#define READ_SIZE 4096

struct qemu_engine {
	struct engine base; /* first: operations get this pointer */
	struct guest_memory memory;
	struct end_latch end;
	const struct elf_image *image;
	uint64_t memory_size;
	unsigned cpus;
	bool wants_sandbox;
	void (*note)(void *context, const char *text);
	void *note_context;
	char *command_line;
	const struct symbols *symbols;

	bool has_process;
	struct qemu_process process;
	pthread_t thread; /* reads QEMU's output and notices its exit */
	uint64_t start_ns;
	uint64_t overhead;                /* QEMU's resident memory when the workload started */
	struct serial errors;             /* lines of QEMU's standard error */
	char last_error[SERIAL_LINE_MAX]; /* the last line; protected by the lock of errors */

	pthread_mutex_t qmp_lock; /* protects qmp */
	struct qmp qmp;
	bool has_stopped; /* QEMU reported a stop; not known yet whether we requested it */
	/* Private to the pausing thread. */
	bool is_paused;
	uint64_t paused_from_ns; /* start of the last pause */
};

static struct qemu_engine *own_of(struct engine *engine)
{
	return (struct qemu_engine *)engine;
}

static void keep_error(void *context, const char *text)
{
	struct qemu_engine *own = context;

	if (text[0])
		snprintf(own->last_error, sizeof(own->last_error), "%s", text);
}

static const char *copy_last_error(struct qemu_engine *own, char buffer[SERIAL_LINE_MAX])
{
	pthread_mutex_lock(&own->errors.lock);
	snprintf(buffer, SERIAL_LINE_MAX, "%s", own->last_error);
	pthread_mutex_unlock(&own->errors.lock);
	return buffer;
}

/* Copies available output. False at its end. */
static bool pump(int fd, struct serial *to)
{
	char text[READ_SIZE];
	ssize_t length = read(fd, text, sizeof(text));

	if (length > 0)
		serial_put(to, text, (size_t)length);
	return length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR));
}

static void drain(int fd, struct serial *to)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	while (poll(&poll_fd, 1, 0) > 0 && pump(fd, to))
		;
	serial_flush(to);
}

/* Waits until QEMU has exited, and reads the rest of its output. */
static struct vm_end reap(struct qemu_engine *own)
{
	char said[SERIAL_LINE_MAX];
	siginfo_t info = {0};

	while (waitid(P_PIDFD, (id_t)own->process.pid_fd, &info, WEXITED) < 0 && errno == EINTR)
		;
	drain(own->process.console_fd, &own->base.serial);
	drain(own->process.errors_fd, &own->errors);
	return qemu_end_of_exit(&info, copy_last_error(own, said));
}

/* Reads the boot stage that the guest reports. A missing or invalid info page is ignored: other code checks it. */
static void look_at_stage(struct qemu_engine *own)
{
	struct info_head head;
	bool ran = boot_stages_at(&own->base.stages, STAGE_RUNNING);

	if (!own->image->has_info ||
	    guest_memory_copy(&own->memory, own->image->info_pa, &head, sizeof(head)) < 0 ||
	    head.magic != INFO_MAGIC)
		return;
	boot_stages_reach(&own->base.stages, head.boot_stage);
	if (!ran && boot_stages_at(&own->base.stages, STAGE_RUNNING))
		own->overhead = resident_overhead(own->process.pid);
}

/* When to look for the next boot stage, in ms; -1: there is none to wait for. */
static int look_ms(const struct qemu_engine *own)
{
	if (!own->image->has_info || boot_stages_at(&own->base.stages, STAGE_RUNNING))
		return -1;
	return clock_now_ns() - own->start_ns < LOOK_OFTEN_TIME_NS ? LOOK_OFTEN_MS : LOOK_SELDOM_MS;
}

static void on_event(void *context, const char *event, struct json_object *data)
{
	struct qemu_engine *own = context;

	(void)data;
	if (strcmp(event, "STOP") == 0)
		own->has_stopped = true;
}

/*
 * Handles QEMU's events, including those that arrived with an answer. Returns false when no more will come. A guest
 * that was stopped, and not by us, will not continue: its run has ended.
 */
static bool take_events_locked(struct qemu_engine *own)
{
	char said[SERIAL_LINE_MAX];
	struct vm_end end;
	struct error ignored;
	int result = qmp_take_events(&own->qmp, &ignored);

	if (result == 0 && own->has_stopped) {
		own->has_stopped = false;
		if (qemu_end_of_stop(&own->qmp, own->symbols, copy_last_error(own, said), &end))
			end_latch_record(&own->end, &end);
	}
	return result == 0;
}

static bool take_events(struct qemu_engine *own)
{
	drain(own->process.errors_fd, &own->errors);
	pthread_mutex_lock(&own->qmp_lock);
	bool more = take_events_locked(own);

	pthread_mutex_unlock(&own->qmp_lock);
	return more;
}

/* The thread that listens to QEMU. */
static void *listen_to(void *argument)
{
	struct qemu_engine *own = argument;
	struct pollfd fds[] = {
		{.fd = own->process.pid_fd, .events = POLLIN},
		{.fd = own->process.console_fd, .events = POLLIN},
		{.fd = own->process.errors_fd, .events = POLLIN},
		{.fd = own->qmp.fd, .events = POLLIN},
	};

	/* The thread that started QEMU and this thread enters the same sandbox later, by itself. */
	sandbox_enter(SANDBOX_QEMU_VMM);
	urcu_memb_register_thread();
	take_events(own);
	while (!fds[0].revents) {
		poll(fds, sizeof(fds) / sizeof(fds[0]), look_ms(own));
		look_at_stage(own);
		if (fds[1].revents && !pump(own->process.console_fd, &own->base.serial))
			fds[1].fd = -1;
		if (fds[2].revents && !pump(own->process.errors_fd, &own->errors))
			fds[2].fd = -1;
		if (fds[3].revents && !take_events(own))
			fds[3].fd = -1;
	}
	const struct vm_end end = reap(own);

	look_at_stage(own);
	end_latch_record(&own->end, &end);
	urcu_memb_unregister_thread();
	return NULL;
}

/* QEMU loads the kernel itself. elf_load is called to check that it fits, with the same messages as for our own VMM. */
static int load(struct engine *engine, const char *command_line, struct error *err)
{
	struct qemu_engine *own = own_of(engine);

	guest_memory_read_begin();
	int result = elf_load(own->image, guest_memory_map(&own->memory), err);

	guest_memory_read_end();
	if (result < 0)
		return result;
	free(own->command_line);
	own->command_line = strdup(command_line);
	return own->command_line ? 0 : error_set(err, -ENOMEM, "no memory for the command line");
}

/* Makes a file of the bytes that were checked, which stays valid whatever happens to the original file. */
static int kernel_file_make(const struct elf_image *image, struct error *err)
{
	int fd = memfd_create("pagevisor-kernel", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return error_set(err, -errno, "memfd_create: %s", strerror(errno));
	int result = fd_write_at(fd, image->bytes, image->size, 0);

	if (result == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		result = -errno;
	if (result == 0)
		return fd;
	close(fd);
	return error_set(err, result, "the kernel for QEMU: %s", strerror(-result));
}

static void close_process(struct qemu_engine *own)
{
	close(own->process.pid_fd);
	close(own->process.console_fd);
	close(own->process.errors_fd);
	own->has_process = false;
}

/* Cleans up after a QEMU that failed to run the guest. */
static int give_up(struct qemu_engine *own, int result, struct error *err)
{
	struct error reason = *err;

	pidfd_send_signal(own->process.pid_fd, SIGKILL, NULL, 0);
	reap(own);
	close_process(own);
	return error_set(err, result, "QEMU does not run the guest: %.300s",
			 own->last_error[0] ? own->last_error : reason.text);
}

static int spawn(struct qemu_engine *own, bool has_sandbox, struct error *err)
{
	struct qemu_config config = {
		.use_kvm = own->base.accel == ACCEL_QEMU,
		.memory = own->memory_size,
		.cpus = own->cpus,
		.memory_fd = own->base.memory_fd,
		.kernel_fd = kernel_file_make(own->image, err),
		.command_line = own->command_line,
		.has_sandbox = has_sandbox,
	};

	if (config.kernel_fd < 0)
		return config.kernel_fd;
	int result = qemu_spawn(&own->process, &config, err);

	close(config.kernel_fd);
	return result;
}

/* Starts QEMU and its monitor. */
static int begin(struct qemu_engine *own, bool has_sandbox, struct error *err)
{
	int result = spawn(own, has_sandbox, err);

	if (result < 0)
		return result;
	own->has_process = true;
	own->start_ns = clock_now_ns();
	result = qmp_start(&own->qmp, own->process.qmp_fd, GREETING_MS, err);
	return result < 0 ? give_up(own, result, err) : 0;
}

/* A QEMU may be built without a sandbox, and a kernel without what it takes. QEMU's text names the one or the other. */
static bool lacks_sandbox(const struct qemu_engine *own)
{
	return strstr(own->last_error, "sandbox") || strstr(own->last_error, "seccomp");
}

static int start(struct engine *engine, struct error *err)
{
	struct qemu_engine *own = own_of(engine);
	int result = begin(own, own->wants_sandbox, err);

	if (result < 0 && own->wants_sandbox && lacks_sandbox(own)) {
		own->note(own->note_context, "this QEMU has no sandbox; it runs without");
		own->last_error[0] = '\0';
		result = begin(own, false, err);
	}
	if (result < 0)
		return result;
	own->qmp.on_event = on_event;
	own->qmp.own = own;
	result = qmp_execute(&own->qmp, "cont", NULL, NULL, err);
	/* A guest whose run ended before QEMU could answer did run; the thread will see how it ended. */
	if (result == -ENOTCONN)
		result = 0;
	own->qmp.timeout_ms = (unsigned)(ENGINE_PAUSE_PATIENCE_NS / NS_PER_MS);
	if (result == 0)
		result = thread_start(&own->thread, listen_to, own, err);
	if (result < 0) {
		qmp_close(&own->qmp);
		return give_up(own, result, err);
	}
	return 0;
}

static int pause_locked(struct qemu_engine *own)
{
	unsigned patience = own->qmp.timeout_ms;
	struct error ignored;
	int result = qmp_execute(&own->qmp, "stop", NULL, NULL, &ignored);

	if (result == 0) {
		/* We requested this stop. If the guest had already been stopped for good, the next "cont" shows it. */
		own->has_stopped = false;
	} else if (result == -ETIMEDOUT) {
		/* QEMU may stop the guest later; the queued "cont" then resumes it. */
		own->qmp.timeout_ms = 0;
		qmp_execute(&own->qmp, "cont", NULL, NULL, &ignored);
		own->qmp.timeout_ms = patience;
	} else {
		result = -ECANCELED;
	}
	return result;
}

static int pause_vcpus(void *engine, struct error *err)
{
	struct qemu_engine *own = engine;
	uint64_t now = clock_now_ns();

	pthread_mutex_lock(&own->qmp_lock);
	int result = pause_locked(own);

	pthread_mutex_unlock(&own->qmp_lock);
	if (result < 0)
		return error_set(err, result, "cannot pause QEMU: %s", strerror(-result));
	own->paused_from_ns = now;
	own->is_paused = true;
	return 0;
}

/*
 * Nobody else talks to this QEMU, so its guest is still in this pause, or had stopped for good before. QEMU itself refuses
 * to continue the latter: this machine stops for a shutdown or an internal error only, and both need a reset first
 * (runstate_needs_reset).
 */
static int resume(void *engine, uint64_t *paused_ns, struct error *err)
{
	struct qemu_engine *own = engine;
	struct error ignored;

	(void)err;
	*paused_ns = clock_now_ns() - own->paused_from_ns;
	own->is_paused = false;
	pthread_mutex_lock(&own->qmp_lock);
	if (qmp_execute(&own->qmp, "cont", NULL, NULL, &ignored) == -EREMOTEIO)
		own->has_stopped = true;
	take_events_locked(own);
	pthread_mutex_unlock(&own->qmp_lock);
	return 0;
}

/* The registers alone: the rest of its machine is QEMU's. */
static int read_registers(void *engine, struct machine_state *state, struct error *err)
{
	struct qemu_engine *own = engine;

	if (!own->is_paused)
		return error_set(err, -ETIME, "the guest is not paused");
	pthread_mutex_lock(&own->qmp_lock);
	int result = vcpu_registers_read(&own->qmp, state, err);

	pthread_mutex_unlock(&own->qmp_lock);
	return result;
}

static const struct control_ops control = {
	.pause = pause_vcpus, .resume = resume, .machine_state = read_registers};

static const struct vm_end *stop(struct engine *engine)
{
	const struct vm_end stopped = {.outcome = VM_STOPPED};
	struct qemu_engine *own = own_of(engine);

	end_latch_record(&own->end, &stopped);
	pidfd_send_signal(own->process.pid_fd, SIGKILL, NULL, 0);
	pthread_join(own->thread, NULL);
	return &own->end.end;
}

static uint64_t overhead(const struct engine *engine)
{
	return ((const struct qemu_engine *)engine)->overhead;
}

static void destroy(struct engine *engine)
{
	struct qemu_engine *own = own_of(engine);

	if (own->has_process) {
		qmp_close(&own->qmp);
		close_process(own);
	}
	guest_memory_destroy(&own->memory);
	fd_close(own->base.memory_fd);
	end_latch_destroy(&own->end);
	pthread_mutex_destroy(&own->qmp_lock);
	free(own->command_line);
	free(own);
}

static const struct engine_ops ops = {
	.load = load,
	.start = start,
	.stop = stop,
	.overhead = overhead,
	.destroy = destroy,
};

static int set_up(struct qemu_engine *own, const struct engine_options *options, struct error *err)
{
	char path[QEMU_PATH_SIZE];
	int result = end_latch_init(&own->end, err);

	if (result == 0)
		result = qemu_find(path, err);
	if (result == 0 && options->memory % QEMU_MEMORY_STEP)
		result = error_set(err, -EINVAL,
				   "QEMU needs memory in multiples of %d KiB; %" PRIu64
				   " KiB were requested",
				   QEMU_MEMORY_STEP >> 10, options->memory >> 10);
	if (result == 0)
		result = own->base.memory_fd = ram_create(&own->memory, options->memory, err);
	own->base.end_fd = own->end.fd;
	return result < 0 ? result : 0;
}

int qemu_engine_create(struct engine **engine, const struct engine_options *options,
		       struct error *err)
{
	struct qemu_engine *own = calloc(1, sizeof(*own));

	if (!own)
		return error_set(err, -ENOMEM, "no memory for a VM");
	int result = guest_memory_init(&own->memory, err);

	if (result < 0) {
		free(own);
		return result;
	}
	own->base.ops = &ops;
	own->base.accel = options->accel;
	own->base.memory = &own->memory;
	own->base.control = (struct control){&control, own, "the guest"};
	own->base.memory_fd = -1;
	own->image = options->image;
	own->memory_size = options->memory;
	own->cpus = options->cpus;
	own->symbols = options->symbols;
	own->wants_sandbox = !options->no_sandbox;
	own->note = options->note;
	own->note_context = options->context;
	pthread_mutex_init(&own->qmp_lock, NULL);
	serial_init(&own->base.serial, options->console, options->context);
	serial_limit(&own->base.serial, options->console_rate);
	serial_init(&own->errors, keep_error, own);
	result = set_up(own, options, err);
	if (result < 0) {
		destroy(&own->base);
		return result;
	}
	*engine = &own->base;
	return 0;
}
