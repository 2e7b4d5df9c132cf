/* SPDX-License-Identifier: MPL-2.0 */
/* A capture file as a source: see capture_source.h. */
#include "source/capture_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file/capture.h"
#include "file/capture_data.h"

#define CAPTURE_SUFFIX ".pvc"

bool capture_source_is_name(const char *name)
{
	size_t length = strlen(name), suffix = strlen(CAPTURE_SUFFIX);

	return strchr(name, '/') ||
	       (length > suffix && strcmp(name + length - suffix, CAPTURE_SUFFIX) == 0);
}

static void close_capture(struct source *source)
{
	capture_close(source->own);
	free(source->own);
}

static int capture_failure(const struct source *source, struct error *err)
{
	const struct capture_file *capture = source->own;

	return capture_data_failure(capture->data, err);
}

static int read_state(const struct source *source, struct machine_state *state, struct error *err)
{
	const struct capture_file *capture = source->own;

	if (capture->machine.size == 0)
		return error_set(err, -ENOTSUP, "a capture has no registers of vCPUs");
	return machine_state_append(state, &capture->machine, err);
}

static const struct source_ops ops = {
	.machine_state = read_state, .failure = capture_failure, .close = close_capture};

int capture_source_open(const char *path, struct source *source, struct error *err)
{
	struct capture_file *capture = calloc(1, sizeof(*capture));

	if (!capture)
		return error_set(err, -ENOMEM, "no memory for a capture");
	*source = (struct source){.ops = &ops, .own = capture};
	memory_budget_begin(&source->budget);
	int result = capture_open(path, &source->budget, &source->memory, capture, err);

	if (result < 0) {
		free(capture);
		return result;
	}
	const struct capture_facts *facts = &capture->facts;

	_Static_assert(sizeof(source->name) == sizeof(facts->vm_name), "a name fits");
	memcpy(source->name, facts->vm_name, sizeof(source->name));
	source->capture = facts;
	source->hints.has_info = facts->flags & CAPTURE_HAS_INFO;
	source->hints.info = paddr(facts->info_pa);
	source->has_all_memory = facts->flags & CAPTURE_ALL_MEMORY;
	source->cpu_count = facts->cpu_count;
	return 0;
}
