/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Whether a blob of BTF from a guest can be given to libbpf, which trusts its input.
 *
 * A blob passes if it has one header, types and strings that fill it exactly, kinds that this version knows, ids and
 * names that exist, and members inside their structs. Each type must be finite: none contains itself, none needs itself
 * to be declared, and either walk costs BTF_COST_MAX steps at most. linux/btf.h and the kernel's
 * Documentation/bpf/btf.rst define the format.
 */
#ifndef VMM_BTF_CHECK_H
#define VMM_BTF_CHECK_H

#include <stddef.h>

#include "base/error.h"

#define BTF_BLOB_MAX  (1U << 20)
#define BTF_TYPES_MAX 65535
#define BTF_DEPTH_MAX 24   /* nesting of structs, arrays, typedefs, pointers of one type */
#define BTF_COST_MAX  8192 /* types met in a walk of one type and all it contains */
#define BTF_NAME_MAX  127  /* characters */

/*
 * Checks a blob, which is aligned to 4 bytes. Returns 0; -EPROTO, with a text that says what is
 * wrong with it; or -ENOMEM.
 */
int btf_check(const void *blob, size_t size, struct error *err);

#endif
