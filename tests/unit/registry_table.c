/* SPDX-License-Identifier: MPL-2.0 */
/* The kinds of guests that the unit tests know: the program's own, and one that is nothing like them. */
#include <stddef.h>

#include "kind/pagevisor/pagevisor.h"
#include "kind/registry.h"
#include "unit/ledger_kind.h"

const struct kind *const all_kinds[] = {
	&pagevisor_kind,
	&ledger_kind,
	NULL,
};
