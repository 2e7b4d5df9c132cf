/* SPDX-License-Identifier: MPL-2.0 */
/* The positions of a guest's processors: see registers.h. */
#include "machine/qemu/registers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "qmp/vcpu_registers.h"

/* Adds a processor to the text if its whole description fits. */
static void add_place(const struct vcpu_registers *vcpu, const struct symbols *symbols,
		      char *buffer, size_t size)
{
	char name[SYMBOLS_TEXT_SIZE];
	size_t used = strlen(buffer);

	if (!vcpu->has_rip || !vcpu->has_cr2 || vcpu->is_halted)
		return;
	symbols_format(symbols, vcpu->registers.rip, name, sizeof(name));
	int length = snprintf(buffer + used, size - used, "%svCPU %u at rip %s, cr2 %#" PRIx64,
			      used ? "; " : "", vcpu->cpu, name, vcpu->registers.cr2);

	if (length < 0 || (size_t)length >= size - used)
		buffer[used] = '\0';
}

void registers_describe(const char *text, const struct symbols *symbols, char *buffer, size_t size)
{
	struct vcpu_registers vcpu;

	buffer[0] = '\0';
	while ((text = vcpu_registers_next(text, &vcpu)) != NULL)
		add_place(&vcpu, symbols, buffer, size);
}
