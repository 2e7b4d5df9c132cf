/* SPDX-License-Identifier: MPL-2.0 */
/* A limit for a guest's console: see console_limit.h. */
#include "machine/device/console_limit.h"

#include "base/clock.h"

/* Tokens come in that many portions a second. */
#define REFILLS_PER_SECOND 4

void console_limit_init(struct console_limit *limit, uint64_t rate, uint64_t now_ns)
{
	*limit = (struct console_limit){.rate = rate, .tokens = rate, .filled_ns = now_ns};
}

void console_limit_refill(struct console_limit *limit, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - limit->filled_ns;

	if (passed_ns >= NS_PER_S) {
		limit->tokens = limit->rate;
		limit->filled_ns = now_ns;
		return;
	}
	uint64_t due = (uint64_t)((unsigned __int128)passed_ns * limit->rate / NS_PER_S);

	/* Not less: a flood would be shown as single bytes, each on a line of its own. */
	if (due == 0 || due < limit->rate / REFILLS_PER_SECOND)
		return;
	limit->tokens = due < limit->rate - limit->tokens ? limit->tokens + due : limit->rate;
	limit->filled_ns = now_ns;
}

bool console_limit_take(struct console_limit *limit)
{
	if (limit->rate == 0)
		return true;
	if (limit->tokens == 0)
		console_limit_refill(limit, clock_now_ns());
	if (limit->tokens == 0) {
		limit->dropped++;
		return false;
	}
	limit->tokens--;
	return true;
}
