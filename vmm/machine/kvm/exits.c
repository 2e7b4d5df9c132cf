/* SPDX-License-Identifier: MPL-2.0 */
/* Handles the exits of a vCPU (KVM api.rst, section 5), and describes those that end the run. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/elf/symbols.h"
#include "machine/kvm/kvm.h"
#include "machine/kvm/vcpu.h"

#define STRAY_NOTES_MAX 8

/* A symbol and the text that describe_place adds to it. */
#define PLACE_SIZE (SYMBOLS_TEXT_SIZE + 96)

/* The rip of a processor that KVM has reset after a triple fault (SVM): SDM 3A table 9-1. */
#define RESET_RIP 0xfff0

/* Writes those of "at rip 0x... (symbol+0x..), cr2 0x..." that KVM reports. */
static void describe_place(struct vcpu *vcpu, char *buffer, size_t size)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct error ignored;
	char place[SYMBOLS_TEXT_SIZE];

	if (KVM_CALL(vcpu->fd, KVM_GET_REGS, &regs, &ignored) < 0 ||
	    KVM_CALL(vcpu->fd, KVM_GET_SREGS, &sregs, &ignored) < 0) {
		snprintf(buffer, size, "at an unknown rip");
		return;
	}
	symbols_format(vcpu->board->symbols, regs.rip, place, sizeof(place));
	snprintf(buffer, size, "at rip %s, cr2 %#" PRIx64 "%s", place, (uint64_t)sregs.cr2,
		 regs.rip == RESET_RIP ? " (registers were reset by KVM)" : "");
}

__attribute__((format(printf, 2, 3))) static bool fault(struct vcpu *vcpu, const char *format, ...)
{
	struct vm_end end = {.outcome = VM_FAULTED};
	char what[128];
	char place[PLACE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	describe_place(vcpu, place, sizeof(place));
	error_set(&end.text, 0, "vCPU %u: %s %s", vcpu->index, what, place);
	end_latch_record(&vcpu->board->end, &end);
	return false;
}

/* Handles an access without a device: reads return all ones and writes are ignored. The first few are reported. */
static void note_stray(struct vcpu *vcpu, const char *kind, bool is_write, uint64_t address,
		       unsigned size)
{
	struct board *board = vcpu->board;
	char text[PLACE_SIZE + 128];
	char place[PLACE_SIZE];
	uint64_t earlier = __atomic_fetch_add(&board->stray_accesses, 1, __ATOMIC_RELAXED);

	if (earlier >= STRAY_NOTES_MAX)
		return;
	describe_place(vcpu, place, sizeof(place));
	snprintf(text, sizeof(text),
		 "vCPU %u: %u-byte %s %s %#" PRIx64 ", where there is no device, %s%s", vcpu->index,
		 size, kind, is_write ? "write to" : "read from", address, place,
		 earlier == STRAY_NOTES_MAX - 1 ? "; no more of these will be shown" : "");
	board->note(board->note_context, text);
}

static bool handle_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool is_write = run->io.direction == KVM_EXIT_IO_OUT;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		bool claimed =
			is_write ? io_bus_write(&vcpu->board->bus, run->io.port, data, run->io.size)
				 : io_bus_read(&vcpu->board->bus, run->io.port, data, run->io.size);

		if (!claimed)
			note_stray(vcpu, "port", is_write, run->io.port, run->io.size);
	}
	return true;
}

static bool handle_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (!run->mmio.is_write)
		memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
	note_stray(vcpu, "memory", run->mmio.is_write, run->mmio.phys_addr, run->mmio.len);
	return true;
}

bool vcpu_handle_exit(struct vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	const char *name = kvm_exit_name(run->exit_reason);

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return handle_io(vcpu);
	case KVM_EXIT_MMIO:
		return handle_mmio(vcpu);
	case KVM_EXIT_INTR:
		return true;
	case KVM_EXIT_SHUTDOWN:
		return fault(vcpu, "%s, a triple fault,", name);
	case KVM_EXIT_FAIL_ENTRY:
		return fault(vcpu, "%s, hardware reason %#" PRIx64 ",", name,
			     (uint64_t)run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		return fault(vcpu, "%s, suberror %u (%s),", name, run->internal.suberror,
			     kvm_internal_error_name(run->internal.suberror));
	case KVM_EXIT_SYSTEM_EVENT:
		return fault(vcpu, "%s, type %u,", name, run->system_event.type);
	default:
		return fault(vcpu, "%s, exit reason %u, which this VMM does not handle,", name,
			     run->exit_reason);
	}
}
