/* SPDX-License-Identifier: MPL-2.0 */
/*
 * lists: pages of a cache that is too large for the memory. They are unique frames in lists that all processors share:
 * active and inactive lists, each under its own lock. Pages are touched, age, are taken out, changed and put back. The
 * coldest are freed when memory runs out.
 *
 * Lock order: the list with the lower number first.
 */
#include "workload/workload.h"

#include "pagemeta/spinlock.h"

/* check == ~(key ^ touched): all three change together. */
struct cached_meta {
	struct list_link link;
	uint64_t key;
	uint64_t touched; /* how often; the frame's first word has the same value */
	uint64_t check;
};
META_TYPE(cached, .link_place = META_LINK_PLACE(cached, link));

#define LISTS         4    /* even ones active, odd ones inactive */
#define RECLAIM_BATCH 32   /* frames freed when memory runs out */
#define SCAN_MAX      64   /* maximum number of frames in a walk */
#define DROP_EVERY    4096 /* a whole list is dropped once in this many steps */

static struct {
	struct spinlock lock;
	struct frame_list list;
} lists[LISTS] __attribute__((aligned(64)));

/* At most one page more than this is read in. When the workload runs alone, memory runs out first. */
static uint64_t pages_max;

static uint64_t check_of(uint64_t key, uint64_t touched)
{
	return ~(key ^ touched);
}

static uint64_t *first_word(unique_frame_t frame)
{
	return frame_bytes((frame_t){frame.slot});
}

/* Checks what an owner may rely on. It owns the page directly, or through a list whose lock it holds. */
static void check_page(struct worker *worker, unique_frame_t frame)
{
	const struct cached_meta *meta = unique_meta(frame, cached);
	frame_t any = {frame.slot};

	worker_check(worker, meta->check == check_of(meta->key, meta->touched),
		     "check != ~(key ^ touched)", any);
	worker_check(worker, *first_word(frame) == meta->touched, "the frame's bytes are another's",
		     any);
}

/* Changes the fields that belong together. The owner has taken the page out of all lists. */
static void touch(struct worker *worker, unique_frame_t frame)
{
	uint64_t touched = unique_meta(frame, cached)->touched + 1;

	check_page(worker, frame);
	unique_begin(frame);
	unique_set(frame, cached, touched, touched);
	unique_set(frame, cached, check, check_of(unique_meta(frame, cached)->key, touched));
	unique_end(frame);
	*first_word(frame) = touched;
}

/* The same for the page at a cursor, which stays in its list: the caller holds the lock. */
static void touch_in_place(struct worker *worker, const struct list_cursor *cursor)
{
	unique_frame_t frame = {(struct meta_slot *)list_cursor_frame(cursor).slot};
	const struct cached_meta *meta = unique_meta(frame, cached);
	uint64_t touched = meta->touched + 1;

	check_page(worker, frame);
	list_cursor_begin(cursor);
	list_cursor_set(cursor, cached, touched, touched);
	list_cursor_set(cursor, cached, check, check_of(meta->key, touched));
	list_cursor_end(cursor);
	*first_word(frame) = touched;
}

static unsigned any_list(struct worker *worker)
{
	return random_below(&worker->random, LISTS);
}

static unsigned active_list(struct worker *worker)
{
	return any_list(worker) & ~1u;
}

static unsigned inactive_list(struct worker *worker)
{
	return any_list(worker) | 1;
}

static void push_front(unsigned to, unique_frame_t frame)
{
	spin_lock(&lists[to].lock);
	frame_list_push_front(&lists[to].list, frame);
	spin_unlock(&lists[to].lock);
}

static unique_frame_t pop_back(unsigned from)
{
	spin_lock(&lists[from].lock);
	unique_frame_t frame = frame_list_pop_back(&lists[from].list);

	spin_unlock(&lists[from].lock);
	return frame;
}

/* Frees the coldest pages; if there are none, some active ones. */
static void reclaim(struct worker *worker)
{
	unsigned from = inactive_list(worker);

	for (unsigned i = 0; i < RECLAIM_BATCH; i++) {
		unique_frame_t frame = pop_back(from);

		if (!frame.slot)
			frame = pop_back(active_list(worker));
		if (!frame.slot)
			return;
		check_page(worker, frame);
		worker_unique_drop(worker, frame);
	}
}

static void read_in(struct worker *worker)
{
	uint64_t key = random_next(&worker->random);
	struct cached_meta meta = {.key = key, .check = check_of(key, 0)};
	unique_frame_t frame = UNIQUE_NONE;

	if (worker_frames_of(&meta_type_cached) <= pages_max)
		frame = worker_unique_alloc(worker, cached, &meta);

	if (!frame.slot) {
		reclaim(worker);
		return;
	}
	*first_word(frame) = 0;
	push_front(active_list(worker), frame);
}

/* The last of an active list becomes the first of an inactive one. */
static void age(struct worker *worker)
{
	unique_frame_t frame = pop_back(active_list(worker));

	if (frame.slot)
		push_front(inactive_list(worker), frame);
}

static paddr_t any_frame(struct worker *worker)
{
	uint32_t frames = (uint32_t)(meta_max_paddr / PAGE_SIZE);

	return paddr((uint64_t)random_below(&worker->random, frames) * PAGE_SIZE);
}

/*
 * Finds a page by its address in any list, touches it and makes it active. Every other one that is active already is
 * touched where it is.
 */
static void find_and_touch(struct worker *worker)
{
	paddr_t at = any_frame(worker);
	struct list_cursor cursor;

	for (unsigned i = 0; i < LISTS; i++) {
		unique_frame_t frame = UNIQUE_NONE;

		spin_lock(&lists[i].lock);
		if (list_cursor_find(&lists[i].list, at, &cursor)) {
			if (i % 2 == 0 && random_below(&worker->random, 2)) {
				touch_in_place(worker, &cursor);
				spin_unlock(&lists[i].lock);
				return;
			}
			frame = list_cursor_take(&cursor);
		}
		spin_unlock(&lists[i].lock);
		if (!frame.slot)
			continue;
		touch(worker, frame);
		push_front(active_list(worker), frame);
		return;
	}
}

/* Moves a page from its place in one list straight to a place beside a page of another. */
static void move_beside(struct worker *worker)
{
	unsigned low = random_below(&worker->random, LISTS - 1);
	unsigned high = low + 1 + random_below(&worker->random, LISTS - 1 - low);
	struct list_cursor from, to;

	spin_lock(&lists[low].lock);
	spin_lock(&lists[high].lock);
	from = list_cursor_back(&lists[low].list);
	to = list_cursor_front(&lists[high].list);
	for (uint32_t i = random_below(&worker->random, SCAN_MAX); i > 0; i--) {
		list_cursor_previous(&from);
		list_cursor_next(&to);
	}
	unique_frame_t frame = list_cursor_take(&from);

	if (frame.slot && random_below(&worker->random, 2))
		list_cursor_insert_before(&to, frame);
	else if (frame.slot)
		list_cursor_insert_after(&to, frame);
	spin_unlock(&lists[high].lock);
	spin_unlock(&lists[low].lock);
}

/*
 * Walks up to `limit` pages of a list: every step must lead to a page of the list, and back again. Returns
 * how many there were.
 */
static uint64_t walk(struct worker *worker, struct frame_list *list, uint64_t limit)
{
	struct list_cursor cursor = list_cursor_front(list);
	struct list_cursor back;
	uint64_t seen = 0;

	for (; seen < limit && list_cursor_frame(&cursor).slot; seen++) {
		unique_frame_t frame = {(struct meta_slot *)list_cursor_frame(&cursor).slot};

		check_page(worker, frame);
		worker_check(worker, frame_list_contains(list, unique_paddr(frame)),
			     "a page of a list is not in it", (frame_t){frame.slot});
		back = cursor;
		list_cursor_next(&back);
		list_cursor_previous(&back);
		worker_check(worker, back.at == cursor.at, "the way back leads elsewhere",
			     (frame_t){frame.slot});
		list_cursor_next(&cursor);
	}
	return seen;
}

static void look_through(struct worker *worker)
{
	unsigned at = any_list(worker);

	spin_lock(&lists[at].lock);
	walk(worker, &lists[at].list, SCAN_MAX);
	spin_unlock(&lists[at].lock);
}

/* Frees a page somewhere near the cold end. */
static void evict(struct worker *worker)
{
	unsigned from = inactive_list(worker);
	unique_frame_t frame;

	spin_lock(&lists[from].lock);
	struct list_cursor cursor = list_cursor_back(&lists[from].list);

	for (uint32_t i = random_below(&worker->random, SCAN_MAX); i > 0; i--)
		list_cursor_previous(&cursor);
	frame = list_cursor_take(&cursor);
	spin_unlock(&lists[from].lock);
	if (frame.slot)
		worker_unique_drop(worker, frame);
}

/* A page cannot be obtained by its address: its owner does not share it. */
static void try_address(struct worker *worker)
{
	frame_t frame = worker_get_at(worker, any_frame(worker));

	if (!frame.slot)
		return;
	worker_check(worker, frame_type(frame) != &meta_type_cached, "a unique frame was shared",
		     frame);
	worker_put(worker, frame);
}

static void drop_list(struct worker *worker)
{
	unsigned at = any_list(worker);

	spin_lock(&lists[at].lock);
	worker_list_drop(worker, &lists[at].list);
	worker_check(worker, frame_list_count(&lists[at].list) == 0, "a dropped list is not empty",
		     (frame_t){pfn_to_meta(pfn(0))});
	spin_unlock(&lists[at].lock);
}

static void step(struct worker *worker)
{
	if (random_below(&worker->random, DROP_EVERY) == 0) {
		drop_list(worker);
		return;
	}
	switch (random_below(&worker->random, 16)) {
	case 0:
	case 1:
	case 2:
		age(worker);
		break;
	case 3:
	case 4:
	case 5:
		find_and_touch(worker);
		break;
	case 6:
	case 7:
		move_beside(worker);
		break;
	case 8:
		look_through(worker);
		break;
	case 9:
		evict(worker);
		break;
	case 10:
		try_address(worker);
		break;
	default:
		read_in(worker);
	}
}

static void lists_prepare(unsigned cpus)
{
	(void)cpus;
	pages_max = workload_frames_max();
	for (unsigned i = 0; i < LISTS; i++)
		frame_list_init(&lists[i].list, cached, link);
}

static void lists_run(struct worker *worker)
{
	while (worker_continue(worker))
		step(worker);
}

/* Every page that was not dropped must be in one of the lists. */
static void lists_finish(struct worker *worker)
{
	uint64_t listed = 0;

	for (unsigned i = 0; i < LISTS; i++) {
		uint64_t count = frame_list_count(&lists[i].list);

		worker_check(worker, walk(worker, &lists[i].list, UINT64_MAX) == count,
			     "a list is not as long as it says", (frame_t){pfn_to_meta(pfn(0))});
		listed += count;
	}
	worker_check(worker, listed == worker_frames_of(&meta_type_cached), "a page is in no list",
		     (frame_t){pfn_to_meta(pfn(0))});
}

WORKLOAD(lists, OPTION_MIXES | OPTION_STRESSES, "pages of a cache, in lists that all share",
	 .prepare = lists_prepare, .run = lists_run, .finish = lists_finish);
