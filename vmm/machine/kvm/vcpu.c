/* SPDX-License-Identifier: MPL-2.0 */
/* The life of a virtual processor: see vcpu.h. exits.c handles its exits. */
#include "machine/kvm/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "machine/kvm/cpu_state.h"
#include "machine/kvm/kvm.h"
#include "sandbox/sandbox.h"

#define KICK_SIGNAL SIGUSR1

/* A thread that was kicked out of a wait other than KVM_RUN is kicked again after this time. */
#define KICK_AGAIN_NS (100 * NS_PER_MS)

/* How soon the end of a thread is noticed. */
#define JOIN_POLL_NS (NS_PER_MS / 2)

static struct kvm_cpuid2 *cpuid_create(struct error *err)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));

	if (!cpuid)
		error_set(err, -ENOMEM, "no memory for the CPUID table");
	else
		cpuid->nent = CPUID_ENTRIES_MAX;
	return cpuid;
}

/* Frees the table if KVM refuses it, else the one before. */
static int take_cpuid(struct vcpu *vcpu, struct kvm_cpuid2 *cpuid, struct error *err)
{
	int result = KVM_CALL(vcpu->fd, KVM_SET_CPUID2, cpuid, err);

	free(result < 0 ? cpuid : vcpu->cpuid);
	if (result >= 0)
		vcpu->cpuid = cpuid;
	return result < 0 ? result : 0;
}

static int set_supported_cpuid(struct vcpu *vcpu, struct error *err)
{
	struct kvm_cpuid2 *cpuid = cpuid_create(err);

	if (!cpuid)
		return -ENOMEM;
	int result = KVM_CALL(vcpu->board->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid, err);

	if (result < 0) {
		free(cpuid);
		return result;
	}
	cpu_state_cpuid(cpuid, vcpu->index, vcpu->board->cpu_count);
	return take_cpuid(vcpu, cpuid, err);
}

int vcpu_set_cpuid(struct vcpu *vcpu, const struct kvm_cpuid_entry2 *entries, unsigned count,
		   struct error *err)
{
	if (count > CPUID_ENTRIES_MAX)
		return error_set(err, -E2BIG, "a CPUID table of %u entries", count);
	struct kvm_cpuid2 *cpuid = cpuid_create(err);

	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = count;
	memcpy(cpuid->entries, entries, count * sizeof(entries[0]));
	return take_cpuid(vcpu, cpuid, err);
}

static int map_run(struct vcpu *vcpu, struct error *err)
{
	int size = KVM_CALL(vcpu->board->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0, err);

	if (size < 0)
		return size;
	void *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);

	if (run == MAP_FAILED)
		return error_set(err, -errno, "cannot map vCPU %u: %s", vcpu->index,
				 strerror(errno));
	vcpu->run = run;
	vcpu->run_size = (size_t)size;
	return 0;
}

int vcpu_create(struct vcpu *vcpu, struct board *board, unsigned index, struct error *err)
{
	*vcpu = (struct vcpu){.board = board, .index = index};
	int result = KVM_CALL(board->vm_fd, KVM_CREATE_VCPU, index, err);

	if (result < 0)
		return result;
	vcpu->fd = result;
	result = map_run(vcpu, err);
	if (result < 0)
		goto close;
	result = set_supported_cpuid(vcpu, err);
	if (result < 0)
		goto unmap;
	return 0;
unmap:
	munmap(vcpu->run, vcpu->run_size);
close:
	close(vcpu->fd);
	return result;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
	free(vcpu->cpuid);
}

static void run_failed(struct vcpu *vcpu, int error)
{
	struct vm_end end = {.outcome = VM_FAULTED};

	error_set(&end.text, 0, "vCPU %u: KVM_RUN: %s", vcpu->index, strerror(error));
	end_latch_record(&vcpu->board->end, &end);
}

/*
 * Enters the guest once. Returns 0; -EINTR if nothing is left to do for it, for it was kicked or waits for its SIPI; or
 * -ECANCELED if this vCPU cannot continue, and the end has been recorded.
 */
static int run_once(struct vcpu *vcpu)
{
	if (ioctl(vcpu->fd, KVM_RUN, 0) == 0)
		return vcpu_handle_exit(vcpu) ? 0 : -ECANCELED;
	if (errno == EINTR || errno == EAGAIN)
		return -EINTR;
	run_failed(vcpu, errno);
	return -ECANCELED;
}

/*
 * Before a pause counts as reached: an exit that was handled takes effect on registers and memory only when KVM is entered
 * again, and that may need more exits (api.rst, 5: KVM_EXIT_IO and KVM_EXIT_MMIO). A KVM_RUN that was interrupted has left
 * nothing to complete. Returns as run_once.
 */
static int complete_exits(struct vcpu *vcpu)
{
	int result;

	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELAXED);
	do
		result = run_once(vcpu);
	while (result == 0);
	return result;
}

static void *vcpu_thread(void *argument)
{
	struct vcpu *vcpu = argument;
	sigset_t kick_only;
	int result = -EINTR;

	sandbox_enter(SANDBOX_VCPU);
	sigemptyset(&kick_only);
	sigaddset(&kick_only, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kick_only, NULL);
	/* Acquire: pairs with the release in vm_stop. */
	while (result != -ECANCELED && !__atomic_load_n(&vcpu->board->stopping, __ATOMIC_ACQUIRE)) {
		if (!vm_pause_is_wanted(&vcpu->board->pause)) {
			result = run_once(vcpu);
			continue;
		}
		if (result == 0)
			result = complete_exits(vcpu);
		if (result != -ECANCELED)
			vm_pause_park(&vcpu->board->pause, &vcpu->run->immediate_exit);
	}
	vm_pause_leave(&vcpu->board->pause);
	return NULL;
}

static void on_kick(int signal)
{
	(void)signal; /* only its arrival matters */
}

int vcpu_start(struct vcpu *vcpu, struct error *err)
{
	const struct sigaction kick = {.sa_handler = on_kick};

	sigaction(KICK_SIGNAL, &kick, NULL);
	vm_pause_join(&vcpu->board->pause);
	int result = thread_start(&vcpu->thread, vcpu_thread, vcpu, err);

	if (result < 0)
		vm_pause_leave(&vcpu->board->pause);
	else
		vcpu->has_thread = true;
	return result;
}

void vcpu_kick(struct vcpu *vcpu)
{
	if (!vcpu->has_thread)
		return;
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELAXED);
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

/* A join with a time limit would wait on the wall clock, which may be set back. */
void vcpu_join(struct vcpu *vcpu)
{
	for (uint64_t kicked_ns = clock_now_ns(); vcpu->has_thread;) {
		if (pthread_tryjoin_np(vcpu->thread, NULL) == 0) {
			vcpu->has_thread = false;
		} else if (clock_now_ns() - kicked_ns < KICK_AGAIN_NS) {
			clock_sleep_ns(JOIN_POLL_NS);
		} else {
			vcpu_kick(vcpu);
			kicked_ns = clock_now_ns();
		}
	}
}
