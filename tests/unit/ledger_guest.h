/* SPDX-License-Identifier: MPL-2.0 */
/* A filled ledger and the guest that is found in it, for the suites whose fixture includes this. */
#ifndef TESTS_UNIT_LEDGER_GUEST_H
#define TESTS_UNIT_LEDGER_GUEST_H

#include "kind/guest.h"
#include "memory/rcu.h"
#include "unit/ledger_kind.h"

static struct ledger ledger;
static struct guest *guest;
static struct error err;

static const struct guest_hints anywhere;
static const struct guest_hints at_page = {.has_info = true, .info = {LEDGER_PAGE}};

static inline void setup(void)
{
	urcu_memb_register_thread();
	ledger_make(&ledger);
	ledger_fill(&ledger);
	guest = found_in(&ledger.memory, &anywhere);
}

static inline void teardown(void)
{
	guest_free(guest);
	ledger_free(&ledger);
	urcu_memb_unregister_thread();
}

#endif
