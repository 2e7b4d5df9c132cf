/* SPDX-License-Identifier: MPL-2.0 */
/* What the parts of a check share: see context.h. */
#include "kind/pagevisor/check/context.h"

#include <stdarg.h>
#include <stdio.h>

bool check_read(const struct check *check, uint64_t pa, void *buffer, size_t size)
{
	return guest_memory_copy(check->memory, paddr(pa), buffer, size) == 0;
}

bool check_read_slot(const struct check *check, uint64_t frame, struct meta_slot *slot)
{
	return check_read(check, check->view->array.addr + frame * SLOT_SIZE, slot, sizeof(*slot));
}

struct check_text check_text(const char *format, ...)
{
	struct check_text text;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text.text, sizeof(text.text), format, arguments);
	va_end(arguments);
	return text;
}

void check_finding(struct check *check, const char *rule, uint64_t frame, const char *expected,
		   const char *found)
{
	struct finding finding = {.rule = rule};

	if (frame != FRAME_NUMBER_NONE) {
		finding.has_frame = true;
		finding.frame = pfn_to_paddr(pfn(frame));
	}
	snprintf(finding.expected, sizeof(finding.expected), "%s", expected);
	snprintf(finding.found, sizeof(finding.found), "%s", found);
	findings_add(check->findings, &finding);
}

struct check_text check_describe(const struct check *check, const struct meta_slot *slot)
{
	uint32_t refs = slot_state_refs(slot->state);
	int type = guest_view_type(check->view, slot->vtable_ptr);

	return check_text("%s%s%s", ref_class_name(ref_classify(refs)), ref_in_use(refs) ? " " : "",
			  !ref_in_use(refs) ? ""
			  : type < 0        ? "of no type"
					    : check->view->types[type].name);
}
