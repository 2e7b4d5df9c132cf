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

static bool has_ended(const struct source *source)
{
	return source->pid == CRAFTED_ENDED_PID;
}

static void close_empty(struct source *source)
{
	guest_memory_destroy(&source->memory);
	alive--;
}

int crafted_vm_open(void *context, struct source *source, struct error *err)
{
	static const struct source_ops ops = {.has_ended = has_ended, .close = close_vm};
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
