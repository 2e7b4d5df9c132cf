/* SPDX-License-Identifier: MPL-2.0 */
/* Formatted text into a buffer: the part of printf that a kernel needs. */
#ifndef GUEST_FORMAT_H
#define GUEST_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * As vsnprintf for %% %c %s %d %u %x %p, length modifiers l and z, width and zero padding. Returns
 * the number of characters written without the terminating NUL, at most size - 1. size is at
 * least 1.
 */
size_t format_text(char *buffer, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

#endif
