/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The few privileged operations that the kernel needs: done directly in ring 0, through the gate in ring 3. Nothing
 * else in the kernel depends on the ring. Port I/O needs no gate: the TSS allows it.
 */
#ifndef GUEST_PRIVILEGED_H
#define GUEST_PRIVILEGED_H

#include <stddef.h>
#include <stdint.h>

#include "arch/cpu.h"
#include "arch/gate_numbers.h"

/* Stops this processor; interrupts are off, so only the VMM can end it. May return at once. */
static inline void privileged_halt(void)
{
	if (kernel_ring == 0)
		__asm__ volatile("hlt" ::: "memory");
	else
		__asm__ volatile("int %0" ::"i"(GATE_VECTOR), "a"(GATE_HALT) : "memory");
}

/* Writes bytes to a port, all in one trip through the gate: an `out` in ring 3 costs as much as three in ring 0. */
static inline void privileged_write_string(uint16_t port, const char *text, size_t length)
{
	if (kernel_ring == 0)
		__asm__ volatile("rep outsb" : "+S"(text), "+c"(length) : "d"(port) : "memory");
	else
		__asm__ volatile("int %2"
				 : "+S"(text), "+c"(length)
				 : "i"(GATE_VECTOR), "a"(GATE_WRITE_STRING), "d"(port)
				 : "memory");
}

static inline void port_write8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline uint8_t port_read8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

#endif
