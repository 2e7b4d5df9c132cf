/* SPDX-License-Identifier: MPL-2.0 */
/* A bound on what a guest's asks cost: see ask_budget.h. */
#include "manage/ask_budget.h"

uint64_t ask_budget_open_ns(const struct ask_budget *budget, uint64_t now_ns)
{
	return budget->paid_ns > now_ns + ASK_SAVED_NS ? budget->paid_ns - ASK_SAVED_NS : now_ns;
}

void ask_budget_spend(struct ask_budget *budget, uint64_t now_ns, uint64_t cpu_ns)
{
	const uint64_t most = now_ns + ASK_SAVED_NS + ASK_WAIT_MAX_NS;
	uint64_t from = budget->paid_ns > now_ns ? budget->paid_ns : now_ns;

	budget->paid_ns = cpu_ns < (most - from) / ASK_SHARE ? from + cpu_ns * ASK_SHARE : most;
}
