/* SPDX-License-Identifier: MPL-2.0 */
/* The loops of hook_loops.h without hooks: the header included first replaces the platform's. */
#include "tests/bench/untraced/pagemeta_tracing.h"

#include "tests/bench/hook_loops.h"

void get_put_untraced(frame_t frame, uint32_t count)
{
	get_put_loop(frame, count);
}

void alloc_put_untraced(uint32_t count)
{
	alloc_put_loop(count);
}
