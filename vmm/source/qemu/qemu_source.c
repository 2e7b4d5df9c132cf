/* SPDX-License-Identifier: MPL-2.0 */
/* A QEMU guest as a source: see qemu_source.h. */
#include "source/qemu/qemu_source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach/vm_name.h"
#include "base/deadline.h"
#include "base/json.h"
#include "kind/registry.h"
#include "source/boot_wait.h"
#include "source/qemu/memory_tree.h"
#include "source/qemu/peer.h"
#include "qmp/qmp.h"
#include "qmp/vcpu_registers.h"
#include "source/pauser.h"
#include "source/qemu/qemu_pauser.h"
#include "source/qemu/qemu_ram.h"
#include "source/qemu/ram_search.h"

/* How often to look for a booting guest; boot_wait.h bounds the wait. */
#define BOOT_RETRY_NS (20 * NS_PER_MS)

/* Kernels are loaded below this address. For lists, the search reads no further. */
#define LISTED_SEARCH_END (UINT64_C(32) << 20)

/* For each step of a question that nobody waits for. */
#define ASK_TIMEOUT_MS 200

struct qemu_source {
	struct qemu_peer peer;
	struct qemu_ram ram;
	bool is_listed; /* opened among many: see qemu_source_open_listed */
	/* QEMU serves one client at a time, and others need it, too: the connection is closed once the RAM is found. */
	bool has_qmp;
	struct qmp qmp;
	bool is_paused;    /* when QMP was asked, before the guest was looked for */
	char *path;        /* of the QMP socket; NULL: none was named */
	bool has_migrated; /* atomic, relaxed: publishes no other data */
	struct pauser pauser;
};

static int refuse_pause(void *own, struct error *err)
{
	const struct source *source = own;

	return error_set(err, -ENOTSUP,
			 "%s can only be paused through QMP: name QEMU's QMP socket, qemu:/PATH "
			 "(its option -qmp unix:/PATH,server=on,wait=off)",
			 source->name);
}

/* The process connects to QMP when it starts, and checks that the pid behind the socket is still the same. */
static int start_pauser(struct qemu_source *qemu, struct error *err)
{
	char pid[16];
	const char *const arguments[] = {QEMU_PAUSER_COMMAND, qemu->path, pid, QEMU_PAUSER_DEADLINE,
					 NULL};

	snprintf(pid, sizeof(pid), "%" PRIu32, qemu->peer.pid);
	int result = pauser_start(&qemu->pauser, arguments, SHARED_TIMEOUT_MS, err);

	if (result < 0)
		return result;
	/* Another QEMU may have got the pid. The process of this one has not ended: so the pid is still its own. */
	return qemu_peer_has_ended(&qemu->peer)
		       ? error_set(err, -ENOTCONN, "process %u has ended", qemu->peer.pid)
		       : 0;
}

static int pause_guest(void *own, struct error *err)
{
	struct qemu_source *qemu = own;
	int result = qemu->pauser.is_started ? 0 : start_pauser(qemu, err);

	if (result == 0)
		result = pauser_pause(&qemu->pauser, err);
	if (result < 0)
		pauser_stop(&qemu->pauser);
	return result;
}

static int resume_guest(void *own, uint64_t *paused_ns, struct error *err)
{
	struct qemu_source *qemu = own;
	int result = pauser_resume(&qemu->pauser, paused_ns, err);

	pauser_stop(&qemu->pauser);
	return result;
}

static int read_state(void *own, struct machine_state *state, struct error *err)
{
	struct qemu_source *qemu = own;

	return pauser_state(&qemu->pauser, state, err);
}

static enum source_state get_state(const struct source *source, const char **text)
{
	const struct qemu_source *own = source->own;

	if (qemu_peer_has_ended(&own->peer))
		return SOURCE_ENDED;
	if (!__atomic_load_n(&own->has_migrated, __ATOMIC_RELAXED))
		return SOURCE_LIVE;
	*text = "was migrated away";
	return SOURCE_ENDED;
}

/* The RAM of a guest that was migrated away stays, and QEMU lives on until somebody ends it. Others may use the socket. */
static void ask_state(const struct source *source)
{
	struct qemu_source *own = source->own;
	struct json_object *answer;
	struct error ignored;
	struct qmp qmp;

	if (!own->path || own->pauser.is_started ||
	    qmp_connect(&qmp, own->path, ASK_TIMEOUT_MS, &ignored) < 0)
		return;
	if (qmp.peer_pid == own->peer.pid &&
	    qmp_execute(&qmp, "query-status", NULL, &answer, &ignored) == 0) {
		const char *state = json_get_text(answer, "status");

		if (state && strcmp(state, "postmigrate") == 0)
			__atomic_store_n(&own->has_migrated, true, __ATOMIC_RELAXED);
		json_object_put(answer);
	}
	qmp_close(&qmp);
}

static void close_source(struct source *source)
{
	struct qemu_source *own = source->own;

	pauser_stop(&own->pauser);
	guest_memory_destroy(&source->memory);
	qemu_ram_end(&own->ram);
	qemu_peer_close(&own->peer);
	free(own->path);
	free(own);
}

static const struct source_ops ops = {
	.state = get_state,
	.ask_state = ask_state,
	.close = close_source,
};

/* Without QMP a pause is refused, with a text that says what it needs. */
static const struct control_ops process_control = {.pause = refuse_pause};

static const struct control_ops qmp_control = {
	.pause = pause_guest, .resume = resume_guest, .machine_state = read_state};

/* Sets the notice that explains slow reads before people wonder about them. */
static void set_notice(struct source *source)
{
	const struct qemu_source *own = source->own;
	bool is_huge = false;

	for (unsigned i = 0; i < own->ram.count; i++)
		is_huge |= own->ram.pieces[i].backing == RAM_HUGE;
	if (qemu_ram_is_copied(&own->ram))
		snprintf(source->notice, sizeof(source->notice), "%s: %s", source->name,
			 is_huge ? "RAM of huge pages is read through its file: slower"
				 : "its RAM is private to QEMU and read by process_vm_readv: "
				   "slower than with share=on");
}

/* Resets the memory and the RAM for another try. */
static int begin_memory(struct source *source, struct error *err)
{
	struct qemu_source *own = source->own;
	int result = guest_memory_init(&source->memory, err);

	if (result == 0)
		qemu_ram_begin(&own->ram, &own->peer, own->is_listed, &source->memory);
	return result;
}

static void end_memory(struct source *source)
{
	struct qemu_source *own = source->own;

	guest_memory_destroy(&source->memory);
	qemu_ram_end(&own->ram);
}

/* One try to find RAM and info page without QMP. */
static int search(struct source *source, struct error *err)
{
	struct qemu_source *own = source->own;
	struct peer_mappings mappings;
	int result = qemu_peer_mappings(&own->peer, &mappings, err);

	if (result < 0)
		return result;
	result = ram_search(&own->ram, &mappings, own->is_listed ? LISTED_SEARCH_END : 0,
			    &source->hints, err);
	free(mappings.list);
	return result;
}

/* The names of all of QEMU's memory backends; some may be in use by nobody. */
struct backends {
	struct json_object *answer; /* holds the texts */
	const char **names;
	unsigned count;
};

static void free_backends(struct backends *backends)
{
	free(backends->names);
	json_object_put(backends->answer);
}

static int query_backends(struct qmp *qmp, struct backends *backends, struct error *err)
{
	*backends = (struct backends){0};
	int result = qmp_execute(qmp, "query-memdev", NULL, &backends->answer, err);

	if (result < 0)
		return result;
	size_t length = json_object_is_type(backends->answer, json_type_array)
				? json_object_array_length(backends->answer)
				: 0;

	backends->names = calloc(length + 1, sizeof(*backends->names));
	for (size_t i = 0; backends->names && i < length; i++) {
		struct json_object *id = json_member(json_object_array_get_idx(backends->answer, i),
						     "id", json_type_string);

		if (id)
			backends->names[backends->count++] = json_object_get_string(id);
	}
	if (backends->names)
		return 0;
	free_backends(backends);
	return error_set(err, -ENOMEM, "no memory for the names of QEMU's memory backends");
}

static int query_tree(struct qmp *qmp, struct memory_tree *tree, struct error *err)
{
	struct backends backends;
	char *text;
	int result = query_backends(qmp, &backends, err);

	if (result < 0)
		return result;
	result = qmp_execute_human(qmp, "info mtree -f", &text, err);
	if (result == 0) {
		result = memory_tree_parse(text, backends.names, backends.count, tree, err);
		free(text);
	}
	free_backends(&backends);
	return result;
}

/* Asks where QEMU maps a guest address: "Host virtual address for 0x0 (pc.ram) is 0x7f6a1be00000". */
static int query_address(struct qmp *qmp, uint64_t pa, uint64_t *address, struct error *err)
{
	char command[48], *text;

	snprintf(command, sizeof(command), "gpa2hva %#" PRIx64, pa);
	int result = qmp_execute_human(qmp, command, &text, err);

	if (result < 0)
		return result;
	const char *found = strstr(text, " is 0x");

	if (!found || sscanf(found, " is %" SCNx64, address) != 1)
		result = error_set(
			err, -EPROTO,
			"QEMU does not report where it maps the guest's address %#" PRIx64, pa);
	free(text);
	return result;
}

/* Adds the RAM as QEMU describes it. */
static int add_described(struct source *source, struct error *err)
{
	struct qemu_source *own = source->own;
	struct peer_mappings mappings;
	struct memory_tree tree;
	int result = query_tree(&own->qmp, &tree, err);

	if (result < 0)
		return result;
	result = qemu_peer_mappings(&own->peer, &mappings, err);
	if (result < 0)
		return result;
	for (unsigned i = 0; result == 0 && i < tree.count; i++) {
		const struct tree_ram *ram = &tree.ram[i];
		uint64_t address;

		result = query_address(&own->qmp, ram->base, &address, err);
		if (result == 0)
			result = qemu_ram_add(&own->ram, &mappings, paddr(ram->base), ram->size,
					      address, err);
	}
	free(mappings.list);
	return result;
}

static unsigned read_tables(void *own, uint64_t cr3[VCPU_TABLES_MAX])
{
	return vcpu_registers_cr3(own, cr3, VCPU_TABLES_MAX);
}

/* A guest that has not read its memory map yet describes itself already. */
static int find_info(struct source *source, struct error *err)
{
	struct qemu_source *own = source->own;
	const struct vcpu_tables vcpus = {.read = read_tables, .own = &own->qmp};
	const struct guest_hints anywhere = {.is_paused = own->is_paused,
					     .vcpus = own->has_qmp ? &vcpus : NULL};
	struct guest_place place = {0};
	struct error why;
	int result = guest_locate(&source->memory, &anywhere, &place, &why);

	if (result == 0 || (result == -EAGAIN && place.info.addr)) {
		source->hints.info = place.info;
		source->hints.is_still = place.is_still;
		return 0;
	}
	if (result == -EAGAIN || result == -ENOTUNIQ)
		return error_set(err, result, "%s: %s", source->name, why.text);
	if (result != -ENODATA)
		return error_set(err, result, "%s: cannot read its memory: %s", source->name,
				 strerror(-result));
	return error_set(err, -ENODATA,
			 "the guest of %s is of no known kind: its RAM describes no frames",
			 source->name);
}

static int describe_and_find(struct source *source, struct error *err)
{
	int result = add_described(source, err);

	return result < 0 ? result : find_info(source, err);
}

static int find_in_time(struct source *source, struct error *err)
{
	const struct qemu_source *own = source->own;
	struct boot_wait wait = boot_wait_begin();

	for (;;) {
		int result = begin_memory(source, err);

		if (result < 0)
			return result;
		result = own->has_qmp ? describe_and_find(source, err) : search(source, err);
		if (result == 0)
			return 0;
		end_memory(source);
		if (qemu_peer_has_ended(&own->peer))
			return error_set(err, -ENOTCONN, "process %u has ended", own->peer.pid);
		if ((result != -ENODATA && result != -EAGAIN) || own->is_listed ||
		    !boot_wait_again(&wait, BOOT_RETRY_NS))
			return result;
	}
}

/* Asks QMP for further facts, all of them optional. */
static void query_facts(struct source *source)
{
	struct qemu_source *own = source->own;
	struct json_object *answer, *name, *running;
	struct error ignored;

	if (qmp_execute(&own->qmp, "query-cpus-fast", NULL, &answer, &ignored) == 0) {
		if (json_object_is_type(answer, json_type_array))
			source->cpu_count = (unsigned)json_object_array_length(answer);
		json_object_put(answer);
	}
	if (qmp_execute(&own->qmp, "query-status", NULL, &answer, &ignored) == 0) {
		running = json_member(answer, "running", json_type_boolean);
		own->is_paused = running && !json_object_get_boolean(running);
		json_object_put(answer);
	}
	if (qmp_execute(&own->qmp, "query-name", NULL, &answer, &ignored) == 0) {
		name = json_member(answer, "name", json_type_string);
		if (name && vm_name_is_good(json_object_get_string(name)))
			snprintf(source->name, sizeof(source->name), "%s",
				 json_object_get_string(name));
		json_object_put(answer);
	}
}

static int open_peer(uint32_t pid, struct source *source, struct error *err)
{
	struct qemu_source *own = source->own;
	int result = qemu_peer_open(&own->peer, pid, err);

	if (result < 0)
		return result;
	source->pid = pid;
	source->start_ns = qemu_peer_start_ns(&own->peer);
	snprintf(source->name, sizeof(source->name), QEMU_SOURCE_PREFIX "%" PRIu32, pid);
	if (own->has_qmp)
		query_facts(source);
	result = find_in_time(source, err);
	if (result < 0)
		qemu_peer_close(&own->peer);
	return result;
}

static int open_socket(const char *path, struct source *source, struct error *err)
{
	struct qemu_source *own = source->own;
	struct error why;
	int result = qmp_connect(&own->qmp, path, SHARED_TIMEOUT_MS, err);

	if (result < 0)
		return result;
	own->has_qmp = true;
	result = own->qmp.peer_pid
			 ? open_peer(own->qmp.peer_pid, source, &why)
			 : error_set(&why, -ENOTSUP,
				     "its QEMU runs in another PID namespace: its memory cannot be "
				     "found from here");
	qmp_close(&own->qmp);
	own->has_qmp = false;
	if (result == 0)
		return 0;
	return error_set(err, result, "%.150s: %.350s", path, why.text);
}

/* "1234" */
static bool parse_pid(const char *text, uint32_t *pid)
{
	char *end;
	unsigned long value;

	if (*text < '1' || *text > '9' || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	*pid = (uint32_t)value;
	return errno == 0 && value <= INT32_MAX;
}

static void begin_source(struct source *source, struct qemu_source *own)
{
	*source = (struct source){.ops = &ops,
				  .is_live = true,
				  .has_all_memory = true,
				  .hints.has_info = true,
				  .control = {&process_control, source, source->name},
				  .own = own};
}

int qemu_source_open_listed(uint32_t pid, struct source *source, struct error *err)
{
	struct qemu_source *own = calloc(1, sizeof(*own));

	if (!own)
		return error_set(err, -ENOMEM, "no memory for another VM");
	own->is_listed = true;
	begin_source(source, own);
	int result = open_peer(pid, source, err);

	if (result == 0)
		return 0;
	free(own);
	if (result == -EAGAIN)
		return -ENODATA;
	return result == -ESRCH || result == -ENOTCONN ? -ENOENT : result;
}

int qemu_source_open(const char *name, struct source *source, struct error *err)
{
	struct qemu_source *own = calloc(1, sizeof(*own));
	uint32_t pid;
	int result;

	name += strlen(QEMU_SOURCE_PREFIX);
	if (!own)
		return error_set(err, -ENOMEM, "no memory for another VM");
	begin_source(source, own);
	if (*name == '\0' ||
	    (strspn(name, "0123456789") == strlen(name) && !parse_pid(name, &pid))) {
		result = error_set(
			err, -EINVAL,
			"qemu:%s: expected qemu:PID of a QEMU or qemu:/PATH of its QMP socket",
			name);
	} else if (parse_pid(name, &pid)) {
		result = open_peer(pid, source, err);
	} else {
		source->control = (struct control){&qmp_control, own, source->name};
		own->path = strdup(name);
		result = own->path ? open_socket(name, source, err)
				   : error_set(err, -ENOMEM, "no memory for another VM");
	}
	if (result < 0) {
		free(own->path);
		free(own);
	} else {
		set_notice(source);
	}
	return result;
}
