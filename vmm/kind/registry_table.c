/* SPDX-License-Identifier: MPL-2.0 */
/* The kinds of guests that this program knows: to add one, add its line. */
#include <stddef.h>

#include "kind/linux/linux.h"
#include "kind/pagevisor/pagevisor.h"
#include "kind/registry.h"

const struct kind *const all_kinds[] = {
	&pagevisor_kind,
	&linux_kind,
	NULL,
};
