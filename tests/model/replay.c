/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs the library's own code along traces of the model slot.pml, access by access.
 *
 * Each actor of the model is a coroutine that runs the real functions of pagemeta/slot.h, frame.h, frame_put.h and
 * vmm/kind/pagevisor/slot_reader.h. steps.h stops it before every atomic access of the state word and of the two
 * metadata words. The next line of the trace then says which actor continues, with which access, and what the slot
 * holds afterwards. So the code is interleaved exactly as in the model, even inside functions. Any deviation from the
 * line is a divergence: exit status 1.
 *
 * The model's allocator replaces the library's: a list with room for the one frame.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "kind/pagevisor/slot_reader.h"
#include "pagemeta/frame_put.h"
#include "pagemeta/frame_reader.h"
#include "pagemeta/unique.h"

#define ACTOR_COUNT 4 /* as the model numbers them: two CPUs, host, reader */
#define READER      4
#define STACK_SIZE  0x10000
#define LINE_MAX    256

/* The slot's first generation: it wraps to 0 within a trace. A multiple of the model's GENS. */
#define GENERATION_START UINT32_C(0xfffffff0)

enum frame_place { TAKEN, LISTED, PARKED };

enum end { MORE, DONE, FAILED };

struct operation {
	const char *name;
	bool (*run)(void); /* whether the operation succeeded */
	uint64_t count[FAILED + 1];
};

struct actor {
	ucontext_t context;
	struct operation *operation; /* NULL: none in progress */
	enum end end;                /* of the last operation */
	const char *access;          /* the next one */
};

/* The slot's contents according to one line. */
struct line {
	unsigned actor, generation, refs, place, end;
	char operation[32], access[32];
};

/* How the model numbers things: the first line of a trace. */
static struct {
	unsigned generations, unique, host, unused;
} model;

static struct meta_slot slot;
static enum frame_place place;
static uint64_t stamp; /* of the latest incarnation */

static struct actor actors[ACTOR_COUNT + 1];
static uint8_t stacks[ACTOR_COUNT + 1][STACK_SIZE] __attribute__((aligned(64)));
static unsigned running; /* the actor; 0: none */
static ucontext_t scheduler;

static const char *file_name;
static unsigned line_number;
static char line_text[LINE_MAX];

/* Defects planted in the library, to see that they are noticed: their names are in main. */
static const char *mutant = "";

struct meta_slot *host_meta_base = &slot;
uint8_t *host_linear_base;
_Thread_local unsigned host_cpu;

static bool is_mutant(const char *name)
{
	return strcmp(mutant, name) == 0;
}

static _Noreturn __attribute__((format(printf, 1, 2))) void diverge(const char *format, ...)
{
	va_list arguments;

	printf("%s:%u: %s\n    diverges: ", file_name, line_number, line_text);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n    the slot: generation %" PRIu32 ", count %#" PRIx32 " (%s), place %d\n",
	       slot_state_generation(slot.state), slot_state_refs(slot.state),
	       ref_class_name(ref_classify(slot_state_refs(slot.state))), (int)place);
	exit(1);
}

_Noreturn void platform_abort(const char *what, paddr_t frame, uint64_t state)
{
	(void)frame;
	diverge("the library aborts: %s (state %#" PRIx64 ")", what, state);
}

/* Stops the running actor before an access until the trace resumes it. */
static void step(const char *access)
{
	unsigned self = running;

	actors[self].access = access;
	swapcontext(&actors[self].context, &scheduler);
}

static bool run_unique_reset(void);

/*
 * Called before an access of a word. An owner's loads of its own metadata are no steps, for only the owner writes it.
 * Of the stores to vtable_ptr, only the one of a reset is in the model. Words other than these are not.
 */
static void step_word(const uint64_t *word, const char *access, bool writes)
{
	if (word == &slot.state)
		step(access);
	else if (word == &slot.storage[0] && (writes || running == READER))
		step("word0");
	else if (word == &slot.storage[1] && (writes || running == READER))
		step("word1");
	else if (word == &slot.vtable_ptr && writes &&
		 actors[running].operation->run == run_unique_reset)
		step("vtable");
}

uint64_t step_load(const uint64_t *word)
{
	if (!(is_mutant("no-reread") && running == READER && word == &slot.state &&
	      strcmp(actors[READER].access, "word1") == 0))
		step_word(word, "load", false);
	return *word;
}

void step_store(uint64_t *word, uint64_t value)
{
	step_word(word, "store", true);
	if (is_mutant("reset-moves-generation") && word == &slot.state &&
	    slot_state_refs(value) == REF_UNUSED)
		value = slot_next_generation(value, REF_UNUSED);
	*word = value;
}

uint64_t step_add(uint64_t *word, uint64_t value)
{
	step_word(word, "add", true);

	uint64_t old = *word;

	*word = old + value;
	return old;
}

uint64_t step_sub(uint64_t *word, uint64_t value)
{
	step_word(word, "sub", true);

	uint64_t old = *word;

	*word = old - (is_mutant("put-gives-two") ? 2 * value : value);
	return old;
}

/*
 * The model's generation wraps after four incarnations, so a claimer may meet the state that it loaded once more and
 * swap: harmless, and the model checks this. For the code to meet this case too, its swap compares generations modulo
 * the model's, and continues from the current one: a strong swap writes a later generation than it was asked for, and a
 * weak one, whose caller may keep what it writes, fails and is called again as part of the same step.
 */
bool step_cas(uint64_t *word, uint64_t *expected, uint64_t desired, bool weak)
{
	static bool again;

	if (!again)
		step_word(word, "cas", true);
	again = false;

	uint32_t ahead = slot_state_generation(*word) - slot_state_generation(*expected);
	bool same = slot_state_refs(*word) == slot_state_refs(*expected) &&
		    ahead % model.generations == 0;

	if (!same && !is_mutant("swap-always")) {
		*expected = *word;
		return false;
	}
	if (same && ahead && weak) {
		*expected = *word;
		again = true;
		return false;
	}
	if (is_mutant("claim-keeps-generation") && slot_state_refs(desired) == REF_BUSY)
		desired = *expected & UINT32_MAX;
	*word = slot_state(slot_state_generation(desired) + ahead, slot_state_refs(desired));
	return true;
}

struct stamped_meta {
	uint64_t stamp0, stamp1;
};

static void stamped_drop(void *meta, struct frame_reader *bytes)
{
	const struct stamped_meta *stamped = meta;

	(void)bytes;
	step("on_drop");
	if (stamped->stamp0 != stamped->stamp1)
		diverge("on_drop got torn metadata");
}

META_TYPE(stamped, .on_drop = stamped_drop);

bool frame_alloc_started = true;

/* The allocator's list, for the one frame. As in the real one, the link is stored in the slot. */
void frame_alloc_release(struct meta_slot *released)
{
	slot_word_store(&released->storage[0], UINT64_MAX);
	step("list");
	if (place != TAKEN)
		diverge("a frame is listed twice");
	place = LISTED;
}

static bool pop(void)
{
	step("pop");
	if (place == PARKED && slot_state_refs(slot.state) != REF_HOST)
		place = LISTED;
	if (place != LISTED)
		return false;
	place = TAKEN;
	return true;
}

/* Stands in for frame_alloc_claim. */
static bool run_alloc(uint32_t refs)
{
	while (pop()) {
		const struct stamped_meta meta = {stamp + 1, stamp + 1};

		switch (slot_claim(&slot, &meta_type_stamped, &meta, sizeof(meta), refs)) {
		case REF_CLASS_UNUSED:
			stamp++;
			return true;
		case REF_CLASS_HOST:
			step("park");
			place = PARKED;
			break;
		default:
			diverge("the allocator found a frame that is not unused");
		}
	}
	return false;
}

static bool run_alloc_shared(void)
{
	return run_alloc(1);
}

static bool run_alloc_unique(void)
{
	return run_alloc(REF_UNIQUE);
}

static bool run_try_get(void)
{
	return slot_try_get(&slot) == REF_CLASS_SHARED;
}

static bool run_get(void)
{
	frame_get((frame_t){&slot});
	return true;
}

static bool run_put(void)
{
	frame_put((frame_t){&slot});
	return true;
}

static bool run_change(void)
{
	uint64_t busy = slot_change_begin(&slot);

	stamp++;
	slot_word_store(&slot.storage[0], stamp);
	slot_word_store(&slot.storage[1], stamp);
	slot_publish(&slot, busy, REF_UNIQUE);
	return true;
}

static bool run_share(void)
{
	slot_share(&slot);
	return true;
}

static bool run_unshare(void)
{
	return slot_unshare(&slot);
}

static bool run_unique_drop(void)
{
	frame_drop(&slot, slot_unique_drop(&slot));
	return true;
}

static bool run_unique_reset(void)
{
	return unique_reset((unique_frame_t){&slot}).addr == meta_to_frame(&slot).addr;
}

static bool run_claim(uint32_t refs)
{
	const struct stamped_meta meta = {stamp + 1, stamp + 1};
	frame_t frame;
	enum frame_error error =
		frame_claim_as(meta_to_frame(&slot), &meta_type_stamped, &meta, refs, &frame);

	if (error != FRAME_OK && error != FRAME_HOST)
		diverge("a frame that its owner reset is somebody else's");
	stamp += error == FRAME_OK;
	return error == FRAME_OK;
}

static bool run_claim_shared(void)
{
	return run_claim(1);
}

static bool run_claim_unique(void)
{
	return run_claim(REF_UNIQUE);
}

/* Stands in for frame_alloc_give. */
static bool run_give(void)
{
	frame_alloc_release(&slot);
	return true;
}

static bool run_host_claim(void)
{
	return slot_host_claim(&slot);
}

static bool run_host_release(void)
{
	return slot_host_release(&slot);
}

/*
 * The model's reader retries for ever; slot_read gives up after some attempts, and a new call begins like another
 * attempt.
 */
static bool run_slot_read(void)
{
	struct read_counters counters = {0};
	struct slot_copy copy;
	enum slot_read_result result;

	do
		result = slot_read(&slot, &copy, &counters);
	while (result == SLOT_READ_UNSTABLE);
	if (result == SLOT_READ_OK && copy.storage[0] != copy.storage[1])
		diverge("the reader accepted a torn slot");
	return result == SLOT_READ_OK;
}

static struct operation operations[] = {
	{"alloc_shared", run_alloc_shared, {0}},
	{"alloc_unique", run_alloc_unique, {0}},
	{"try_get", run_try_get, {0}},
	{"get", run_get, {0}},
	{"put", run_put, {0}},
	{"change", run_change, {0}},
	{"share", run_share, {0}},
	{"unshare", run_unshare, {0}},
	{"unique_drop", run_unique_drop, {0}},
	{"unique_reset", run_unique_reset, {0}},
	{"claim_shared", run_claim_shared, {0}},
	{"claim_unique", run_claim_unique, {0}},
	{"give", run_give, {0}},
	{"host_claim", run_host_claim, {0}},
	{"host_release", run_host_release, {0}},
	{"slot_read", run_slot_read, {0}},
};

#define OPERATION_COUNT (sizeof(operations) / sizeof(operations[0]))

static struct operation *operation_find(const char *name)
{
	for (size_t i = 0; i < OPERATION_COUNT; i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	diverge("no operation \"%s\"", name);
}

static void actor_main(void)
{
	struct actor *self = &actors[running];

	for (;;) {
		self->end = self->operation->run() ? DONE : FAILED;
		self->operation = NULL;
		swapcontext(&self->context, &scheduler);
	}
}

/* Lets an actor make its pending access, if any, and run to its next access or to its operation's end. */
static void resume(unsigned actor)
{
	running = actor;
	host_cpu = actor;
	swapcontext(&scheduler, &actors[actor].context);
	running = 0;
}

static unsigned model_refs(uint64_t state)
{
	switch (ref_classify(slot_state_refs(state))) {
	case REF_CLASS_UNUSED:
		return model.unused;
	case REF_CLASS_UNIQUE:
		return model.unique;
	case REF_CLASS_HOST:
		return model.host;
	case REF_CLASS_BUSY:
	case REF_CLASS_SHARED:
		return slot_state_refs(state);
	default:
		diverge("the count is illegal");
	}
}

static void follow(const struct line *line)
{
	if (line->actor < 1 || line->actor > ACTOR_COUNT)
		diverge("no actor %u", line->actor);

	struct actor *actor = &actors[line->actor];
	struct operation *operation = operation_find(line->operation);

	if (!actor->operation) {
		actor->operation = operation;
		resume(line->actor);
		if (!actor->operation)
			diverge("the operation has no access at all");
	}
	if (actor->operation != operation)
		diverge("the code is in %s", actor->operation->name);
	if (strcmp(actor->access, line->access) != 0)
		diverge("the code's next access is %s", actor->access);
	resume(line->actor);

	enum end end = actor->operation ? MORE : actor->end;

	operation->count[end]++;
	if (slot_state_generation(slot.state) % model.generations != line->generation)
		diverge("the generation is %" PRIu32, slot_state_generation(slot.state));
	if (model_refs(slot.state) != line->refs)
		diverge("the count is %u in the model's terms", model_refs(slot.state));
	if (place != line->place)
		diverge("the frame's place is %d", (int)place);
	if (end != line->end)
		diverge("the operation %s", end == MORE   ? "goes on"
					    : end == DONE ? "is done"
							  : "failed");
}

static void trace_begin(void)
{
	slot = (struct meta_slot){.state = slot_state(GENERATION_START, REF_UNUSED)};
	meta_max_paddr = PAGE_SIZE;
	place = LISTED;
	for (unsigned i = 1; i <= ACTOR_COUNT; i++) {
		struct actor *actor = &actors[i];

		*actor = (struct actor){.access = ""};
		getcontext(&actor->context);
		actor->context.uc_stack.ss_sp = stacks[i];
		actor->context.uc_stack.ss_size = STACK_SIZE;
		makecontext(&actor->context, actor_main, 0);
	}
}

/* A trace may stop anywhere; frame_put.c remembers drops in progress, so finish them. */
static void trace_end(void)
{
	for (unsigned i = 1; i <= ACTOR_COUNT; i++)
		while (actors[i].operation)
			resume(i);
}

/* Returns the number of steps in the trace. */
static uint64_t replay(const char *path)
{
	FILE *file = fopen(path, "r");
	uint64_t steps = 0;
	bool has_model = false;

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
		if (sscanf(line_text, "= %u %u %u %u", &model.generations, &model.unique,
			   &model.host, &model.unused) == 4) {
			has_model = true;
			continue;
		}
		if (line_text[0] != '@')
			continue;
		if (!has_model ||
		    sscanf(line_text, "@ %u %31s %31s %u %u %u %u", &line.actor, line.operation,
			   line.access, &line.generation, &line.refs, &line.place, &line.end) != 7)
			diverge("the line is not one of a trace");
		follow(&line);
		steps++;
	}
	fclose(file);
	trace_end();
	return steps;
}

int main(int argc, char **argv)
{
	uint64_t steps = 0;
	int first = 1;

	if (argc > 1 && strncmp(argv[1], "--mutant=", 9) == 0) {
		mutant = argv[1] + 9;
		first++;
	}
	if (first >= argc) {
		fprintf(stderr,
			"usage: %s [--mutant=claim-keeps-generation|reset-moves-generation|"
			"put-gives-two|swap-always|no-reread] TRACE...\n",
			argv[0]);
		return 2;
	}
	for (int i = first; i < argc; i++)
		steps += replay(argv[i]);
	for (size_t i = 0; i < OPERATION_COUNT; i++)
		printf("%s: %" PRIu64 " done, %" PRIu64 " failed\n", operations[i].name,
		       operations[i].count[DONE], operations[i].count[FAILED]);
	printf("%d traces, %" PRIu64 " steps, no divergence\n", argc - first, steps);
	return 0;
}
