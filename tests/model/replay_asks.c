/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs the code of asks along traces of the model wanted.pml, step by step: replay.c does the same for the slot.
 *
 * Each CPU of the model is a coroutine that runs the real pagemeta/frame_ask.c and frame_parked.c, and the claim and
 * the reset of slot.h; the keeper is one that runs the real vmm/manage/keeper_words.c and the transitions of host_slot.h.
 * ask_steps.[ch] stop it before each access that is a step of the model. The next line of the trace says who continues,
 * with which access, and what the words hold afterwards. Any deviation is a divergence: exit status 1. How an allocation
 * ends is a step, too.
 *
 * Not compared: accesses that the model takes together, of which only the first is a step here (the loads in the loop of
 * frame_parked_walk_all and in is_given_up, give_up, the host's claim of a slot); what an ask needs, and the counters;
 * the ring at half of the time of waiting, for time passes only when the model says so; blocks that are put aside as one.
 * What stands in for the real thing (ask_actors.c): one list instead of the allocator's caches and buddy system, and the
 * keeper's loop, whose order of calls is that of keeper_serve with batches of one frame. So what a CPU takes more than it
 * needs is what its one list has; that it says so is frame_parked.c's, and frame_cache.c's order of both is copied.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/ask_actors.h"

#define STACK_SIZE 0x10000
#define LINE_MAX   256

/* The ticket before the first: they wrap around within a trace. */
#define TICKET_START UINT32_C(0xfffffffa)

enum model_state { MODEL_UNUSED, MODEL_HOST, MODEL_BUSY };
enum place { LISTED, PARKED, HAND };

/* The words according to one line, as they are printed. */
enum word {
	WAITING,
	ASKED,
	ANSWERED,
	RELEASED,
	SERVES,
	GAVE_UP,
	BELL,
	SEEN,
	WALKING,
	STATE_0,
	PLACE_0,
	STATE_1,
	PLACE_1,
	HANDS,
	WORDS,
};

static const char *const word_names[WORDS] = {
	"waiting", "asked",   "answered", "released", "keeper",  "gave_up", "the bell",
	"seen",    "walking", "state 0",  "place 0",  "state 1", "place 1", "a handful"};

struct line {
	unsigned actor, frame, words[WORDS];
	char access[32];
};

static const struct {
	const char *name;
	bool hinted, stuck, comes, handful;
} configurations[] = {
	{.name = "PLAIN"},
	{.name = "POLLING"},
	{.name = "HINTED", .hinted = true},
	{.name = "STUCK", .stuck = true},
	{.name = "LEAVES"},
	{.name = "COMES", .comes = true},
	{.name = "HANDFUL", .comes = true, .handful = true},
};

struct asks asks;

static struct meta_slot slots[FIRST + MODEL_FRAMES];
static uint8_t stacks[KEEPER + 1][STACK_SIZE] __attribute__((aligned(64)));

static const char *file_name;
static unsigned line_number;
static char line_text[LINE_MAX];

/* Defects planted in the code, to see that they are noticed: their names are in main. */
static const char *mutant = "";

struct meta_slot *host_meta_base = slots;
uint8_t *host_linear_base;
__thread unsigned host_cpu;
uint64_t meta_max_paddr = (FIRST + MODEL_FRAMES) * PAGE_SIZE;
struct frame_pool frame_pool;
struct managed_ranges frame_managed;
struct keeper_page frame_keeper;

bool is_mutant(const char *name)
{
	return strcmp(mutant, name) == 0;
}

_Noreturn void diverge(const char *format, ...)
{
	va_list arguments;

	printf("%s:%u: %s\n    diverges: ", file_name, line_number, line_text);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	exit(1);
}

_Noreturn void slot_abort(const struct meta_slot *slot, const char *what, uint64_t state)
{
	(void)slot;
	diverge("the library aborts: %s (state %#" PRIx64 ")", what, state);
}

_Noreturn void platform_abort(const char *what, paddr_t frame, uint64_t state)
{
	(void)frame;
	diverge("the library aborts: %s (state %#" PRIx64 ")", what, state);
}

/* The guest's memory: the keeper's page alone. */

const struct memory_map *guest_memory_map(const struct guest_memory *memory)
{
	(void)memory;
	return NULL;
}

void guest_memory_read_begin(void)
{
}

void guest_memory_read_end(void)
{
}

void *memory_map_at(const struct memory_map *map, paddr_t pa, uint64_t length)
{
	(void)map;
	if (pa.addr != PAGE_SIZE || length != sizeof(frame_keeper))
		diverge("the keeper looks for its page elsewhere");
	return &frame_keeper;
}

void control_host_wrote(const struct control *control, paddr_t base, uint64_t length)
{
	(void)control;
	(void)base;
	(void)length;
}

static void actor_main(void)
{
	struct actor *self = &asks.actors[asks.running];

	for (;;) {
		self->run();
		self->run = NULL;
		swapcontext(&self->context, &asks.scheduler);
	}
}

static void resume(unsigned actor)
{
	asks.running = actor;
	host_cpu = actor - 1;
	swapcontext(&asks.scheduler, &asks.actors[actor].context);
	asks.running = 0;
}

static unsigned state_of(unsigned frame)
{
	switch (slot_state_refs(slot_of(frame)->state)) {
	case REF_UNUSED:
		return MODEL_UNUSED;
	case REF_HOST:
		return MODEL_HOST;
	default:
		return MODEL_BUSY;
	}
}

static unsigned place_of(unsigned frame)
{
	bool is_parked = slot_of(frame)->vtable_ptr == FREE_TAG_PARKED;

	if (asks.is_listed[frame] && is_parked)
		diverge("a frame is in two places");
	return asks.is_listed[frame] ? LISTED : is_parked ? PARKED : HAND;
}

static void compare(const struct line *line)
{
	const unsigned have[WORDS] = {
		[WAITING] = frame_keeper.waiting,
		[ASKED] = frame_keeper.asked - TICKET_START,
		[ANSWERED] = frame_keeper.answered - TICKET_START,
		[RELEASED] = frame_keeper.released,
		[SERVES] = frame_keeper.keeper,
		[GAVE_UP] = frame_keeper.gave_up - TICKET_START,
		[BELL] = asks.bell,
		[SEEN] = frame_pool.seen,
		[WALKING] = frame_pool.is_walking,
		[STATE_0] = state_of(0),
		[PLACE_0] = place_of(0),
		[STATE_1] = state_of(1),
		[PLACE_1] = place_of(1),
		[HANDS] = frame_alloc_has_handful(),
	};

	for (unsigned i = 0; i < WORDS; i++)
		if (have[i] != line->words[i])
			diverge("%s is %u", word_names[i], have[i]);
	if (keeper_words_are_awaited(&asks.words) != (frame_keeper.waiting != 0))
		diverge("the keeper does not see who waits");
}

static void follow(const struct line *line)
{
	if (line->actor < 1 || line->actor > KEEPER)
		diverge("no actor %u", line->actor);

	struct actor *actor = &asks.actors[line->actor];

	if (!actor->run) {
		actor->run = line->actor == KEEPER ? keeper_operation(line->access)
						   : run_allocation;
		resume(line->actor);
	}
	if (strcmp(actor->access, "turn") == 0 &&
	    (strcmp(line->access, "wake") == 0 || strcmp(line->access, "time_out") == 0))
		actor->gives_up = strcmp(line->access, "time_out") == 0;
	else if (!actor->run || strcmp(actor->access, line->access) != 0)
		diverge("the code's next access is %s", actor->run ? actor->access : "none");
	if (strcmp(line->access, "release_slot") == 0 && actor->frame != line->frame)
		diverge("the keeper releases frame %u", actor->frame);
	if (strcmp(line->access, "claim") == 0)
		actor->frame = line->frame;
	resume(line->actor);
	compare(line);
	if (strcmp(line->access, "pop_frame") == 0 && actor->frame != line->frame)
		diverge("the allocator's frame is %u", actor->frame);
}

static void trace_begin(void)
{
	memset(slots, 0, sizeof(slots));
	frame_keeper = (struct keeper_page){
		.asked = TICKET_START, .answered = TICKET_START, .gave_up = TICKET_START};
	memset(&frame_pool, 0, sizeof(frame_pool));
	frame_parked_init();
	frame_managed =
		(struct managed_ranges){.count = 1, .ranges = {{FIRST, FIRST + MODEL_FRAMES}}};
	for (unsigned i = 0; i < MODEL_FRAMES; i++) {
		slot_of(i)->state = slot_state(0, REF_UNUSED);
		asks.is_listed[i] = true;
	}
	asks.bell = false;
	steps_begin();
	keeper_words_begin(&asks.words, NULL, NULL, paddr(PAGE_SIZE));
	asks.words.answered = TICKET_START;
	if (!asks.comes)
		keeper_words_announce(&asks.words, KEEPER_SERVES);
	for (unsigned i = 1; i <= KEEPER; i++) {
		struct actor *actor = &asks.actors[i];

		*actor = (struct actor){.access = ""};
		getcontext(&actor->context);
		actor->context.uc_stack.ss_sp = stacks[i];
		actor->context.uc_stack.ss_size = STACK_SIZE;
		makecontext(&actor->context, actor_main, 0);
	}
}

static bool read_line(struct line *line)
{
	unsigned *w = line->words;

	return sscanf(line_text, "@ %u %31s %u %u %u %u %u %u %u %u %u %u %u %u %u %u %u",
		      &line->actor, line->access, &line->frame, &w[WAITING], &w[ASKED],
		      &w[ANSWERED], &w[RELEASED], &w[SERVES], &w[GAVE_UP], &w[BELL], &w[SEEN],
		      &w[WALKING], &w[STATE_0], &w[PLACE_0], &w[STATE_1], &w[PLACE_1],
		      &w[HANDS]) == 3 + WORDS;
}

/* Returns the number of steps in the trace. */
static uint64_t replay(const char *path)
{
	FILE *file = fopen(path, "r");
	uint64_t steps = 0;

	if (!file) {
		perror(path);
		exit(2);
	}
	file_name = path;
	line_number = 0;
	trace_begin();
	while (fgets(line_text, sizeof(line_text), file)) {
		struct line line;

		line_number++;
		line_text[strcspn(line_text, "\n")] = '\0';
		if (line_text[0] != '@')
			continue;
		if (!read_line(&line))
			diverge("the line is not one of a trace");
		follow(&line);
		steps++;
	}
	fclose(file);
	return steps;
}

static bool configure(const char *name)
{
	for (size_t i = 0; i < sizeof(configurations) / sizeof(configurations[0]); i++)
		if (strcmp(configurations[i].name, name) == 0) {
			asks.hinted = configurations[i].hinted;
			asks.stuck = configurations[i].stuck;
			asks.comes = configurations[i].comes;
			asks.handful = configurations[i].handful;
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	uint64_t steps = 0;
	int first = 1;

	if (argc > 1 && strncmp(argv[1], "--mutant=", 9) == 0)
		mutant = argv[first++] + 9;
	if (argc < first + 2 || !configure(argv[first])) {
		fprintf(stderr,
			"usage: %s [--mutant=stale-unseen|head-not-reloaded|waiting-stays|"
			"gives-up-unsaid|hands-not-loaded|hands-unsaid] CONFIGURATION TRACE...\n",
			argv[0]);
		return 2;
	}
	for (int i = ++first; i < argc; i++)
		steps += replay(argv[i]);
	printf("%" PRIu64 " allocated, %" PRIu64 " refused\n", asks.allocated, asks.refused);
	printf("%d traces, %" PRIu64 " steps, no divergence\n", argc - first, steps);
	return 0;
}
