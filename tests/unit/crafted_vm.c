/* SPDX-License-Identifier: MPL-2.0 */
/* Crafted guests as VMs: see crafted_vm.h. */
#include "unit/crafted_vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

extern const uint8_t sample_btf[], sample_btf_end[];

static unsigned alive, alive_max;

static void opened(void)
{
	unsigned now = __atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED);
	unsigned max = __atomic_load_n(&alive_max, __ATOMIC_RELAXED);

	while (now > max && !__atomic_compare_exchange_n(&alive_max, &max, now, false,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* The memory moved to the source when it was opened, and moves back. */
static void close_vm(struct source *source)
{
	struct crafted *crafted = source->own;

	crafted->source.memory = source->memory;
	crafted_free(crafted);
	free(crafted);
	__atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
}

static void close_empty(struct source *source)
{
	guest_memory_destroy(&source->memory);
	__atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
}

int crafted_vm_open(void *context, struct source *source, struct error *err)
{
	static const struct source_ops ops = {.kind = "crafted", .close = close_vm};
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
	opened();
	return 0;
}

int crafted_vm_open_empty(void *context, struct source *source, struct error *err)
{
	static const struct source_ops ops = {.kind = "empty", .close = close_empty};

	(void)context;
	*source = (struct source){.ops = &ops, .name = "empty"};
	int result = guest_memory_init(&source->memory, err);

	if (result == 0)
		opened();
	return result;
}

unsigned crafted_vms_alive(void)
{
	return __atomic_load_n(&alive, __ATOMIC_RELAXED);
}

unsigned crafted_vms_alive_max(void)
{
	return __atomic_load_n(&alive_max, __ATOMIC_RELAXED);
}

void crafted_vms_count_anew(void)
{
	__atomic_store_n(&alive_max, crafted_vms_alive(), __ATOMIC_RELAXED);
}
