/* SPDX-License-Identifier: MPL-2.0 */
/* A machine's state as bytes: see machine_state.h. */
#include "memory/machine_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static int reserve(struct machine_state *state, size_t more, struct error *err)
{
	size_t capacity = state->capacity ? state->capacity : 4096;

	while (capacity - state->size < more)
		capacity *= 2;
	if (capacity == state->capacity)
		return 0;
	uint8_t *bytes = realloc(state->bytes, capacity);

	if (!bytes)
		return error_set(err, -ENOMEM, "no memory for the state of the machine");
	state->bytes = bytes;
	state->capacity = capacity;
	return 0;
}

int machine_state_add(struct machine_state *state, uint32_t type, uint32_t cpu, const void *bytes,
		      size_t size, struct error *err)
{
	const struct machine_part part = {.type = type, .cpu = cpu, .size = (uint32_t)size};

	if (size > MACHINE_STATE_MAX ||
	    sizeof(part) + padded(size) > MACHINE_STATE_MAX - state->size)
		return error_set(err, -E2BIG, "the state of the machine exceeds %u KiB",
				 MACHINE_STATE_MAX >> 10);
	int result = reserve(state, sizeof(part) + padded(size), err);

	if (result < 0)
		return result;
	memcpy(state->bytes + state->size, &part, sizeof(part));
	state->size += sizeof(part);
	if (size)
		memcpy(state->bytes + state->size, bytes, size);
	memset(state->bytes + state->size + size, 0, padded(size) - size);
	state->size += padded(size);
	return 0;
}

void machine_state_free(struct machine_state *state)
{
	free(state->bytes);
	*state = (struct machine_state){0};
}

bool machine_part_next(const struct machine_state *state, size_t *offset, struct machine_part *part,
		       const void **bytes)
{
	if (state->size - *offset < sizeof(*part))
		return false;
	memcpy(part, state->bytes + *offset, sizeof(*part));
	if (part->reserved || part->cpu >= MACHINE_VCPUS_MAX || part->size > MACHINE_STATE_MAX ||
	    padded(part->size) > state->size - *offset - sizeof(*part))
		return false;
	*bytes = state->bytes + *offset + sizeof(*part);
	*offset += sizeof(*part) + padded(part->size);
	return true;
}

const void *machine_part_find_any(const struct machine_state *state, uint32_t type, uint32_t cpu,
				  size_t *size)
{
	struct machine_part part;
	const void *bytes;

	for (size_t at = 0; machine_part_next(state, &at, &part, &bytes);)
		if (part.type == type && part.cpu == cpu) {
			*size = part.size;
			return bytes;
		}
	*size = 0;
	return NULL;
}

int machine_state_append(struct machine_state *state, const struct machine_state *other,
			 struct error *err)
{
	struct machine_part part;
	const void *bytes;
	size_t at = 0;
	int result = 0;

	while (result == 0 && machine_part_next(other, &at, &part, &bytes))
		result = machine_state_add(state, part.type, part.cpu, bytes, part.size, err);
	if (result == 0 && at != other->size)
		return error_set(err, -EPROTO, "the state of the machine is cut short");
	return result;
}

const void *machine_part_find(const struct machine_state *state, uint32_t type, uint32_t cpu,
			      size_t size)
{
	size_t found;
	const void *bytes = machine_part_find_any(state, type, cpu, &found);

	return found == size ? bytes : NULL;
}

bool machine_state_is_whole(const struct machine_state *state)
{
	struct machine_part part;
	const void *bytes;
	size_t at = 0;

	while (machine_part_next(state, &at, &part, &bytes))
		;
	return at == state->size;
}
