/* SPDX-License-Identifier: MPL-2.0 */
/* Assertions on layouts that guest and host share: a struct that drifts fails the build. */
#ifndef PAGEVISOR_ABI_H
#define PAGEVISOR_ABI_H

#include <stddef.h>

#define ABI_OFFSET(type, field, offset)                                                            \
	_Static_assert(offsetof(type, field) == (offset), #type ": offset of " #field " is ABI")
#define ABI_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type ": size is ABI")

#endif
