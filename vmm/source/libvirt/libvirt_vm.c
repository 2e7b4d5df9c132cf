/* SPDX-License-Identifier: MPL-2.0 */
/* A libvirt domain as a source: see libvirt_vm.h. */
#include "source/libvirt/libvirt_vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pagevisor/layout.h>

#include "base/clock.h"
#include "base/fd.h"
#include "memory/file_hole.h"
#include "source/boot_wait.h"
#include "source/libvirt/connection.h"
#include "source/libvirt/domain_process.h"
#include "source/libvirt/domain_ram.h"
#include "source/libvirt/events.h"
#include "source/libvirt/domain_place.h"
#include "source/libvirt/pauser.h"

/* Precedes a UUID in the place of a domain's name. No domain's name in libvirt has a '/'. */
#define UUID_PREFIX "uuid/"

/* How often to look for a booting guest; boot_wait.h bounds the wait. */
#define BOOT_RETRY_NS (50 * NS_PER_MS)

struct libvirt_vm {
	struct libvirt_connection connection;
	virDomainPtr domain;
	struct libvirt_listener *listener;
	struct domain_facts facts;
	int ram_fd;        /* -1: none, memory is peeked */
	bool is_mapped;    /* else the file is read, or memory is peeked */
	uint64_t low_size; /* of the RAM, and of the file up to where the upper part begins in it */
	bool has_ended;    /* atomic, relaxed: publishes no other data */
	bool has_pauser;
	struct pauser pauser;
	char *uri; /* as requested; NULL: the default */
};

static bool has_ended(const struct libvirt_vm *vm)
{
	return __atomic_load_n(&vm->has_ended, __ATOMIC_RELAXED);
}

static void on_event(void *context, enum libvirt_event event)
{
	struct libvirt_vm *vm = context;

	if (event != DOMAIN_CHANGED)
		__atomic_store_n(&vm->has_ended, true, __ATOMIC_RELAXED);
}

/* --- memory --- */

/* The domain may have ended and been started again meanwhile: what was read then does not count. */
static int read_memory(void *own, uint64_t address, void *buffer, size_t size)
{
	struct libvirt_vm *vm = own;
	uint64_t offset = address < HIGH_RAM_BASE ? address
						  : vm->low_size + (address - HIGH_RAM_BASE);
	struct error ignored;
	int result = 0;

	if (vm->ram_fd >= 0)
		result = fd_read_at(vm->ram_fd, buffer, size, offset) < 0 ? -EFAULT : 0;
	else
		for (size_t done = 0; result == 0 && done < size && !has_ended(vm);) {
			size_t piece = size - done < LIBVIRT_PEEK_MAX ? size - done
								      : LIBVIRT_PEEK_MAX;

			result = libvirt_domain_peek(&vm->connection, vm->domain, address + done,
						     (uint8_t *)buffer + done, piece, &ignored);
			done += piece;
		}
	return has_ended(vm) ? -ENOTCONN : result;
}

static int read_copied(void *own, paddr_t pa, void *buffer, size_t length)
{
	int result = read_memory(own, pa.addr, buffer, length);

	return result < 0 ? -ENOTCONN : 0;
}

/* Holes in the file are memory that the guest never wrote. */
static int find_data(void *own, paddr_t pa, uint64_t length, uint64_t *hole, uint64_t *data)
{
	const struct libvirt_vm *vm = own;

	*hole = 0;
	*data = length;
	if (vm->ram_fd < 0)
		return 0;
	uint64_t start = pa.addr < HIGH_RAM_BASE ? pa.addr
						 : vm->low_size + (pa.addr - HIGH_RAM_BASE);

	*hole = file_hole(vm->ram_fd, start, length);
	*data = length - *hole;
	return 0;
}

static int add_part(struct libvirt_vm *vm, struct guest_memory *memory, uint64_t base,
		    uint64_t size, uint64_t offset, struct error *err)
{
	const struct memory_reader reader = {.read = read_copied,
					     .find_data = vm->ram_fd >= 0 ? find_data : NULL,
					     .own = vm,
					     .chunk = LIBVIRT_PEEK_MAX};

	if (size == 0)
		return 0;
	return vm->is_mapped
		       ? guest_memory_add(memory, paddr(base), size, vm->ram_fd, offset, false, err)
		       : guest_memory_add_copied(memory, paddr(base), size, &reader, err);
}

static int add_memory(struct libvirt_vm *vm, const struct domain_place *place,
		      struct source *source, struct error *err)
{
	struct guest_memory *memory = &source->memory;
	int result = guest_memory_init(memory, err);

	if (result < 0)
		return result;
	vm->low_size = place->low_size;
	result = add_part(vm, memory, 0, place->low_size, 0, err);
	if (result == 0)
		result =
			add_part(vm, memory, HIGH_RAM_BASE, place->high_size, place->low_size, err);
	if (result < 0)
		guest_memory_destroy(memory);
	return result;
}

/* --- operations of the source --- */

/* A late answer would be taken for the answer to the next request, so the next pause gets another process. */
static void drop_silent_pauser(struct libvirt_vm *vm, int result)
{
	if (result != -ETIMEDOUT && result != -ENOTCONN)
		return;
	pauser_stop(&vm->pauser);
	vm->has_pauser = false;
}

static int vm_pause(void *own, struct error *err)
{
	struct libvirt_vm *vm = own;

	if (!vm->has_pauser) {
		int result = pauser_start(
			&vm->pauser, vm->uri ? vm->uri : vm->connection.uri, vm->facts.uuid,
			vm->ram_fd >= 0 ? PAUSER_DEADLINE_MS : PAUSER_DEADLINE_SLOW_MS, err);

		if (result < 0)
			return result;
		vm->has_pauser = true;
	}
	int result = pauser_pause(&vm->pauser, err);

	drop_silent_pauser(vm, result);
	return result;
}

static int vm_resume(void *own, uint64_t *paused_ns, struct error *err)
{
	struct libvirt_vm *vm = own;

	if (!vm->has_pauser)
		return error_set(err, -ENOTCONN, "the process that pauses domains has ended");
	int result = pauser_resume(&vm->pauser, paused_ns, err);

	drop_silent_pauser(vm, result);
	return result;
}

static bool vm_has_ended(const struct source *source)
{
	return has_ended(source->own);
}

static void free_vm(struct libvirt_vm *vm)
{
	if (vm->has_pauser)
		pauser_stop(&vm->pauser);
	fd_close(vm->ram_fd);
	if (vm->listener)
		libvirt_unlisten(&vm->connection, vm->listener);
	if (vm->domain)
		libvirt_domain_put(&vm->connection, vm->domain);
	if (vm->connection.conn)
		libvirt_disconnect(&vm->connection);
	libvirt_loop_stop();
	free(vm->uri);
	free(vm);
}

static void vm_close(struct source *source)
{
	guest_memory_destroy(&source->memory);
	free_vm(source->own);
}

static const struct control_ops libvirt_control = {.pause = vm_pause, .resume = vm_resume};

static const struct source_ops libvirt_ops = {
	.has_ended = vm_has_ended,
	.close = vm_close,
};

/* --- opening --- */

/* Splits "URI#DOMAIN" or "DOMAIN". Returns the domain. */
static const char *parse_name(struct libvirt_vm *vm, const char *name, struct error *err)
{
	const char *domain = strrchr(name, '#');

	if (domain) {
		vm->uri = strndup(name, (size_t)(domain - name));
		domain++;
	} else {
		domain = name;
	}
	if (*domain && (domain == name || (vm->uri && *vm->uri)))
		return domain;
	error_set(err, -EINVAL, "not a domain: expected libvirt:DOMAIN or libvirt:URI#DOMAIN");
	return NULL;
}

/* Opens the connection, finds the domain and listens to its events. */
static int find_domain(struct libvirt_vm *vm, const char *domain, struct error *err)
{
	int result = libvirt_connect(&vm->connection, vm->uri, LIBVIRT_OPEN_TIMEOUT_MS, err);

	if (result < 0)
		return result;
	result = strncmp(domain, UUID_PREFIX, strlen(UUID_PREFIX)) == 0
			 ? libvirt_domain_find_uuid(&vm->connection, domain + strlen(UUID_PREFIX),
						    &vm->domain, err)
			 : libvirt_domain_find(&vm->connection, domain, &vm->domain, err);
	if (result == 0)
		result = libvirt_listen(&vm->connection, vm->domain, on_event, vm, &vm->listener,
					err);
	if (result == 0)
		result = libvirt_domain_facts(&vm->connection, vm->domain, &vm->facts, err);
	if (result == 0 && !vm->facts.is_active)
		result = error_set(err, -ENOENT, "the domain %s is not running", vm->facts.name);
	if (result == 0 && (vm->facts.memory_bytes == 0 || vm->facts.memory_bytes % PAGE_SIZE))
		result = error_set(err, -EPROTO,
				   "the memory of the domain %s is not a number of whole pages",
				   vm->facts.name);
	return result;
}

static int look_for_guest(struct libvirt_vm *vm, bool wait, struct domain_place *place,
			  struct error *err)
{
	struct boot_wait waited = boot_wait_begin();

	for (;;) {
		int result = domain_place_find(read_memory, vm, vm->facts.memory_bytes,
					       LIBVIRT_PEEK_MAX, place);

		if (result < 0)
			return error_set(err, result, "cannot read the memory of the domain %s",
					 vm->facts.name);
		if (place->has_info || !wait || vm->facts.is_paused || has_ended(vm) ||
		    !boot_wait_again(&waited, BOOT_RETRY_NS))
			return 0;
	}
}

static int open_domain(struct libvirt_vm *vm, const char *name, bool wait, struct source *source,
		       struct error *err)
{
	struct domain_place place;
	const char *domain = parse_name(vm, name, err);
	int result = domain ? find_domain(vm, domain, err) : -EINVAL;

	if (result < 0)
		return result;
	uint32_t pid = vm->connection.is_local ? domain_process_find("/proc", vm->facts.uuid) : 0;

	bool is_sealed = false;

	if (pid)
		vm->ram_fd = domain_ram_open(pid, vm->facts.memory_bytes, &is_sealed);
	/* Between the two calls the pid may have passed to another process. */
	if (vm->ram_fd >= 0 && domain_process_find("/proc", vm->facts.uuid) != pid) {
		close(vm->ram_fd);
		vm->ram_fd = -1;
	}
	/* A caller that only lists must not be killed by a file that shrinks. */
	vm->is_mapped = vm->ram_fd >= 0 && (is_sealed || wait);
	result = look_for_guest(vm, wait, &place, err);
	if (result == 0 && wait && !place.has_info)
		result =
			error_set(err, -ENODATA,
				  "the guest of the domain %s is not a pagevisor guest, or has not "
				  "booted far enough: no info page in its memory",
				  vm->facts.name);
	if (result < 0)
		return result;
	*source = (struct source){
		.ops = &libvirt_ops,
		.is_live = true,
		.has_all_memory = true,
		.hints.has_info = place.has_info,
		.hints.info = place.info,
		.pid = pid,
		.cpu_count = vm->facts.cpu_count,
		.may_shrink = vm->is_mapped && !is_sealed,
		.control = {&libvirt_control, vm, source->name},
		.own = vm,
	};
	if (vm->ram_fd < 0)
		snprintf(source->notice, sizeof(source->notice),
			 "the memory of %s is copied through libvirt: slower than a mapping",
			 vm->facts.name);
	memcpy(source->name, vm->facts.name, sizeof(source->name));
	return add_memory(vm, &place, source, err);
}

static int open_named(const char *name, bool wait_for_guest, struct source *source,
		      struct error *err)
{
	struct error why;
	int result = libvirt_loop_start(err);

	if (result < 0)
		return result;
	struct libvirt_vm *vm = calloc(1, sizeof(*vm));

	if (!vm) {
		libvirt_loop_stop();
		return error_set(err, -ENOMEM, "no memory for another VM");
	}
	vm->ram_fd = -1;
	result = open_domain(vm, name + strlen(LIBVIRT_PREFIX), wait_for_guest, source, &why);
	if (result < 0) {
		free_vm(vm);
		error_set(err, result, "%s", why.text);
	}
	return result;
}

int libvirt_vm_open(const char *name, struct source *source, struct error *err)
{
	return open_named(name, true, source, err);
}

int libvirt_vm_open_any(const char *name, struct source *source, struct error *err)
{
	return open_named(name, false, source, err);
}
