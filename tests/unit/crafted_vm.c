/* SPDX-License-Identifier: MPL-2.0 */
/* Crafted guests as VMs: see crafted_vm.h. */
#include "unit/crafted_vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

extern const uint8_t sample_btf[], sample_btf_end[];

static unsigned alive;

/* The memory moved to the source when that was opened, and moves back now. */
static void close_vm(struct source *source)
{
	struct crafted *crafted = source->own;

	crafted->source.memory = source->memory;
	crafted_free(crafted);
	free(crafted);
	alive--;
}

static enum source_state get_state(const struct source *source, const char **text)
{
	(void)text;
	return source->pid == CRAFTED_ENDED_PID ? SOURCE_ENDED : SOURCE_LIVE;
}

static void close_empty(struct source *source)
{
	guest_memory_destroy(&source->memory);
	alive--;
}

int crafted_vm_open(void *context, struct source *source, struct error *err)
{
	static const struct source_ops ops = {.state = get_state, .close = close_vm};
	struct crafted *crafted = malloc(sizeof(*crafted));

	(void)context;
	if (!crafted)
		return error_set(err, -ENOMEM, "no memory");
	crafted_make(crafted);
	crafted->info->btf_pa = CRAFTED_OTHER_PA;
	crafted->info->btf_size = (uint64_t)(sample_btf_end - sample_btf);
	memcpy(crafted->low + CRAFTED_OTHER_PA, sample_btf, crafted->info->btf_size);
	*source = crafted->source;
	source->ops = &ops;
	alive++;
	return 0;
}

static int open_acting(void (*act)(struct crafted *guest), struct source *source, struct error *err)
{
	int result = crafted_vm_open(NULL, source, err);

	if (result < 0)
		return result;
	struct crafted *crafted = source->own;

	crafted_copy_array(crafted);
	crafted->info->trace_pa = CRAFTED_COPIED_BASE + CRAFTED_COPIED_SIZE - PAGE_SIZE;
	crafted->on_read = act;
	source->memory = crafted->source.memory;
	source->is_live = true;
	return 0;
}

static void restart(struct crafted *guest)
{
	guest->info->boot_id++;
}

int crafted_vm_open_restarting(void *context, struct source *source, struct error *err)
{
	(void)context;
	return open_acting(restart, source, err);
}

static void reset(struct crafted *guest)
{
	guest->info->magic = 0;
}

int crafted_vm_open_reset(void *context, struct source *source, struct error *err)
{
	(void)context;
	return open_acting(reset, source, err);
}

int crafted_vm_open_empty(void *context, struct source *source, struct error *err)
{
	static const struct source_ops ops = {.close = close_empty};

	(void)context;
	*source = (struct source){.ops = &ops, .name = "empty", .has_all_memory = true};
	int result = guest_memory_init(&source->memory, err);

	if (result == 0)
		alive++;
	return result;
}

unsigned crafted_vms_alive(void)
{
	return alive;
}
