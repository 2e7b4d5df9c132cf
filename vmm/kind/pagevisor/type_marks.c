/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How this kind's BTF marks metadata types (pagevisor/type.h). A file of its own, because the build's btf_keep needs
 * it, too.
 */
#include <pagevisor/slot.h>
#include <pagevisor/type.h>

#include "kind/pagevisor/type_read.h"

const struct type_marks pagevisor_type_marks = {
	.prefix = TYPE_LAYOUT_PREFIX,
	.shared_types = {TYPE_SHARED_U32, TYPE_SHARED_U64},
	.size_max = SLOT_STORAGE_SIZE,
};
