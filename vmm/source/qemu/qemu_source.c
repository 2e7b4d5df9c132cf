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
#include "base/clock.h"
#include "base/json.h"
#include "kind/registry.h"
#include "source/boot_wait.h"
#include "source/qemu/memory_tree.h"
#include "source/qemu/peer.h"
#include "qmp/qmp.h"
#include "source/qemu/qmp_pause.h"
#include "source/qemu/qemu_ram.h"
#include "source/qemu/ram_search.h"

/* How often to look for a booting guest; boot_wait.h bounds the wait. */
#define BOOT_RETRY_NS (20 * NS_PER_MS)

#define BACKENDS_MAX MEMORY_REGIONS_MAX

struct qemu_source {
	struct qemu_peer peer;
	struct qemu_ram ram;
	bool has_qmp;
	struct qmp qmp;
	struct qmp_pause pause;
};

static int refuse_pause(void *own, struct error *err)
{
	const struct source *source = own;

	return error_set(err, -ENOTSUP,
			 "%s can only be paused through QMP: name QEMU's QMP socket, qemu:/PATH "
			 "(its option -qmp unix:/PATH,server=on,wait=off)",
			 source->name);
}

static int pause_guest(void *own, struct error *err)
{
	struct qemu_source *qemu = own;

	return qmp_pause_begin(&qemu->pause, &qemu->qmp, QMP_PAUSE_MAX_MS, err);
}

static int resume_guest(void *own, uint64_t *paused_ns, struct error *err)
{
	struct qemu_source *qemu = own;

	return qmp_pause_end(&qemu->pause, &qemu->qmp, paused_ns, err);
}

static bool has_ended(const struct source *source)
{
	const struct qemu_source *own = source->own;

	return qemu_peer_has_ended(&own->peer);
}

static void close_source(struct source *source)
{
	struct qemu_source *own = source->own;

	guest_memory_destroy(&source->memory);
	qemu_ram_end(&own->ram);
	if (own->has_qmp)
		qmp_close(&own->qmp);
	qemu_peer_close(&own->peer);
	free(own);
}

static const struct source_ops ops = {
	.has_ended = has_ended,
	.close = close_source,
};

/* Without QMP a pause is refused, with a text that says what it needs. */
static const struct control_ops process_control = {.pause = refuse_pause};

static const struct control_ops qmp_control = {.pause = pause_guest, .resume = resume_guest};

/* Sets the notice that explains slow reads before people wonder about them. */
static void set_notice(struct source *source)
{
	const struct qemu_source *own = source->own;
	bool is_huge = false;

	for (unsigned i = 0; i < own->ram.count; i++)
		is_huge |= own->ram.pieces[i].backing == RAM_HUGE;
	source->may_shrink = qemu_ram_may_shrink(&own->ram);
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
		qemu_ram_begin(&own->ram, &own->peer, &source->memory);
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
	result = ram_search(&own->ram, &mappings, &source->hints.info, err);
	free(mappings.list);
	return result;
}

/* Gets the names of QEMU's memory backends; *answer holds them. Returns their number, or a negative errno. */
static int query_backends(struct qmp *qmp, struct json_object **answer,
			  const char *names[BACKENDS_MAX], struct error *err)
{
	int result = qmp_execute(qmp, "query-memdev", NULL, answer, err), count = 0;

	if (result < 0)
		return result;
	size_t length = json_object_is_type(*answer, json_type_array)
				? json_object_array_length(*answer)
				: 0;

	for (size_t i = 0; i < length && count < BACKENDS_MAX; i++) {
		struct json_object *id =
			json_member(json_object_array_get_idx(*answer, i), "id", json_type_string);

		if (id)
			names[count++] = json_object_get_string(id);
	}
	return count;
}

static int query_tree(struct qmp *qmp, struct memory_tree *tree, struct error *err)
{
	const char *names[BACKENDS_MAX];
	struct json_object *answer;
	char *text;
	int count = query_backends(qmp, &answer, names, err);

	if (count < 0)
		return count;
	int result = qmp_execute_human(qmp, "info mtree -f", &text, err);

	if (result == 0) {
		result = memory_tree_parse(text, names, (unsigned)count, tree, err);
		free(text);
	}
	json_object_put(answer);
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

/* A guest that has not read its memory map yet describes itself already. */
static int find_info(struct source *source, struct error *err)
{
	const struct guest_hints anywhere = {0};
	struct guest_place place = {0};
	struct error why;
	int result = guest_locate(&source->memory, &anywhere, &place, &why);

	if (result == 0 || result == -EAGAIN) {
		source->hints.info = place.info;
		return 0;
	}
	if (result != -ENODATA)
		return error_set(err, result, "%s: cannot read its memory: %s", source->name,
				 strerror(-result));
	return error_set(err, -ENODATA,
			 "the guest of %s is not a pagevisor guest: no info page in its RAM",
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
		if ((result != -ENODATA && result != -EAGAIN) ||
		    !boot_wait_again(&wait, BOOT_RETRY_NS))
			return result;
	}
}

/* Asks QMP for further facts, all of them optional. */
static void query_facts(struct source *source)
{
	struct qemu_source *own = source->own;
	struct json_object *answer, *name;
	struct error ignored;

	if (qmp_execute(&own->qmp, "query-cpus-fast", NULL, &answer, &ignored) == 0) {
		if (json_object_is_type(answer, json_type_array))
			source->cpu_count = (unsigned)json_object_array_length(answer);
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
	int result = qmp_connect(&own->qmp, path, QMP_TIMEOUT_MS, err);

	if (result < 0)
		return result;
	own->has_qmp = true;
	result = open_peer(own->qmp.peer_pid, source, &why);
	if (result == 0)
		return 0;
	qmp_close(&own->qmp);
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

int qemu_source_open(const char *name, struct source *source, struct error *err)
{
	struct qemu_source *own = calloc(1, sizeof(*own));
	uint32_t pid;
	int result;

	name += strlen(QEMU_SOURCE_PREFIX);
	if (!own)
		return error_set(err, -ENOMEM, "no memory for another VM");
	*source = (struct source){.ops = &ops,
				  .is_live = true,
				  .has_all_memory = true,
				  .hints.has_info = true,
				  .control = {&process_control, source, source->name},
				  .own = own};
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
		result = open_socket(name, source, err);
	}
	if (result < 0)
		free(own);
	else
		set_notice(source);
	return result;
}
