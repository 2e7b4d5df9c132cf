/* SPDX-License-Identifier: MPL-2.0 */
/* What looks hold for broken: see suspects.h. */
#include "kind/linux/check/suspects.h"

#include <string.h>

void suspects_add(struct suspects *suspects, const char *rule, uint64_t pfn, const char *expected,
		  const char *found)
{
	suspects->total++;
	if (suspects->count == SUSPECTS_MAX)
		return;
	struct suspect *to = &suspects->list[suspects->count++];

	*to = (struct suspect){.finding = {.rule = rule}, .looks = 1};
	if (pfn != SUSPECT_NO_FRAME) {
		to->finding.has_frame = true;
		to->finding.frame = paddr(pfn * PAGE_SIZE);
	}
	strncpy(to->finding.expected, expected, sizeof(to->finding.expected) - 1);
	strncpy(to->finding.found, found, sizeof(to->finding.found) - 1);
}

static bool is_same(const struct finding *one, const struct finding *other)
{
	return one->rule == other->rule && one->has_frame == other->has_frame &&
	       one->frame.addr == other->frame.addr &&
	       strcmp(one->expected, other->expected) == 0 && strcmp(one->found, other->found) == 0;
}

void suspects_confirm(struct suspects *now, const struct suspects *before)
{
	for (unsigned i = 0; i < now->count; i++)
		for (unsigned other = 0; other < before->count; other++)
			if (is_same(&now->list[i].finding, &before->list[other].finding)) {
				now->list[i].looks = before->list[other].looks + 1;
				break;
			}
}

unsigned suspects_unsettled(const struct suspects *suspects, unsigned looks)
{
	unsigned unsettled = 0;

	for (unsigned i = 0; i < suspects->count; i++)
		unsettled += suspects->list[i].looks < looks;
	return unsettled;
}

void suspects_report(const struct suspects *suspects, unsigned looks, struct findings *findings)
{
	for (unsigned i = 0; i < suspects->count; i++)
		if (suspects->list[i].looks >= looks)
			findings_add(findings, &suspects->list[i].finding);
	/* None of those that found no place was looked at again. */
	if (looks == 1)
		findings->total += suspects->total - suspects->count;
}
