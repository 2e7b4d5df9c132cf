/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How many bytes of its console a guest may have shown each second: a token bucket that holds one second's worth. What
 * exceeds it is dropped and counted, so that a guest in a loop fills neither a log nor a terminal.
 */
#ifndef VMM_CONSOLE_LIMIT_H
#define VMM_CONSOLE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* An honest guest prints some kilobytes in all, a panic with its backtrace included. */
#define CONSOLE_RATE_DEFAULT (64 << 10)

struct console_limit {
	uint64_t rate;      /* bytes a second; 0: no limit */
	uint64_t tokens;    /* bytes that may still pass before the next refill */
	uint64_t filled_ns; /* up to when tokens have been given out */
	uint64_t dropped;   /* bytes */
};

void console_limit_init(struct console_limit *limit, uint64_t rate, uint64_t now_ns);

/* Whether a byte may pass; otherwise counts it as dropped. Reads the clock only when no token is left. */
bool console_limit_take(struct console_limit *limit);

/* Adds the tokens due since the last time. */
void console_limit_refill(struct console_limit *limit, uint64_t now_ns);

#endif
