/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One of our VMs as a source: see own_vm.h. A thread receives what the VMM sends: notices of a changed memory map, and
 * replies, which it passes to the caller that waits for one.
 */
#include "source/vm/own_vm.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach/client.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/fd.h"
#include "base/thread.h"
#include "memory/rcu.h"
#include "source/vm/own_vm_link.h"

static void set_lost(struct own_vm *vm, int result, const struct error *why)
{
	pthread_mutex_lock(&vm->lock);
	vm->is_lost = true;
	vm->lost_by = result;
	vm->why = *why;
	pthread_cond_broadcast(&vm->changed);
	pthread_mutex_unlock(&vm->lock);
}

static bool is_region(const struct memory_region *region, const struct attach_region *other)
{
	return region->base.addr == other->base && region->size == other->size &&
	       region->fd_offset == other->fd_offset;
}

static bool is_in_notice(const struct memory_region *region, const struct attach_map *map)
{
	for (unsigned i = 0; i < map->region_count; i++)
		if (is_region(region, &map->regions[i]))
			return true;
	return false;
}

static bool is_in_memory(const struct attach_region *region, const struct memory_map *map)
{
	for (unsigned i = 0; i < map->count; i++)
		if (is_region(&map->regions[i], region))
			return true;
	return false;
}

/*
 * Brings the memory in step with the VM's map. The caller is its only updater, so the map needs no read-side section.
 */
static int follow_map(struct own_vm *vm, const struct attach_map *map, struct error *err)
{
	struct guest_memory *memory = &vm->source->memory;
	struct memory_map old = *guest_memory_map(memory);
	int result = attach_client_check_map(&vm->client, map, err);

	for (unsigned i = 0; result == 0 && i < old.count; i++)
		if (!is_in_notice(&old.regions[i], map))
			result = guest_memory_remove(memory, old.regions[i].base, err);
	for (unsigned i = 0; result == 0 && i < map->region_count; i++) {
		const struct attach_region *region = &map->regions[i];

		if (!is_in_memory(region, &old))
			result = guest_memory_add(memory, paddr(region->base), region->size,
						  vm->client.ram_fd, region->fd_offset, false, err);
	}
	return result;
}

/* Checks a reply to the last request. */
static int check_reply(const struct own_vm *vm, const union attach_message *message, size_t length,
		       struct error *err)
{
	if (vm->asked == ATTACH_FRAME_RECORD)
		return attach_check_record(message, length, err);
	if (vm->asked == ATTACH_MACHINE_STATE)
		return attach_check_machine(message, length, vm->base, err);
	return attach_check_reply(message, length, vm->pages, err);
}

/* Takes a reply that a caller waits for. A reply that came too late is dropped. */
static int take_reply(struct own_vm *vm, const union attach_message *message, size_t length,
		      struct error *err)
{
	pthread_mutex_lock(&vm->lock);
	bool is_awaited = !vm->is_answered && message->header.sequence == vm->sequence;
	int result = is_awaited ? check_reply(vm, message, length, err) : 0;

	if (is_awaited && result == 0) {
		memcpy(&vm->reply, message, length);
		vm->is_answered = true;
		pthread_cond_broadcast(&vm->changed);
	}
	pthread_mutex_unlock(&vm->lock);
	return result;
}

static int take_message(struct own_vm *vm, struct error *err)
{
	union attach_message message;
	struct error why;
	int length = attach_client_receive(&vm->client, &message, err);

	if (length < 0)
		return length;
	int result;

	if ((size_t)length >= sizeof(message.header) && message.header.type == ATTACH_MAP_CHANGED) {
		result = attach_check_notice(&message, (size_t)length, &why);
		if (result == 0)
			result = follow_map(vm, &message.notice.map, &why);
	} else if ((size_t)length >= sizeof(message.header)) {
		result = take_reply(vm, &message, (size_t)length, &why);
	} else {
		result = error_set(&why, -EPROTO, "a message of %d bytes", length);
	}
	return result < 0 ? error_set(err, result, "the VM %s misbehaves: %s",
				      vm->client.hello.name, why.text)
			  : 0;
}

static void *follow(void *argument)
{
	struct own_vm *vm = argument;
	struct error why;
	int result;

	urcu_memb_register_thread();
	while ((result = take_message(vm, &why)) == 0)
		;
	set_lost(vm, result, &why);
	urcu_memb_unregister_thread();
	return NULL;
}

/* A VM that ends removes its socket before it hangs up; one that is killed refuses connections. */
static bool has_left(const struct own_vm *vm)
{
	struct vm_id id = {.pid = vm->client.hello.pid};

	memcpy(id.name, vm->client.hello.name, sizeof(id.name));
	id.name[sizeof(id.name) - 1] = '\0';
	return !own_vm_is_alive(&id);
}

/* Waits for the reply to the last request. The caller holds the lock. */
static int await_reply(struct own_vm *vm, struct error *err)
{
	while (!vm->is_answered && !vm->is_lost)
		if (!thread_wait_until(&vm->changed, &vm->lock, deadline_ns()) &&
		    deadline_has_passed())
			return error_set(err, -ETIMEDOUT, "the VM %s does not answer",
					 vm->source->name);
	if (vm->is_answered)
		return 0;
	if (vm->lost_by == -ENOTCONN && !has_left(vm))
		return error_set(err, -ENOTCONN, "the VM %s has closed the connection",
				 vm->source->name);
	*err = vm->why;
	return -ENOTCONN;
}

static int explain(const struct own_vm *vm, int result, struct error *err)
{
	const char *name = vm->source->name;

	switch (result) {
	case 0:
		return 0;
	case -ENOTSUP:
		return error_set(err, result, "the VM %s cannot do that", name);
	case -ETIMEDOUT:
		return error_set(err, result, "the VM %s: its vCPUs did not stop in time", name);
	case -ETIME:
		return error_set(err, result, "the pause took too long: the VM %s was resumed",
				 name);
	default:
		return error_set(err, result, "the VM %s: %s", name, strerror(-result));
	}
}

int own_vm_ask(struct own_vm *vm, enum attach_type type, const struct attach_request *request,
	       const struct own_vm_extract *wanted, struct error *err)
{
	pthread_mutex_lock(&vm->request);
	pthread_mutex_lock(&vm->lock);
	deadline_enter();
	vm->is_answered = false;
	vm->sequence++;
	vm->asked = type;
	vm->base = request->base;
	vm->pages = request->pages;
	int result = attach_client_send(&vm->client, type, vm->sequence, *request, err);

	if (result == 0)
		result = await_reply(vm, err);
	deadline_leave(result != -ETIMEDOUT);
	vm->is_answered = true;
	if (result == 0)
		result = explain(vm, vm->reply.reply.result, err);
	if (result == 0 && wanted)
		memcpy(wanted->to, (const uint8_t *)&vm->reply + wanted->offset, wanted->size);
	pthread_mutex_unlock(&vm->lock);
	pthread_mutex_unlock(&vm->request);
	return result;
}

static int ask_plain(struct own_vm *vm, enum attach_type type, struct attach_reply *reply,
		     struct error *err)
{
	const struct attach_request request = {0};
	const struct own_vm_extract wanted = {reply, 0, sizeof(*reply)};

	return own_vm_ask(vm, type, &request, reply ? &wanted : NULL, err);
}

/* A request that the VM did not answer in time is withdrawn, so that no pause begins that nobody uses. */
static int own_vm_pause(void *own, struct error *err)
{
	struct own_vm *vm = own;
	const struct attach_request withdrawal = {0};
	const struct attach_request request = {.base = vm->client.hello.pid,
					       .flags = vm->holds ? ATTACH_HOLD : 0};
	struct error ignored;

	vm->paused_from_ns = clock_now_ns();
	int result = own_vm_ask(vm, ATTACH_PAUSE, &request, NULL, err);

	if (result == -ETIMEDOUT) {
		deadline_enter();
		attach_client_send(&vm->client, ATTACH_RESUME, 0, withdrawal, &ignored);
		deadline_leave(false);
	}
	return result;
}

int own_vm_resume(void *own, uint64_t *paused_ns, struct error *err)
{
	struct own_vm *vm = own;
	struct attach_reply reply;

	if (vm->holds) {
		*paused_ns = clock_now_ns() - vm->paused_from_ns;
		return 0;
	}
	int result = ask_plain(own, ATTACH_RESUME, &reply, err);

	if (result == 0)
		*paused_ns = reply.value;
	return result;
}

static int own_vm_holder(void *own, struct pause_holder *holder, struct error *err)
{
	struct attach_reply reply;
	int result = ask_plain(own, ATTACH_HOLDER, &reply, err);

	if (result == 0)
		*holder = (struct pause_holder){reply.pid, reply.value};
	return result;
}

/* Each connection is one reader of the VM's log; the VM knows which. */
static int own_vm_dirty_start(void *own, struct error *err)
{
	return ask_plain(own, ATTACH_DIRTY_START, NULL, err);
}

/* A reply has room for ATTACH_DIRTY_PAGES_MAX pages. The first request fetches KVM's log for all pages. */
static int own_vm_dirty_read(void *own, int reader, bool fetch, paddr_t base, uint64_t pages,
			     uint64_t *bits, struct error *err)
{
	(void)reader;
	for (uint64_t done = 0; done < pages; done += ATTACH_DIRTY_PAGES_MAX) {
		uint64_t left = pages - done;
		const struct attach_request request = {
			.base = base.addr + done * PAGE_SIZE,
			.pages = left < ATTACH_DIRTY_PAGES_MAX ? (uint32_t)left
							       : ATTACH_DIRTY_PAGES_MAX,
			.flags = fetch && done == 0 ? ATTACH_REFRESH : 0,
		};
		const struct own_vm_extract wanted = {
			bits + done / 64, offsetof(struct attach_dirty_reply, bits),
			(request.pages + UINT64_C(63)) / 64 * sizeof(uint64_t)};
		int result = own_vm_ask(own, ATTACH_DIRTY_READ, &request, &wanted, err);

		if (result < 0)
			return result;
	}
	return 0;
}

static void own_vm_dirty_stop(void *own, int reader)
{
	struct error ignored;

	(void)reader;
	ask_plain(own, ATTACH_DIRTY_STOP, NULL, &ignored);
}

static const struct control_ops own_vm_control = {
	.pause = own_vm_pause,
	.resume = own_vm_resume,
	.holder = own_vm_holder,
	.dirty_start = own_vm_dirty_start,
	.dirty_read = own_vm_dirty_read,
	.dirty_stop = own_vm_dirty_stop,
	.machine_state = own_vm_machine_state,
};

bool own_vm_is(const struct source *source)
{
	return source->control.ops == &own_vm_control;
}

static enum source_state own_vm_state(const struct source *source, const char **text)
{
	struct own_vm *vm = source->own;

	(void)text;
	pthread_mutex_lock(&vm->lock);
	if (vm->is_lost && !vm->has_ended)
		vm->has_ended = has_left(vm);
	enum source_state state = vm->has_ended ? SOURCE_ENDED
				  : vm->is_lost ? SOURCE_CUT_OFF
						: SOURCE_LIVE;

	pthread_mutex_unlock(&vm->lock);
	return state;
}

static int own_vm_record(const struct source *source, uint64_t pfn,
			 struct management_record *record, struct error *err)
{
	const struct attach_request request = {.base = pfn * PAGE_SIZE};
	const struct own_vm_extract wanted = {record, offsetof(struct attach_record_reply, record),
					      sizeof(*record)};

	return own_vm_ask(source->own, ATTACH_FRAME_RECORD, &request, &wanted, err);
}

static void own_vm_free(struct own_vm *vm)
{
	pthread_cond_destroy(&vm->changed);
	pthread_mutex_destroy(&vm->lock);
	pthread_mutex_destroy(&vm->request);
	free(vm);
}

static void own_vm_close(struct source *source)
{
	struct own_vm *vm = source->own;

	shutdown(vm->client.fd, SHUT_RDWR);
	pthread_join(vm->thread, NULL);
	guest_memory_destroy(&source->memory);
	attach_client_close(&vm->client);
	own_vm_free(vm);
}

static const struct source_ops own_vm_ops = {
	.state = own_vm_state,
	.record = own_vm_record,
	.close = own_vm_close,
};

static struct own_vm *own_vm_new(struct source *source)
{
	struct own_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->source = source;
	vm->is_answered = true;
	pthread_mutex_init(&vm->request, NULL);
	pthread_mutex_init(&vm->lock, NULL);
	thread_condition_init(&vm->changed);
	return vm;
}

static int start_to_follow(struct own_vm *vm, struct error *err)
{
	const struct attach_request subscribe = {0};

	deadline_enter();
	int result = attach_client_send(&vm->client, ATTACH_SUBSCRIBE, 0, subscribe, err);

	deadline_leave(result != -ETIMEDOUT);
	if (result < 0)
		return result;
	return thread_start(&vm->thread, follow, vm, err);
}

/* Runs once connected: maps the RAM, and begins to follow the VM. */
static int attach(struct own_vm *vm, struct source *source, struct error *err)
{
	const struct attach_hello *hello = &vm->client.hello;

	*source = (struct source){
		.ops = &own_vm_ops,
		.is_live = true,
		.has_all_memory = true,
		.hints.has_info = hello->flags & ATTACH_HAS_INFO,
		.hints.info = paddr(hello->info_pa),
		.pid = hello->pid,
		.has_foreign_pid = hello->pid != vm->client.peer_pid,
		.cpu_count = hello->cpu_count,
		.start_ns = hello->start_ns,
		.control = {&own_vm_control, vm, source->name},
		.own = vm,
	};
	memcpy(source->name, hello->name, sizeof(hello->name));
	struct error why;
	int result = guest_memory_init(&source->memory, err);

	if (result < 0)
		return result;
	result = follow_map(vm, &hello->map, &why);
	if (result < 0)
		error_set(err, result, "the VM %s: %s", source->name, why.text);
	else
		result = start_to_follow(vm, err);
	if (result < 0)
		guest_memory_destroy(&source->memory);
	return result;
}

static int open_in(int dir_fd, const struct vm_id *id, struct source *source, struct error *err)
{
	char file[VM_SOCKET_NAME_SIZE];
	struct own_vm *vm = own_vm_new(source);

	if (!vm)
		return error_set(err, -ENOMEM, "no memory for another VM");
	int result = attach_client_connect(&vm->client, dir_fd, id, err);

	if (result == -ECONNREFUSED)
		runtime_dir_remove_dead(dir_fd, vm_socket_name(id, file));
	if (result == 0) {
		result = attach(vm, source, err);
		if (result < 0)
			attach_client_close(&vm->client);
	}
	if (result < 0)
		own_vm_free(vm);
	return result;
}

int own_vm_open(const struct vm_id *id, struct source *source, struct error *err)
{
	struct runtime_dirs dirs;
	int result = runtime_dirs_open(&dirs, err);

	if (result < 0)
		return result;
	result = open_in(runtime_dirs_find(&dirs, id), id, source, err);
	runtime_dirs_close(&dirs);
	return result;
}

bool own_vm_is_alive(const struct vm_id *id)
{
	char file[VM_SOCKET_NAME_SIZE];
	struct runtime_dirs dirs;
	struct error ignored;

	if (runtime_dirs_open(&dirs, &ignored) < 0)
		return false;
	bool is_alive =
		runtime_dir_has_listener(runtime_dirs_find(&dirs, id), vm_socket_name(id, file));

	runtime_dirs_close(&dirs);
	return is_alive;
}

int own_vm_list(struct vm_list *list, struct error *err)
{
	struct runtime_dirs dirs;
	int result = runtime_dirs_open(&dirs, err);

	*list = (struct vm_list){0};
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	result = runtime_dirs_list(&dirs, &list->ids, err);
	runtime_dirs_close(&dirs);
	if (result < 0)
		return result;
	list->count = (unsigned)result;
	return 0;
}
