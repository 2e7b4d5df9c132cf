/* SPDX-License-Identifier: MPL-2.0 */
/* The static branch: see static_branch.h. */
#include "static_branch.h"

#include <pagemeta_platform.h>

/* Bounds of the section, set by the linker. */
extern const struct branch_site __start_trace_sites[];
extern const struct branch_site __stop_trace_sites[];

#define JUMP_OPCODE 0xe9 /* jmp rel32, relative to the end of the instruction */

static const uint8_t no_operation[BRANCH_BYTES] = {0x0f, 0x1f, 0x44, 0x00, 0x00};

void static_branch_set(bool is_taken)
{
	for (const struct branch_site *site = __start_trace_sites; site < __stop_trace_sites;
	     site++) {
		uint8_t *code = (uint8_t *)(uintptr_t)&site->code + site->code;
		const uint8_t *target = (const uint8_t *)&site->target + site->target;
		int32_t distance = (int32_t)(target - (code + BRANCH_BYTES));
		uint8_t jump[BRANCH_BYTES] = {JUMP_OPCODE};

		__builtin_memcpy(jump + 1, &distance, sizeof(distance));
		platform_patch_text(code, is_taken ? jump : no_operation, BRANCH_BYTES);
	}
}
