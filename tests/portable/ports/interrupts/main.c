/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Interrupt handlers that allocate and drop frames, on a CPU that is in the middle of doing the same. At the end no
 * frame is lost and every slot is right. Exits with 0 if all went well. Usage: interrupts INTERRUPTS
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "pagemeta/frame_put.h"
#include "pagemeta/frame_reader.h"
#include "port.h"

#define HELD      400 /* frames; more than a CPU's cache, so that the depot is used, too */
#define PERIOD_US 50

bool interrupts_masked;
bool interrupt_pending;
bool in_interrupt;

struct plain_meta {
	uint64_t number;
};
META_TYPE(plain);

/* A frame that holds another: its drop goes through the queue of drops. */
struct holder_meta {
	uint64_t held; /* address of the frame */
};

static uint64_t held_dropped;

static void holder_drop(void *meta, struct frame_reader *bytes)
{
	const struct holder_meta *holder = meta;
	frame_t held = {frame_to_meta(paddr(holder->held))};

	(void)bytes;
	frame_put(held);
	held_dropped++;
}

META_TYPE(holder, .on_drop = holder_drop);

/* Frames held by the task or by the handler. */
struct holding {
	frame_t frames[HELD];
	uint64_t next;
	uint64_t steps;
};

static frame_t new_holder(uint64_t number)
{
	const struct plain_meta plain = {.number = number};
	frame_t held = frame_alloc(plain, &plain);

	if (!held.slot)
		return FRAME_NONE;

	const struct holder_meta holder = {.held = frame_paddr(held).addr};
	frame_t frame = frame_alloc(holder, &holder);

	if (!frame.slot)
		frame_put(held);
	return frame;
}

/* Takes a block of frames and gives it back. There may be none. */
static void use_a_block(void)
{
	const uint64_t frames = 512;
	pfn_t block;

	if (frame_alloc_take(frames, frames, &block))
		frame_alloc_give(block, frames);
}

/* Replaces the frame at the next place by a new one. */
static void step(struct holding *holding)
{
	if (holding->steps % 8 == 0)
		use_a_block();

	const struct plain_meta plain = {.number = holding->steps};
	frame_t *place = &holding->frames[holding->next];

	holding->next = (holding->next + 1) % HELD;
	holding->steps++;
	if (place->slot)
		frame_put(*place);
	*place = holding->steps % 3 ? frame_alloc(plain, &plain) : new_holder(holding->steps);
	need(place->slot, "no free frame");
}

static void drop_all(struct holding *holding)
{
	for (uint64_t i = 0; i < HELD; i++)
		if (holding->frames[i].slot)
			frame_put(holding->frames[i]);
}

static struct holding of_task, of_handler;
static uint64_t interrupts;

void interrupt(void)
{
	in_interrupt = true;
	for (unsigned i = 0; i < 40; i++)
		step(&of_handler);
	interrupts++;
	in_interrupt = false;
}

static void on_signal(int number)
{
	(void)number;
	if (in_interrupt || interrupts_masked)
		__atomic_store_n(&interrupt_pending, true, __ATOMIC_RELAXED);
	else
		interrupt();
}

static void set_timer(long period_us)
{
	const struct itimerval timer = {
		.it_interval.tv_usec = period_us,
		.it_value.tv_usec = period_us,
	};

	need(setitimer(ITIMER_REAL, &timer, NULL) == 0, "no timer");
}

/* All frames must be free, in the allocator's lists. */
static void count_frames(void)
{
	struct frame_alloc_stats stats;
	uint64_t frames;

	frame_alloc_merge();
	frame_alloc_read_stats(&stats);
	frames = stats.cached + stats.parked;
	for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
		frames += stats.blocks[order] << order;
	need(frames == stats.managed, "frames were lost");
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;

	port_init();
	frame_alloc_init(&port_array.partition);
	need(sigaction(SIGALRM, &action, NULL) == 0, "no handler");
	set_timer(PERIOD_US);
	while (__atomic_load_n(&interrupts, __ATOMIC_RELAXED) < wanted)
		step(&of_task);
	set_timer(0);
	drop_all(&of_task);
	drop_all(&of_handler);
	count_frames();
	need(held_dropped > 0, "no frame was dropped with what it held");
	port_check();
	printf("interrupts: enough of them, no frame is lost\n");
	return EXIT_SUCCESS;
}
