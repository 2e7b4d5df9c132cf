/* SPDX-License-Identifier: MPL-2.0 */
/* The build uses only its debug information: see sample.h. */
#include "btf/sample.h"

META_TYPE(numbers);
META_TYPE(nested);
META_TYPE(bits);
META_TYPE(signs);
META_TYPE(packed);
META_TYPE(atomic);
META_TYPE_OF(alias, struct numbers_meta);
META_TYPE_OF(bare, shared_u64);
