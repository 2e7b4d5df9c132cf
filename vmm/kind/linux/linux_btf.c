/* SPDX-License-Identifier: MPL-2.0 */
/* The BTF of a Linux kernel: see linux_btf.h. */
#include "kind/linux/linux_btf.h"

#include <errno.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

const struct btf_limits linux_btf_limits = {
	.size = 16U << 20,
	.types = 1U << 19,
	.depth = BTF_DEPTH_LIMIT,
	.cost = 1U << 16,
	.name = 511, /* KSYM_NAME_LEN without the NUL */
};

int linux_btf_open(const void *blob, size_t size, struct btf **btf, struct error *err)
{
	int result = btf_check(blob, size, &linux_btf_limits, err);

	*btf = NULL;
	if (result < 0)
		return result;
	/* The library's messages are not for our users. */
	libbpf_set_print(NULL);
	*btf = btf__new(blob, (uint32_t)size);
	if (*btf)
		return 0;
	if (errno == ENOMEM)
		return error_set(err, -ENOMEM, "no memory for the guest's BTF");
	return error_set(err, -EPROTO, "libbpf refuses the guest's BTF");
}

unsigned linux_btf_find(const struct btf *btf, struct linux_type *types, unsigned count)
{
	uint32_t end = btf__type_cnt(btf);
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++)
		types[i].id = 0;
	for (uint32_t id = 1; id < end && found < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *name = NULL;

		for (unsigned i = 0; i < count; i++) {
			if (types[i].id || btf_kind(type) != types[i].kind)
				continue;
			if (!name)
				name = btf__name_by_offset(btf, type->name_off);
			if (strcmp(name, types[i].name) == 0) {
				types[i].id = id;
				found++;
			}
		}
	}
	return found;
}

uint32_t linux_btf_size(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	return id != 0 && btf_is_composite(type) ? type->size : 0;
}

uint32_t linux_btf_strip(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (id != 0 && (btf_is_typedef(type) || btf_is_mod(type))) {
		id = type->type;
		type = btf__type_by_id(btf, id);
	}
	return id;
}

/* The recursion ends and is short, because btf_check has bounded what a type contains. */
static bool find_member(const struct btf *btf, uint32_t id, uint32_t base, const char *name,
			bool has_bits, struct linux_member *member)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_member *members = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *found = btf__name_by_offset(btf, members[i].name_off);
		uint32_t first_bit = base + btf_member_bit_offset(type, i);
		uint32_t bits = btf_member_bitfield_size(type, i);
		uint32_t inner = linux_btf_strip(btf, members[i].type);

		if (*found == '\0' && btf_is_composite(btf__type_by_id(btf, inner)) &&
		    find_member(btf, inner, first_bit, name, has_bits, member))
			return true;
		if (strcmp(found, name) != 0 || (bits && !has_bits))
			continue;

		int64_t size = inner ? btf__resolve_size(btf, inner) : -1;

		if (size < 0)
			return false;
		*member = (struct linux_member){.offset = first_bit / 8,
						.size = (uint32_t)size,
						.type_id = members[i].type,
						.first_bit = first_bit,
						.bits = bits};
		return true;
	}
	return false;
}

bool linux_btf_member(const struct btf *btf, uint32_t id, const char *name,
		      struct linux_member *member)
{
	id = linux_btf_strip(btf, id);
	return id != 0 && btf_is_composite(btf__type_by_id(btf, id)) &&
	       find_member(btf, id, 0, name, false, member);
}

bool linux_btf_member_or_bits(const struct btf *btf, uint32_t id, const char *name,
			      struct linux_member *member)
{
	id = linux_btf_strip(btf, id);
	return id != 0 && btf_is_composite(btf__type_by_id(btf, id)) &&
	       find_member(btf, id, 0, name, true, member);
}

bool linux_btf_enumerator(const struct btf *btf, uint32_t id, const char *name, int64_t *value)
{
	const struct btf_type *type = btf__type_by_id(btf, linux_btf_strip(btf, id));

	if (id == 0 || !btf_is_any_enum(type))
		return false;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		bool is_wide = btf_is_enum64(type);
		uint32_t at = is_wide ? btf_enum64(type)[i].name_off : btf_enum(type)[i].name_off;

		if (strcmp(btf__name_by_offset(btf, at), name) != 0)
			continue;
		*value = is_wide ? (int64_t)btf_enum64_value(&btf_enum64(type)[i])
				 : btf_enum(type)[i].val;
		return true;
	}
	return false;
}
