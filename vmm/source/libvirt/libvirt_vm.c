/* SPDX-License-Identifier: MPL-2.0 */
/* A libvirt domain as a source: see libvirt_vm.h. */
#include "source/libvirt/libvirt_vm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pagevisor/layout.h>

#include "base/clock.h"
#include "base/fd.h"
#include "memory/file_hole.h"
#include "kind/registry.h"
#include "source/boot_wait.h"
#include "source/libvirt/domain_link.h"
#include "source/libvirt/domain_process.h"
#include "source/libvirt/domain_ram.h"
#include "source/libvirt/events.h"
#include "source/libvirt/domain_place.h"
#include "source/ram_split.h"
#include "source/libvirt/libvirt_pauser.h"
#include "source/libvirt/private_ram.h"
#include "source/pauser.h"

/* Precedes a UUID in the place of a domain's name. No domain's name in libvirt has a '/'. */
#define UUID_PREFIX "uuid/"

/* How often to look for a booting guest; boot_wait.h bounds the wait. */
#define BOOT_RETRY_NS (50 * NS_PER_MS)

struct libvirt_vm {
	struct domain_link *link;
	const struct domain_facts *facts;
	int ram_fd;        /* -1: none, memory is copied by the process or peeked */
	bool is_mapped;    /* else the file is read, or memory is peeked */
	uint64_t low_size; /* of the RAM, and of the file up to where the upper part begins in it */
	struct private_ram private_ram;
	unsigned pauser_connections; /* of the link, when the pauser was started */
	struct pauser pauser;
};

static bool has_ended(const struct libvirt_vm *vm)
{
	const char *ignored;

	return domain_link_state(vm->link, &ignored) == SOURCE_ENDED;
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

			result = domain_link_peek(vm->link, address + done,
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
		      struct guest_memory *memory, struct error *err)
{
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
	if (result == -ETIMEDOUT || result == -ENOTCONN)
		pauser_stop(&vm->pauser);
}

static int start_pauser(struct libvirt_vm *vm, unsigned connections, struct error *err)
{
	const char *const arguments[] = {
		LIBVIRT_PAUSER_COMMAND, domain_link_uri(vm->link), vm->facts->uuid,
		vm->ram_fd >= 0 || vm->private_ram.is_open ? LIBVIRT_PAUSER_DEADLINE
							   : LIBVIRT_PAUSER_DEADLINE_SLOW,
		NULL};

	vm->pauser_connections = connections;
	return pauser_start(&vm->pauser, arguments, libvirt_connect_timeout_ms(arguments[1]), err);
}

static int vm_pause(void *own, struct error *err)
{
	struct libvirt_vm *vm = own;
	unsigned connections;
	int result = domain_link_await(vm->link, &connections, err);

	if (result < 0)
		return result;
	/* A pauser whose daemon has restarted since has lost its connection, too. */
	if (vm->pauser_connections != connections)
		pauser_stop(&vm->pauser);
	if (!vm->pauser.is_started) {
		result = start_pauser(vm, connections, err);
		if (result < 0)
			return result;
	}
	result = pauser_pause(&vm->pauser, err);
	drop_silent_pauser(vm, result);
	return result;
}

static int vm_resume(void *own, uint64_t *paused_ns, struct error *err)
{
	struct libvirt_vm *vm = own;
	int result = pauser_resume(&vm->pauser, paused_ns, err);

	drop_silent_pauser(vm, result);
	return result;
}

static enum source_state vm_state(const struct source *source, const char **text)
{
	const struct libvirt_vm *vm = source->own;

	return domain_link_state(vm->link, text);
}

static void free_vm(struct libvirt_vm *vm)
{
	pauser_stop(&vm->pauser);
	private_ram_close(&vm->private_ram);
	fd_close(vm->ram_fd);
	if (vm->link)
		domain_link_close(vm->link);
	libvirt_loop_stop();
	free(vm);
}

static void vm_close(struct source *source)
{
	guest_memory_destroy(&source->memory);
	free_vm(source->own);
}

static const struct control_ops libvirt_control = {.pause = vm_pause, .resume = vm_resume};

static const struct source_ops libvirt_ops = {
	.state = vm_state,
	.close = vm_close,
};

/* --- opening --- */

/* Whether a name begins with a URI. A domain's name may have a '#', but no '/', and a URI no '#'. */
static bool begins_with_uri(const char *name, const char *mark)
{
	const char *scheme = strstr(name, "://");

	return scheme && scheme < mark;
}

static int open_link(struct libvirt_vm *vm, const char *uri, const char *domain, struct error *err)
{
	if (strncmp(domain, UUID_PREFIX, strlen(UUID_PREFIX)) == 0)
		domain += strlen(UUID_PREFIX);
	if (!*domain)
		return error_set(err, -EINVAL,
				 "not a domain: expected libvirt:DOMAIN or libvirt:URI#DOMAIN");
	int result = domain_link_open(uri, domain, &vm->link, err);

	if (result < 0)
		return result;
	vm->facts = domain_link_facts(vm->link);
	if (vm->facts->memory_bytes == 0 || vm->facts->memory_bytes % PAGE_SIZE)
		return error_set(err, -EPROTO,
				 "the memory of the domain %s is not a number of whole pages",
				 vm->facts->name);
	return 0;
}

/* "URI#DOMAIN", "DOMAIN", or "ALIAS#DOMAIN" with an alias of libvirt.conf if no domain is called just so. */
static int find_domain(struct libvirt_vm *vm, const char *name, struct error *err)
{
	const char *mark = strchr(name, '#');
	char *uri = mark && mark > name ? strndup(name, (size_t)(mark - name)) : NULL;
	struct error ignored;
	int result;

	if (mark && mark > name && !uri) {
		result = error_set(err, -ENOMEM, "no memory for a URI");
	} else if (uri && begins_with_uri(name, mark)) {
		result = open_link(vm, uri, mark + 1, err);
	} else {
		result = open_link(vm, NULL, name, err);
		if (uri && !vm->link && open_link(vm, uri, mark + 1, &ignored) == 0)
			result = 0;
	}
	free(uri);
	return result;
}

/* Whether a guest that does not say where its RAM ends finds itself in its place, if the machine has split it so. */
static bool is_in_place(struct libvirt_vm *vm, bool is_listed, struct domain_place *place)
{
	struct guest_hints hints = {.is_listed = is_listed};
	struct guest_place found = {0};
	struct guest_memory memory;
	struct error ignored;
	struct guest *guest;

	if (add_memory(vm, place, &memory, &ignored) < 0)
		return false;
	bool result = guest_locate(&memory, &hints, &found, &ignored) == 0 && !found.has_ends;

	if (result) {
		hints = (struct guest_hints){.has_info = true, .info = found.info};
		result = guest_find(&memory, &hints, &guest, &ignored) == 0;
	}
	if (result) {
		result = guest_is_in_place(guest);
		guest_free(guest);
	}
	guest_memory_destroy(&memory);
	place->has_info = result;
	place->info = found.info;
	place->is_still = found.is_still;
	return result;
}

/*
 * Tries what machines do. Only in a file of the RAM: elsewhere, what is not known to be RAM may be a device, and a search
 * of all RAM through the daemon would take minutes.
 */
static void find_by_trying(struct libvirt_vm *vm, bool is_listed, struct domain_place *place)
{
	const struct domain_place guess = *place;
	uint64_t size = vm->facts->memory_bytes, lows[RAM_SPLITS_MAX];
	unsigned count = vm->ram_fd >= 0 ? ram_split_list(size, lows) : 0;

	for (unsigned i = 0; i < count; i++) {
		*place = (struct domain_place){.low_size = lows[i], .high_size = size - lows[i]};
		if (lows[i] <= HIGH_RAM_BASE && is_in_place(vm, is_listed, place))
			return;
	}
	*place = guess;
}

static int look_for_guest(struct libvirt_vm *vm, bool wait, struct domain_place *place,
			  struct error *err)
{
	struct boot_wait waited = boot_wait_begin();

	for (;;) {
		int result = domain_place_find(read_memory, vm, vm->facts->memory_bytes,
					       LIBVIRT_PEEK_MAX, vm->ram_fd < 0, place);

		if (result < 0)
			return error_set(err, result, "cannot read the memory of the domain %s",
					 vm->facts->name);
		if (!place->has_info)
			find_by_trying(vm, !wait, place);
		if (place->has_info || !wait || vm->facts->is_paused || has_ended(vm) ||
		    !boot_wait_again(&waited, BOOT_RETRY_NS))
			return 0;
	}
}

/*
 * Opens what is known by the pid, and only then makes sure that the pid is the domain's: it may pass to another process
 * at any moment.
 */
static int follow_process(struct libvirt_vm *vm, uint32_t *pid, bool *is_sealed, struct error *err)
{
	const char *uuid = vm->facts->uuid;
	int pidfd = -1;

	*pid = domain_link_is_local(vm->link) ? domain_process_find("/proc", uuid) : 0;
	if (*pid) {
		pidfd = (int)syscall(SYS_pidfd_open, *pid, 0);
		vm->ram_fd = domain_ram_open(*pid, vm->facts->memory_bytes, is_sealed);
		if (vm->ram_fd < 0)
			private_ram_open(&vm->private_ram, *pid);
		if (domain_process_find("/proc", uuid) != *pid) {
			private_ram_close(&vm->private_ram);
			fd_close(vm->ram_fd);
			fd_close(pidfd);
			vm->ram_fd = pidfd = -1;
			*pid = 0;
		}
	}
	return domain_link_follow(vm->link, pidfd, err);
}

static int refuse_unknown(const struct libvirt_vm *vm, uint32_t pid, struct error *err)
{
	if (vm->ram_fd >= 0)
		return error_set(err, -ENODATA,
				 "the guest of the domain %s is of no known kind, or has not "
				 "booted far enough: its memory describes no frames",
				 vm->facts->name);
	return error_set(err, -ENODATA,
			 "the guest of the domain %s is of no known kind, or has not booted far "
			 "enough; for Linux its RAM must be a memfd and shared (memoryBacking)%s",
			 vm->facts->name, pid ? ", unless root asks" : "");
}

/* Looks into the domain's process, if we may. Returns whether a guest is there, in the source's memory. */
static bool find_in_process(struct libvirt_vm *vm, struct source *source)
{
	struct boot_wait waited = boot_wait_begin();
	struct error ignored;

	while (vm->private_ram.is_open) {
		int result = private_ram_find(&vm->private_ram, &source->memory, &source->hints,
					      &ignored);

		if (result == 0)
			return true;
		if ((result != -ENODATA && result != -EAGAIN) || vm->facts->is_paused ||
		    has_ended(vm) || !boot_wait_again(&waited, BOOT_RETRY_NS))
			private_ram_close(&vm->private_ram);
	}
	return false;
}

/* Whatever is not there as a file, or in a process that we may read, is read through libvirt. */
static int find_memory(struct libvirt_vm *vm, bool wait, uint32_t pid, struct source *source,
		       struct error *err)
{
	struct domain_place place;
	int result;

	if (!wait)
		private_ram_close(&vm->private_ram);
	source->hints.has_info = true;
	if (find_in_process(vm, source)) {
		snprintf(source->notice, sizeof(source->notice),
			 "the memory of %s is private to its QEMU and read by process_vm_readv: "
			 "slower than a mapping",
			 vm->facts->name);
		return 0;
	}
	result = look_for_guest(vm, wait, &place, err);
	if (result == 0 && wait && !place.has_info)
		result = refuse_unknown(vm, pid, err);
	if (result < 0)
		return result;
	source->hints = (struct guest_hints){
		.has_info = place.has_info, .info = place.info, .is_still = place.is_still};
	if (vm->ram_fd < 0)
		snprintf(source->notice, sizeof(source->notice),
			 "the memory of %s is copied through libvirt: slower than a mapping",
			 vm->facts->name);
	return add_memory(vm, &place, &source->memory, err);
}

static int open_domain(struct libvirt_vm *vm, const char *name, bool wait, struct source *source,
		       struct error *err)
{
	int result = find_domain(vm, name, err);

	if (result < 0)
		return result;
	bool is_sealed = false;
	uint32_t pid;

	result = follow_process(vm, &pid, &is_sealed, err);
	if (result < 0)
		return result;
	/* A caller that only lists must not be killed by a file that shrinks. */
	vm->is_mapped = vm->ram_fd >= 0 && (is_sealed || wait);
	*source = (struct source){
		.ops = &libvirt_ops,
		.is_live = true,
		.has_all_memory = true,
		.pid = pid,
		.cpu_count = vm->facts->cpu_count,
		.control = {&libvirt_control, vm, source->name},
		.own = vm,
	};
	memcpy(source->name, vm->facts->name, sizeof(source->name));
	return find_memory(vm, wait, pid, source, err);
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
