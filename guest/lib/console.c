/* SPDX-License-Identifier: MPL-2.0 */
/* The console: see console.h. */
#include "lib/console.h"

#include <stdbool.h>

#include <pagevisor/ports.h>

#include "arch/privileged.h"
#include "lib/format.h"
#include "pagemeta/spinlock.h"

struct log_ring log_ring;

static struct spinlock console_lock;
static uint32_t owner = MAX_CPUS; /* the CPU that took the console over; MAX_CPUS: none did */

static void log_append(const char *text, size_t length)
{
	uint64_t head = log_ring.head;

	for (size_t i = 0; i < length; i++)
		log_ring.text[(head + i) % LOG_TEXT_SIZE] = text[i];
	/* Release: pairs with the host's acquire, which then finds the bytes. */
	__atomic_store_n(&log_ring.head, head + length, __ATOMIC_RELEASE);
}

/* Does not read the UART's line status: an emulated UART is always ready, and each read is an exit. */
static void write_out(const char *text, size_t length)
{
	log_append(text, length);
	privileged_write_string(PORT_SERIAL, text, length);
}

void console_take_over(void)
{
	uint32_t none = MAX_CPUS;
	uint32_t cpu = this_cpu_index();

	if (__atomic_compare_exchange_n(&owner, &none, cpu, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED) ||
	    none == cpu)
		return;
	/* Another CPU panicked first; its report says more than a second one. */
	for (;;)
		privileged_halt();
}

void kvprintf(const char *format, va_list args)
{
	char line[CONSOLE_LINE_MAX];
	size_t length = format_text(line, sizeof(line), format, args);
	uint32_t taken_by = __atomic_load_n(&owner, __ATOMIC_RELAXED);
	bool locked = taken_by == MAX_CPUS;

	if (!locked && taken_by != this_cpu_index())
		return;
	if (locked)
		spin_lock(&console_lock);
	write_out(line, length);
	if (locked)
		spin_unlock(&console_lock);
}

void kprintf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	kvprintf(format, args);
	va_end(args);
}
