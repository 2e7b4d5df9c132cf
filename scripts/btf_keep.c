/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Part of the build: reduces the BTF of a whole guest to what its metadata types need. Fails if the host could not show
 * one of them. Usage: btf_keep IN OUT TYPE...
 *
 * The host's own checks decide, so that what the build accepts is what the host accepts.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kind/fields/btf_check.h"
#include "kind/fields/type_layout.h"
#include "kind/pagevisor/type_read.h"

static int read_file(const char *path, void **bytes, size_t *size)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		return -errno;
	*bytes = malloc(BTF_BLOB_MAX + 1);
	*size = *bytes ? fread(*bytes, 1, BTF_BLOB_MAX + 1, file) : 0;
	fclose(file);
	return *bytes ? 0 : -ENOMEM;
}

static int write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	bool is_written = file && fwrite(bytes, 1, size, file) == size;

	if (file && fclose(file) != 0)
		is_written = false;
	return is_written ? 0 : -EIO;
}

/* Calls visit on each id that a type refers to. In a copy, visit may change the id. */
static void each_reference(struct btf_type *type, void (*visit)(uint32_t *id, void *context),
			   void *context)
{
	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (unsigned i = 0; i < btf_vlen(type); i++)
			visit(&btf_members(type)[i].type, context);
		break;
	case BTF_KIND_ARRAY:
		visit(&btf_array(type)->type, context);
		visit(&btf_array(type)->index_type, context);
		break;
	case BTF_KIND_FUNC_PROTO:
		for (unsigned i = 0; i < btf_vlen(type); i++)
			visit(&btf_params(type)[i].type, context);
		visit(&type->type, context);
		break;
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		visit(&type->type, context);
		break;
	default:
		break;
	}
}

struct keep {
	const struct btf *from;
	uint32_t *new_id; /* by old id; 0: not kept */
};

static void mark(uint32_t *id, void *context)
{
	struct keep *keep = context;

	if (*id == 0 || keep->new_id[*id])
		return;
	keep->new_id[*id] = 1;
	each_reference((struct btf_type *)btf__type_by_id(keep->from, *id), mark, context);
}

static void renumber(uint32_t *id, void *context)
{
	*id = ((const struct keep *)context)->new_id[*id];
}

/* A blob that holds only the marked types, in the same order. */
static struct btf *copy_marked(struct keep *keep)
{
	struct btf *to = btf__new_empty();

	for (uint32_t id = 1; to && id < btf__type_cnt(keep->from); id++) {
		if (!keep->new_id[id])
			continue;

		int new_id = btf__add_type(to, keep->from, btf__type_by_id(keep->from, id));

		if (new_id < 0)
			return NULL;
		keep->new_id[id] = (uint32_t)new_id;
	}
	for (uint32_t id = 1; to && id < btf__type_cnt(to); id++)
		each_reference((struct btf_type *)btf__type_by_id(to, id), renumber, keep);
	return to;
}

static int check_all(const struct btf *btf, char *const *names)
{
	struct error err;
	int failed = 0;

	for (; *names; names++) {
		struct type_layout layout;

		if (type_layout_build(btf, *names, &pagevisor_type_marks, &layout, &err) < 0) {
			fprintf(stderr, "btf_keep: %s\n", err.text);
			failed = 1;
		}
		type_layout_destroy(&layout);
	}
	return failed;
}

static int load(const char *path, struct btf **btf, struct error *err)
{
	void *bytes = NULL;
	size_t size = 0;
	int result = read_file(path, &bytes, &size);

	if (result < 0)
		error_set(err, result, "cannot read: %s", strerror(-result));
	else
		result = btf_check(bytes, size, &btf_limits_own, err);
	if (result == 0) {
		*btf = btf__new(bytes, (uint32_t)size);
		if (!*btf)
			result = error_set(err, -EPROTO, "libbpf refuses it");
	}
	free(bytes);
	return result;
}

static int keep_types(const struct btf *btf, const char *path, char *const *names,
		      struct error *err)
{
	struct keep keep = {.from = btf, .new_id = calloc(btf__type_cnt(btf), sizeof(uint32_t))};

	if (!keep.new_id)
		return error_set(err, -ENOMEM, "no memory");
	for (; *names; names++) {
		char marker[128];

		snprintf(marker, sizeof(marker), "meta_layout_%s", *names);

		uint32_t id = (uint32_t)btf__find_by_name_kind(btf, marker, BTF_KIND_TYPEDEF);

		mark(&id, &keep);
	}

	struct btf *kept = copy_marked(&keep);
	uint32_t size = 0;
	const void *bytes = kept ? btf__raw_data(kept, &size) : NULL;
	int result = bytes ? btf_check(bytes, size, &btf_limits_own, err)
			   : error_set(err, -ENOMEM, "no memory");

	if (result == 0 && write_file(path, bytes, size) < 0)
		result = error_set(err, -EIO, "cannot write %s", path);
	btf__free(kept);
	free(keep.new_id);
	return result;
}

int main(int argc, char **argv)
{
	struct btf *btf = NULL;
	struct error err;

	if (argc < 4) {
		fprintf(stderr, "usage: btf_keep IN OUT TYPE...\n");
		return 2;
	}

	int result = load(argv[1], &btf, &err);
	bool is_shown = result < 0 || check_all(btf, argv + 3) == 0;

	if (result == 0 && is_shown)
		result = keep_types(btf, argv[2], argv + 3, &err);
	if (result < 0)
		fprintf(stderr, "btf_keep: %s: %s\n", argv[1], err.text);
	btf__free(btf);
	return result < 0 || !is_shown;
}
