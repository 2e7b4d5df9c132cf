/* SPDX-License-Identifier: MPL-2.0 */
/* Counts returns of KVM_RUN, and reads KVM's own counts: see exits_counts.h. */
#include "tests/bench/exits_counts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <pagevisor/layout.h>
#include <pagevisor/ports.h>

#define DESCRIPTORS_MAX 256 /* of one kind of statistics */

/* One of KVM's counts. */
struct count {
	int fd;
	off_t offset; /* 0: it is not there */
};

/* The newest VM. Its vCPUs are added before they run, by the thread that creates them. */
static struct {
	unsigned cpus;
	struct {
		int fd;
		const struct kvm_run *run;
		struct count exits;
	} vcpus[MAX_CPUS];
	struct count tlb_flushes;
	uint64_t returns; /* relaxed: counts only */
	uint64_t bells;
} vm;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

/* Finds a count among the statistics of a VM or a vCPU. */
static struct count find_count(int fd, const char *name)
{
	struct count found = {.fd = __real_ioctl(fd, KVM_GET_STATS_FD, NULL)};
	struct kvm_stats_header header;

	if (found.fd < 0 || pread(found.fd, &header, sizeof(header), 0) != sizeof(header) ||
	    header.num_desc > DESCRIPTORS_MAX)
		return found;
	const size_t size = sizeof(struct kvm_stats_desc) + header.name_size;
	char *all = calloc(header.num_desc, size);

	if (all && pread(found.fd, all, header.num_desc * size, header.desc_offset) ==
			   (ssize_t)(header.num_desc * size))
		for (unsigned i = 0; i < header.num_desc; i++) {
			const struct kvm_stats_desc *desc = (const void *)(all + i * size);

			if (strncmp(desc->name, name, header.name_size) == 0)
				found.offset = (off_t)header.data_offset + desc->offset;
		}
	free(all);
	return found;
}

static uint64_t read_count(const struct count *count)
{
	uint64_t value = 0;

	if (count->offset &&
	    pread(count->fd, &value, sizeof(value), count->offset) != sizeof(value))
		value = 0;
	return value;
}

static void add_vcpu(int fd)
{
	void *run = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0);

	vm.vcpus[vm.cpus].fd = fd;
	vm.vcpus[vm.cpus].run = run == MAP_FAILED ? NULL : run;
	vm.vcpus[vm.cpus++].exits = find_count(fd, "exits");
}

/* Forgets the VM before, which has ended. */
static void begin_vm(int fd)
{
	for (unsigned i = 0; i < vm.cpus; i++) {
		if (vm.vcpus[i].run)
			munmap((void *)(uintptr_t)vm.vcpus[i].run, (size_t)sysconf(_SC_PAGESIZE));
		close(vm.vcpus[i].exits.fd);
	}
	if (vm.cpus > 0)
		close(vm.tlb_flushes.fd);
	vm.cpus = 0;
	vm.tlb_flushes = find_count(fd, "remote_tlb_flush");
}

static bool is_bell(int fd)
{
	for (unsigned i = 0; i < vm.cpus; i++) {
		const struct kvm_run *run = vm.vcpus[i].run;

		if (vm.vcpus[i].fd == fd)
			return run && run->exit_reason == KVM_EXIT_IO &&
			       run->io.port == PORT_KEEPER_BELL;
	}
	return false;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;

	va_start(args, request);
	void *argument = va_arg(args, void *);

	va_end(args);
	int result = __real_ioctl(fd, request, argument);

	if (request == KVM_CREATE_VM && result >= 0)
		begin_vm(result);
	if (request == KVM_CREATE_VCPU && result >= 0 && vm.cpus < MAX_CPUS)
		add_vcpu(result);
	if (request == KVM_RUN) {
		__atomic_fetch_add(&vm.returns, 1, __ATOMIC_RELAXED);
		if (result == 0 && is_bell(fd))
			__atomic_fetch_add(&vm.bells, 1, __ATOMIC_RELAXED);
	}
	return result;
}

struct exits_counts exits_counts_read(void)
{
	struct exits_counts counts = {
		.returns = __atomic_load_n(&vm.returns, __ATOMIC_RELAXED),
		.bells = __atomic_load_n(&vm.bells, __ATOMIC_RELAXED),
		.tlb_flushes = read_count(&vm.tlb_flushes),
	};

	for (unsigned i = 0; i < vm.cpus; i++)
		counts.kvm_exits += read_count(&vm.vcpus[i].exits);
	return counts;
}

bool exits_are_counted_by_kvm(void)
{
	return vm.tlb_flushes.offset && vm.cpus > 0 && vm.vcpus[0].exits.offset;
}
