/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Whether a blob of BTF from a guest can be given to libbpf, which trusts its input.
 *
 * A blob passes if it has one header, types and strings that fill it exactly, kinds that this version knows, ids and
 * names that exist, and members inside their structs. Each type must be finite: none contains itself, none needs itself
 * to be declared, and either walk is bounded in depth and in steps. linux/btf.h and the kernel's
 * Documentation/bpf/btf.rst define the format.
 *
 * How much is too much differs: our own guest keeps a few kilobytes of BTF, a Linux kernel megabytes.
 */
#ifndef VMM_BTF_CHECK_H
#define VMM_BTF_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct btf_limits {
	size_t size; /* bytes of the blob */
	uint32_t types;
	unsigned
		depth; /* nesting of structs, arrays, typedefs, pointers of one type; at most BTF_DEPTH_LIMIT */
	uint32_t cost; /* types met in a walk of one type and all it contains, or declares */
	unsigned name; /* characters */
};

/* The walks are recursive. */
#define BTF_DEPTH_LIMIT 64

/* Those of our own guest, which everything that makes or finds its BTF knows. */
#define BTF_BLOB_MAX  (1U << 20)
#define BTF_TYPES_MAX 65535
#define BTF_DEPTH_MAX 24   /* nesting of structs, arrays, typedefs, pointers of one type */
#define BTF_COST_MAX  8192 /* types met in a walk of one type and all it contains */
#define BTF_NAME_MAX  127  /* characters */

extern const struct btf_limits btf_limits_own;

/*
 * Checks a blob, which is aligned to 4 bytes, in time that is linear in its size. Returns 0; -EPROTO, with a text that says what is
 * wrong with it; or -ENOMEM.
 */
int btf_check(const void *blob, size_t size, const struct btf_limits *limits, struct error *err);

#endif
