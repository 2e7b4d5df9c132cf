/* SPDX-License-Identifier: MPL-2.0 */
/* The kinds of guests in the unit tests: the program's own, and one that is very different. */
#include <stddef.h>

#include "kind/pagevisor/pagevisor.h"
#include "kind/registry.h"
#include "unit/ledger_kind.h"

const struct kind *const all_kinds[] = {
	&pagevisor_kind,
	&ledger_kind,
	NULL,
};
