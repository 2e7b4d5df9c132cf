/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The check of a Linux guest: kind.check. Of a guest that runs it looks several times and reports what they all saw; of one
 * instant it looks once.
 */
#ifndef VMM_LINUX_LINUX_CHECK_H
#define VMM_LINUX_LINUX_CHECK_H

#include "kind/kind.h"

int linux_check(const struct guest *guest, enum check_rules rules, struct facts *summary,
		struct findings *findings, struct error *err);

#endif
