/* SPDX-License-Identifier: MPL-2.0 */
/* Registers of vCPUs: see vcpu_registers.h. */
#include "source/qemu/vcpu_registers.h"

#include <stdlib.h>
#include <string.h>

#define NAME   "CR3="
#define DIGITS 16

unsigned vcpu_registers_parse(const char *text, uint64_t *cr3, unsigned max)
{
	unsigned count = 0;

	while (count < max && (text = strstr(text, NAME)) != NULL) {
		text += strlen(NAME);
		/* Outside of long mode it has eight. */
		if (strspn(text, "0123456789abcdef") == DIGITS)
			cr3[count++] = strtoull(text, NULL, 16);
	}
	return count;
}

unsigned vcpu_registers_cr3(struct qmp *qmp, uint64_t *cr3, unsigned max)
{
	struct error ignored;
	unsigned count;
	char *text;

	if (qmp_execute_human(qmp, "info registers -a", &text, &ignored) < 0)
		return 0;
	count = vcpu_registers_parse(text, cr3, max);
	free(text);
	return count;
}
