/* SPDX-License-Identifier: MPL-2.0 */
/*
 * mix: scenarios take turns in one guest, independently on each processor. A scenario keeps what it holds from one of
 * its turns to the next.
 */
#include "boot/boot_info.h"
#include "workload/workload.h"

#define SLICE_MIN 64
#define SLICE_MAX 4096
#define MIXED_MAX 16

OPTION(mix, .name = "mix", .of = "mix", .value = OPTION_TAKES_WORKLOADS,
       .help = "which scenarios; all without the option");
OPTION(order, .name = "order", .of = "mix", .value = OPTION_TAKES_WORD, .word = "random",
       .help = "whose turn is next");
OPTION_WORD_OF(order, random, "at random, by the seed");
OPTION_WORD_OF(order, turn, "one after the other");
OPTION_WORD_OF(order, cpu, "one for each CPU, without turns");

enum order { ORDER_RANDOM, ORDER_TURN, ORDER_CPU };

static const struct workload *mixed[MIXED_MAX];
static unsigned mixed_count;
static enum order order;

static bool is_in_list(const char *list, const char *name)
{
	while (*list && *list != ' ') {
		const char *word = name;

		while (*word && *list == *word) {
			list++;
			word++;
		}
		if (!*word && (*list == ',' || *list == ' ' || !*list))
			return true;
		while (*list && *list != ' ' && *list != ',')
			list++;
		if (*list == ',')
			list++;
	}
	return false;
}

static unsigned words_in(const char *list)
{
	unsigned words = 1;

	for (; *list && *list != ' '; list++)
		words += *list == ',';
	return words;
}

static void choose_order(void)
{
	const struct option_entry *word = option_take_word(&option_order);

	if (word == &word_order_turn)
		order = ORDER_TURN;
	else if (word == &word_order_cpu)
		order = ORDER_CPU;
}

static void mix_prepare(unsigned cpus)
{
	const char *list = boot_option(option_mix.name);

	for (const struct workload *w = __start_workloads; w < __stop_workloads; w++)
		if (w->option->flags & OPTION_MIXES && mixed_count < MIXED_MAX &&
		    (!list || is_in_list(list, w->option->name)))
			mixed[mixed_count++] = w;
	if (list && mixed_count != words_in(list))
		boot_option_refuse("mix= names something that is no scenario for a mix");
	choose_order();
	workload_divide(mixed_count);
	for (unsigned i = 0; i < mixed_count; i++)
		if (mixed[i]->prepare)
			mixed[i]->prepare(cpus);
}

static void mix_run(struct worker *worker)
{
	uint32_t start = random_below(&worker->random, mixed_count);
	uint64_t turn = 0;
	uint64_t steps;
	uint32_t next;

	do {
		if (order == ORDER_RANDOM)
			next = random_below(&worker->random, mixed_count);
		else if (order == ORDER_TURN)
			next = (uint32_t)((start + turn++) % mixed_count);
		else
			next = worker->cpu % mixed_count;
		steps = SLICE_MIN + random_below(&worker->random, SLICE_MAX - SLICE_MIN);
	} while (worker_run_slice(worker, mixed[next], steps));
}

static void mix_finish(struct worker *worker)
{
	for (unsigned i = 0; i < mixed_count; i++)
		if (mixed[i]->finish)
			mixed[i]->finish(worker);
}

WORKLOAD(mix, OPTION_STRESSES, "all scenarios that can be mixed, in turns at random",
	 .prepare = mix_prepare, .run = mix_run, .finish = mix_finish);
