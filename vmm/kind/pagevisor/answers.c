/* SPDX-License-Identifier: MPL-2.0 */
/* Reads the guest's answers: see answers.h. All of it is copied once, then validated. */
#include "kind/pagevisor/answers.h"

#include <errno.h>

#include <pagevisor/mailbox.h>
#include <pagevisor/panic.h>

#include "base/printable.h"

_Static_assert(PANIC_REGISTERS <= PANIC_REGISTERS_SHOWN, "all registers have a place");
_Static_assert(PANIC_BACKTRACE_MAX <= PANIC_FRAMES_SHOWN, "the whole backtrace has a place");

static int read_mailbox(const struct guest_view *view, const struct guest_memory *memory,
			struct mailbox *mailbox)
{
	if (!memory || !is_aligned(view->mailbox.addr, MAILBOX_LINE) ||
	    guest_memory_copy(memory, view->mailbox, mailbox, sizeof(*mailbox)) < 0)
		return -ENODATA;
	return mailbox->version == MAILBOX_VERSION && mailbox->size >= sizeof(*mailbox) ? 0
											: -ENODATA;
}

static void take_exception(const struct panic_record *record, struct guest_panic *panic)
{
	panic->is_exception = true;
	panic->vector = record->vector;
	panic->error_code = record->error_code;
	panic->register_count = PANIC_REGISTERS;
	for (unsigned i = 0; i < PANIC_REGISTERS; i++)
		panic->registers[i] =
			(struct panic_value){panic_register_name(i), record->registers[i]};
}

int answers_read_panic(const struct guest_view *view, const struct guest_memory *memory,
		       struct guest_panic *panic)
{
	struct mailbox mailbox;
	struct panic_record record;

	if (view->stage != STAGE_PANIC || read_mailbox(view, memory, &mailbox) < 0 ||
	    mailbox.panic_pa == 0 ||
	    guest_memory_copy(memory, paddr(mailbox.panic_pa), &record, sizeof(record)) < 0)
		return -ENODATA;
	if (record.kind <= PANIC_NONE || record.kind >= PANIC_KIND_COUNT ||
	    record.cpu >= MAX_CPUS || record.backtrace_count > PANIC_BACKTRACE_MAX)
		return -ENODATA;
	*panic = (struct guest_panic){.cpu = record.cpu, .frame_count = record.backtrace_count};
	_Static_assert(sizeof(panic->reason) == sizeof(record.reason), "reads no further");
	printable_copy(panic->reason, sizeof(panic->reason), record.reason);
	if (record.kind == PANIC_EXCEPTION)
		take_exception(&record, panic);
	for (unsigned i = 0; i < record.backtrace_count; i++)
		panic->frames[i] = record.backtrace[i];
	return 0;
}

int answers_read_progress(const struct guest_view *view, const struct guest_memory *memory,
			  uint64_t *done, uint64_t *total)
{
	struct mailbox mailbox;

	*total = view->max_paddr / PAGE_SIZE;
	if (*total == 0 || view->slot_count || read_mailbox(view, memory, &mailbox) < 0 ||
	    mailbox.filled_pa == 0 ||
	    guest_memory_copy(memory, paddr(mailbox.filled_pa), done, sizeof(*done)) < 0)
		return -ENODATA;
	if (*done > *total)
		*done = *total;
	return 0;
}
