/* SPDX-License-Identifier: MPL-2.0 */
/* The console: serial port and log ring. Lines of different CPUs do not mix, but a panic interrupts. */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include <stdarg.h>
#include <stddef.h>

#include <pagevisor/console_lines.h>
#include <pagevisor/info.h>

extern struct log_ring log_ring;

/*
 * Prints up to CONSOLE_LINE_MAX characters. Understands %% %c %s %d %u %x %p with the length
 * modifiers l and z, a width, and zero padding.
 */
void kprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void kvprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

#define CONSOLE_LINE_MAX 256

/* From now on only this CPU prints, whoever held the console. For a panic. */
void console_take_over(void);

#endif
