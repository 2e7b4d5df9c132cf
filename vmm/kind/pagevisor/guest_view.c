/* SPDX-License-Identifier: MPL-2.0 */
/* What a guest reports about itself: see guest_view.h. */
#include "kind/guest.h"
#include "kind/pagevisor/guest_view.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <pagevisor/keeper.h>
#include <pagevisor/list_link.h>
#include <pagevisor/slot.h>
#include <pagevisor/trace.h>

static int bad(struct error *err, const char *field, uint64_t value)
{
	return error_set(err, -EPROTO, "the guest's info page is broken: %s is %#" PRIx64, field,
			 value);
}

int guest_view_check_abi(const struct guest_info *info, struct error *err)
{
	if (info->abi_version != INFO_ABI_VERSION)
		return error_set(err, -EPROTO,
				 "the guest speaks ABI version %u, this pagevisor speaks %d: use "
				 "the pagevisor that made it",
				 info->abi_version, INFO_ABI_VERSION);
	if (info->info_size != sizeof(*info))
		return bad(err, "info_size", info->info_size);
	return 0;
}

static int check_header(const struct guest_info *info, struct error *err)
{
	int result = guest_view_check_abi(info, err);

	if (result < 0)
		return result;
	if (info->slot_size != SLOT_SIZE)
		return bad(err, "slot_size", info->slot_size);
	if (info->type_size != sizeof(struct type_descriptor))
		return bad(err, "type_size", info->type_size);
	if (info->type_count > META_TYPES_MAX)
		return bad(err, "type_count", info->type_count);
	if (info->boot_stage >= STAGE_COUNT)
		return bad(err, "boot_stage", info->boot_stage);
	if (info->boot_id == 0)
		return bad(err, "boot_id", info->boot_id);
	return 0;
}

int guest_view_check_regions(const struct guest_info *info, struct error *err)
{
	uint64_t size = info->region_count * sizeof(struct info_region);

	if (info->region_count > INFO_REGIONS_MAX)
		return bad(err, "region_count", info->region_count);
	if (!is_aligned(info->regions_pa, sizeof(uint64_t)) || info->regions_pa > UINT64_MAX - size)
		return bad(err, "regions_pa", info->regions_pa);
	return 0;
}

/* Whether all of [pa, pa + size) is guest RAM. */
static bool in_ram(const struct guest_memory *memory, uint64_t pa, uint64_t size)
{
	guest_memory_read_begin();
	bool found = memory_map_covers(guest_memory_map(memory), paddr(pa), size);

	guest_memory_read_end();
	return found;
}

/* A name goes to terminals and into JSON: it must be terminated and printable. */
static void copy_name(char *to, const char *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[i] == '\0' || (from[i] > ' ' && from[i] <= '~') ? from[i] : '?';
	to[size - 1] = '\0';
}

/* Gives a type its role. The types after it have none yet. */
static int read_role(struct guest_view *view, unsigned index, unsigned role, struct error *err)
{
	if (role >= TYPE_ROLE_COUNT)
		role = TYPE_ROLE_NONE;
	int other = role == TYPE_ROLE_NONE || role == TYPE_ROLE_RESERVED
			    ? -1
			    : guest_view_type_of_role(view, role);

	if (other >= 0)
		return error_set(err, -EPROTO,
				 "the guest's info page is broken: the types %s and %s both have "
				 "role %u",
				 view->types[other].name, view->types[index].name, role);
	view->types[index].role = role;
	return 0;
}

static int read_types(const struct guest_memory *memory, const struct guest_info *info,
		      struct guest_view *view, struct error *err)
{
	struct type_descriptor types[META_TYPES_MAX];
	size_t size = info->type_count * sizeof(types[0]);
	paddr_t pa = paddr(info->types_va - info->kernel_va_offset);

	if (size > 0 && guest_memory_copy(memory, pa, types, size) < 0)
		return bad(err, "types_va", info->types_va);
	view->types_va = info->types_va;
	view->type_count = info->type_count;
	for (unsigned i = 0; i < info->type_count; i++) {
		copy_name(view->types[i].name, types[i].name, sizeof(types[i].name));
		view->types[i].size = types[i].size;
		view->types[i].is_untyped = types[i].is_untyped;
		view->types[i].is_permanent = types[i].is_permanent;
		view->types[i].has_on_drop = types[i].on_drop_va != 0;
		if (types[i].link_place <= SLOT_STORAGE_WORDS + 1 - LIST_LINK_WORDS)
			view->types[i].link_place = types[i].link_place;

		int result = read_role(view, i, types[i].role, err);

		if (result < 0)
			return result;
	}
	return 0;
}

/* The map itself is read on demand: see guest_regions.h. */
static int check_map(const struct guest_memory *memory, const struct guest_info *info,
		     struct guest_view *view, struct error *err)
{
	int result = guest_view_check_regions(info, err);

	if (result == 0 && info->region_count > 0 &&
	    !in_ram(memory, info->regions_pa, info->region_count * sizeof(struct info_region)))
		return bad(err, "regions_pa", info->regions_pa);
	if (result < 0)
		return result;
	view->regions = paddr(info->regions_pa);
	view->region_count = info->region_count;
	return 0;
}

/*
 * RAM of the maximum size may lie around a hole below 1 TiB (AMD's HyperTransport range), so that it ends below 2 TiB.
 * Without this limit, an array in 1 TiB of RAM could describe 64 TiB, which take half a minute to read.
 */
#define SLOTS_MAX (2 * GUEST_MEMORY_MAX / PAGE_SIZE)

static int read_array(const struct guest_memory *memory, const struct guest_info *info,
		      struct guest_view *view, struct error *err)
{
	if (info->slot_count == 0 || info->slot_count > SLOTS_MAX ||
	    info->slot_count != info->max_paddr / PAGE_SIZE)
		return bad(err, "slot_count", info->slot_count);
	if (!is_aligned(info->array_pa, SLOT_SIZE) ||
	    !in_ram(memory, info->array_pa, info->slot_count * SLOT_SIZE))
		return bad(err, "array_pa", info->array_pa);
	view->array = paddr(info->array_pa);
	view->slot_count = info->slot_count;
	view->array_va = info->array_va;
	view->linear_va = info->linear_va;
	view->page_table = paddr(info->page_table_pa);
	return 0;
}

static int read_allocator(const struct guest_memory *memory, const struct guest_info *info,
			  struct guest_view *view, struct error *err)
{
	view->allocator = paddr(info->allocator_pa);
	if (info->keeper_pa != 0 && (!is_aligned(info->keeper_pa, KEEPER_PAGE_SIZE) ||
				     !in_ram(memory, info->keeper_pa, KEEPER_PAGE_SIZE)))
		return bad(err, "keeper_pa", info->keeper_pa);
	view->keeper = paddr(info->keeper_pa);
	return 0;
}

static int read_cpus(const struct guest_memory *memory, const struct guest_info *info,
		     struct guest_view *view, struct error *err)
{
	if (info->cpu_count == 0 || info->cpu_count > MAX_CPUS)
		return bad(err, "cpu_count", info->cpu_count);
	if (!is_aligned(info->counters_pa, sizeof(uint64_t)) ||
	    !in_ram(memory, info->counters_pa, info->cpu_count * sizeof(struct cpu_counters)))
		return bad(err, "counters_pa", info->counters_pa);
	view->cpu_count = info->cpu_count;
	view->counters = paddr(info->counters_pa);
	view->tsc_khz = info->tsc_khz;
	if (info->trace_pa != 0 &&
	    (!is_aligned(info->trace_pa, sizeof(uint64_t)) ||
	     !in_ram(memory, info->trace_pa, info->cpu_count * sizeof(struct trace_ring))))
		return bad(err, "trace_pa", info->trace_pa);
	view->trace = paddr(info->trace_pa);
	return 0;
}

/* A guest can panic at any stage: after a panic, only fields that are set can be checked. */
static bool has_stage(const struct guest_info *info, enum boot_stage stage, uint64_t field)
{
	return info->boot_stage == STAGE_PANIC ? field != 0 : info->boot_stage >= stage;
}

static int no_info(paddr_t info_pa, struct error *err)
{
	return error_set(err, -EPROTO, "the guest's info page at %#" PRIx64 " is not in RAM",
			 info_pa.addr);
}

static int check_magic(const struct guest_info *info, struct error *err)
{
	if (info->magic == 0)
		return error_set(err, -EAGAIN, "the guest has not published its info page");
	return info->magic == INFO_MAGIC ? 0 : bad(err, "magic", info->magic);
}

/*
 * Copies twice: the second copy has everything that the first one's stage promises, whatever the order within each
 * copy.
 */
static int copy_info(const struct guest_memory *memory, paddr_t info_pa, struct guest_info *info,
		     struct error *err)
{
	struct guest_info first;

	if (guest_memory_copy(memory, info_pa, &first, sizeof(first)) < 0 ||
	    guest_memory_copy(memory, info_pa, info, sizeof(*info)) < 0)
		return no_info(info_pa, err);
	info->boot_stage = first.boot_stage;
	return check_magic(&first, err);
}

int guest_view_read_boot(const struct guest_memory *memory, paddr_t info_pa, struct boot_view *boot,
			 struct error *err)
{
	struct guest_info info;

	if (guest_memory_copy(memory, info_pa, &info, sizeof(info)) < 0)
		return no_info(info_pa, err);
	int result = check_magic(&info, err);

	if (result == 0)
		result = check_header(&info, err);
	if (result < 0)
		return result;
	*boot = (struct boot_view){.boot_id = info.boot_id, .stage = info.boot_stage};
	if (!has_stage(&info, STAGE_CPUS, info.counters_pa))
		return 0;
	if (info.cpu_count > MAX_CPUS)
		return bad(err, "cpu_count", info.cpu_count);
	boot->cpu_count = info.cpu_count;
	boot->counters = paddr(info.counters_pa);
	return 0;
}

int guest_view_read(const struct guest_memory *memory, paddr_t info_pa, struct guest_view *view,
		    struct error *err)
{
	struct guest_info info;
	int result = copy_info(memory, info_pa, &info, err);

	*view = (struct guest_view){0};
	if (result == 0)
		result = check_header(&info, err);
	if (result < 0)
		return result;
	view->stage = info.boot_stage;
	view->ring = info.ring;
	view->boot_id = info.boot_id;
	view->mailbox = paddr(info.mailbox_pa);
	view->va_offset = info.kernel_va_offset;
	view->kernel_start = paddr(info.kernel_start_pa);
	view->kernel_end = paddr(info.kernel_end_pa);
	view->btf = paddr(info.btf_pa);
	view->btf_size = info.btf_size;
	view->symbols = paddr(info.symbols_pa);
	view->symbols_size = info.symbols_size;
	view->max_paddr = info.max_paddr;
	view->regions_dropped = info.regions_dropped;
	result = read_types(memory, &info, view, err);
	if (result == 0 && has_stage(&info, STAGE_MEMORY, info.regions_pa))
		result = check_map(memory, &info, view, err);
	if (result == 0 && has_stage(&info, STAGE_METADATA, info.array_pa))
		result = read_array(memory, &info, view, err);
	if (result == 0 && has_stage(&info, STAGE_ALLOCATOR, info.allocator_pa))
		result = read_allocator(memory, &info, view, err);
	if (result == 0 && has_stage(&info, STAGE_CPUS, info.counters_pa))
		result = read_cpus(memory, &info, view, err);
	return result;
}

int guest_view_type_of_role(const struct guest_view *view, enum type_role role)
{
	for (unsigned i = 0; i < view->type_count; i++)
		if (view->types[i].role == role)
			return (int)i;
	return -1;
}

/* All counters are 64-bit words, so they are summed as such. */
static void add_counters(struct cpu_counters *sum, const struct cpu_counters *counters)
{
	const uint64_t *from = (const uint64_t *)counters;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static int read_counters(const struct guest_view *view, const struct guest_memory *memory,
			 unsigned cpu, struct cpu_counters *counters)
{
	paddr_t pa = paddr(view->counters.addr + cpu * sizeof(*counters));

	return guest_memory_copy(memory, pa, counters, sizeof(*counters)) < 0 ? -EAGAIN : 0;
}

int guest_view_counters(const struct guest_view *view, const struct guest_memory *memory,
			struct cpu_counters *sum)
{
	struct cpu_counters counters;

	*sum = (struct cpu_counters){0};
	for (unsigned cpu = 0; cpu < view->cpu_count; cpu++) {
		if (read_counters(view, memory, cpu, &counters) < 0)
			return -EAGAIN;
		add_counters(sum, &counters);
	}
	return view->cpu_count ? 0 : -EAGAIN;
}

int guest_view_steps(const struct guest_view *view, const struct guest_memory *memory,
		     uint64_t steps[MAX_CPUS])
{
	struct cpu_counters counters;

	for (unsigned cpu = 0; cpu < view->cpu_count; cpu++) {
		if (read_counters(view, memory, cpu, &counters) < 0)
			return -EAGAIN;
		steps[cpu] = counters.operations;
	}
	return view->cpu_count ? 0 : -EAGAIN;
}

/* The mailbox, if it has all words that this host knows; otherwise NULL. Within a read-side section. */
static struct mailbox *find_mailbox(const struct guest_view *view,
				    const struct guest_memory *memory)
{
	struct mailbox *mailbox =
		memory_map_at(guest_memory_map(memory), view->mailbox, sizeof(*mailbox));

	if (!mailbox || !is_aligned(view->mailbox.addr, MAILBOX_LINE))
		return NULL;
	/* Relaxed: both have been constant since before the page was published. */
	if (__atomic_load_n(&mailbox->version, __ATOMIC_RELAXED) != MAILBOX_VERSION ||
	    __atomic_load_n(&mailbox->size, __ATOMIC_RELAXED) < sizeof(*mailbox))
		return NULL;
	return mailbox;
}

void guest_view_ask_to_stop(const struct guest_view *view, const struct guest_memory *memory)
{
	guest_memory_read_begin();
	struct mailbox *mailbox = find_mailbox(view, memory);

	if (mailbox)
		__atomic_store_n(&mailbox->stop, 1, __ATOMIC_RELAXED);
	guest_memory_read_end();
}

bool guest_view_note_restore(const struct guest_view *view, const struct guest_memory *memory,
			     uint64_t seed)
{
	guest_memory_read_begin();
	struct mailbox *mailbox = find_mailbox(view, memory);

	if (mailbox) {
		__atomic_store_n(&mailbox->seed, seed, __ATOMIC_RELAXED);
		__atomic_store_n(&mailbox->restores, mailbox->restores + 1, __ATOMIC_RELAXED);
	}
	guest_memory_read_end();
	return mailbox != NULL;
}
