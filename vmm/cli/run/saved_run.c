/* SPDX-License-Identifier: MPL-2.0 */
/* What is kept beside the state of a machine: see saved_run.h. */
#include "cli/run/saved_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pagevisor/x86.h>

#include "memory/ram.h"

/* More than anybody needs; it keeps sums of times from wrapping around. */
#define TIME_MAX_NS (UINT64_C(1) << 62)

_Static_assert(VM_NAME_SIZE <= sizeof(((struct saved_run *)0)->name), "a name fits");

static void set_text(char *to, size_t size, const char *from)
{
	size_t length = strnlen(from, size - 1);

	memcpy(to, from, length);
	memset(to + length, 0, size - length);
}

/* Relative to nothing: whoever restores the VM may be elsewhere. */
static void set_kernel(struct saved_run *saved, const char *path)
{
	char whole[PATH_MAX];

	if (path)
		set_text(saved->kernel, sizeof(saved->kernel),
			 realpath(path, whole) ? whole : path);
}

void saved_run_make(struct saved_run *saved, const struct run_options *options,
		    const struct kernel_file *kernel, bool is_watched, unsigned ring)
{
	*saved = (struct saved_run){
		.version = SAVED_RUN_VERSION,
		.flags = (is_watched ? SAVED_RUN_IS_WATCHED : 0) |
			 (options->may_hang ? SAVED_RUN_MAY_HANG : 0),
		.cpus = options->guest.cpus,
		.ring = ring,
		.memory = options->guest.memory,
		.info_pa = is_watched ? kernel->image.info_pa.addr : 0,
		.seed = options->guest.seed,
		.operations = options->guest.operations,
		.time_ns = options->guest.time_ns,
		.timeout_ns = options->timeout_ns,
		.console_rate = options->console_rate,
		.target = options->target,
		.headroom = options->headroom,
		.trace = options->trace,
		.scans_per_second = options->scans_per_second,
		.kernel_sum = kernel->sum,
	};
	set_text(saved->name, sizeof(saved->name), options->name);
	set_text(saved->workload, sizeof(saved->workload), options->workload);
	set_kernel(saved, options->guest.kernel);
}

/* Whether it ends, and has nothing that a terminal would obey. */
static bool is_text(const char *text, size_t size)
{
	if (!memchr(text, 0, size))
		return false;
	for (; *text; text++)
		if (*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool is_possible(const struct saved_run *saved)
{
	return saved->memory >= VM_MEMORY_MIN && saved->memory <= VM_MEMORY_MAX &&
	       saved->memory % PAGE_SIZE == 0 && saved->cpus >= 1 && saved->cpus <= MAX_CPUS &&
	       (saved->ring == 0 || saved->ring == RING_USER) && saved->scans_per_second >= 1 &&
	       saved->scans_per_second <= SCANS_PER_SECOND_MAX && saved->time_ns <= TIME_MAX_NS &&
	       saved->timeout_ns <= TIME_MAX_NS && saved->target <= VM_MEMORY_MAX &&
	       saved->headroom <= VM_MEMORY_MAX && saved->target % PAGE_SIZE == 0 &&
	       memchr(saved->name, 0, sizeof(saved->name)) && vm_name_is_good(saved->name) &&
	       is_text(saved->workload, sizeof(saved->workload)) &&
	       memchr(saved->kernel, 0, sizeof(saved->kernel));
}

int saved_run_read(const struct machine_state *state, struct saved_run *saved, struct error *err)
{
	size_t size;
	const void *bytes = machine_part_find_any(state, MACHINE_PART_RUN, 0, &size);

	if (!bytes || size < sizeof(saved->version))
		return error_set(err, -ENOTSUP, "it does not say how its VM was run");
	memcpy(saved, bytes, size < sizeof(*saved) ? size : sizeof(*saved));
	if (saved->version != SAVED_RUN_VERSION)
		return error_set(
			err, -ENOTSUP,
			"what it says of its run has version %u, and this command reads %u",
			saved->version, SAVED_RUN_VERSION);
	if (size != sizeof(*saved) || !is_possible(saved))
		return error_set(err, -EPROTO, "what it says of its run cannot be");
	return 0;
}

void saved_run_options(const struct saved_run *saved, struct run_options *options)
{
	options->guest.kernel = saved->kernel[0] ? saved->kernel : NULL;
	options->guest.accel = ACCEL_KVM;
	options->guest.memory = saved->memory;
	options->guest.cpus = saved->cpus;
	options->guest.ring = (int)saved->ring;
	options->guest.seed = saved->seed;
	options->guest.operations = saved->operations;
	options->guest.time_ns = saved->time_ns;
	options->guest.append = "";
	options->name = saved->name;
	options->workload = saved->workload;
	options->timeout_ns = saved->timeout_ns;
	options->may_hang = saved->flags & SAVED_RUN_MAY_HANG;
	options->trace = saved->trace;
	options->scans_per_second = saved->scans_per_second;
	options->console_rate = saved->console_rate;
	options->target = saved->target;
	options->headroom = saved->headroom;
}

void saved_run_open_kernel(const struct saved_run *saved, struct kernel_file *kernel)
{
	struct error ignored;

	if (kernel_file_open(kernel, saved->kernel[0] ? saved->kernel : NULL, &ignored) < 0) {
		*kernel = (struct kernel_file){0};
	} else if (kernel->sum != saved->kernel_sum) {
		kernel_file_close(kernel);
		*kernel = (struct kernel_file){0};
	}
	kernel->sum = saved->kernel_sum;
	kernel->image.has_info = saved->flags & SAVED_RUN_IS_WATCHED;
	kernel->image.info_pa = paddr(saved->info_pa);
}
