/* SPDX-License-Identifier: MPL-2.0 */
/*
 * mix: scenarios take turns in one guest, independently on each processor. A scenario keeps what it holds from one of
 * its turns to the next.
 *
 *     mix=NAME,NAME...            which; all by default
 *     order=random | turn | cpu   at random, by the seed; one after the other; one for each processor, no turns
 */
#include "boot/boot_info.h"
#include "workload/workload.h"

#define SLICE_MIN 64
#define SLICE_MAX 4096
#define MIXED_MAX 16

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
	static const char *const names[] = {"random", "turn", "cpu"};
	const char *text = boot_option("order");

	for (unsigned i = 0; text && i < sizeof(names) / sizeof(names[0]); i++)
		if (boot_option_is(text, names[i])) {
			order = (enum order)i;
			return;
		}
	if (text)
		boot_option_refuse("order= takes random, turn or cpu");
}

static void mix_prepare(unsigned cpus)
{
	const char *list = boot_option("mix");

	for (const struct workload *w = __start_workloads; w < __stop_workloads; w++)
		if (w->is_scenario && mixed_count < MIXED_MAX &&
		    (!list || is_in_list(list, w->name)))
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

WORKLOAD(mix, .prepare = mix_prepare, .run = mix_run, .finish = mix_finish);
