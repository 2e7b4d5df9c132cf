/* SPDX-License-Identifier: MPL-2.0 */
/* The positions of a guest's processors: see registers.h. */
#include "machine/qemu/registers.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct place {
	unsigned cpu;
	uint64_t rip, cr2;
	bool has_rip, has_cr2, is_halted;
};

/* Finds the value after a name in a line, such as "RIP=00000000fffffff0". False: the line does not contain the name. */
static bool find_value(const char *line, size_t length, const char *name, uint64_t *value)
{
	const char *at = memmem(line, length, name, strlen(name));
	uint64_t number;

	if (!at || sscanf(at + strlen(name), "%16" SCNx64, &number) != 1)
		return false;
	*value = number;
	return true;
}

/* Takes the values of the current processor from a line. */
static void read_line(struct place *place, const char *line, size_t length)
{
	uint64_t value;

	/* In 32-bit mode the register is called EIP. */
	if (!place->has_rip && (find_value(line, length, "RIP=", &value) ||
				find_value(line, length, "EIP=", &value))) {
		place->rip = value;
		place->has_rip = true;
		place->is_halted = find_value(line, length, "HLT=", &value) && value == 1;
	}
	if (!place->has_cr2 && find_value(line, length, "CR2=", &value)) {
		place->cr2 = value;
		place->has_cr2 = true;
	}
}

/* Adds a processor to the text if its whole description fits. */
static void add_place(const struct place *place, const struct symbols *symbols, char *buffer,
		      size_t size)
{
	char name[SYMBOLS_TEXT_SIZE];
	size_t used = strlen(buffer);

	if (!place->has_rip || !place->has_cr2 || place->is_halted)
		return;
	symbols_format(symbols, place->rip, name, sizeof(name));
	int length = snprintf(buffer + used, size - used, "%svCPU %u at rip %s, cr2 %#" PRIx64,
			      used ? "; " : "", place->cpu, name, place->cr2);

	if (length < 0 || (size_t)length >= size - used)
		buffer[used] = '\0';
}

void registers_describe(const char *text, const struct symbols *symbols, char *buffer, size_t size)
{
	struct place place = {0};

	buffer[0] = '\0';
	while (*text) {
		size_t length = strcspn(text, "\n");
		unsigned cpu;

		if (sscanf(text, "CPU#%u", &cpu) == 1) {
			add_place(&place, symbols, buffer, size);
			place = (struct place){.cpu = cpu};
		}
		read_line(&place, text, length);
		text += length + (text[length] != '\0');
	}
	add_place(&place, symbols, buffer, size);
}
