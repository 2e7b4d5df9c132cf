/* SPDX-License-Identifier: MPL-2.0 */
/* Assertions on layouts that guest and host share: a struct that drifts fails the build. C++ can read them, too. */
#ifndef PAGEVISOR_ABI_H
#define PAGEVISOR_ABI_H

#include <stddef.h>

#ifdef __cplusplus
#define ABI_ASSERT(condition, text) static_assert(condition, text)
#else
#define ABI_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define ABI_OFFSET(type, field, offset)                                                            \
	ABI_ASSERT(offsetof(type, field) == (offset), #type ": offset of " #field " is ABI")
#define ABI_SIZE(type, size) ABI_ASSERT(sizeof(type) == (size), #type ": size is ABI")

#endif
