/* SPDX-License-Identifier: MPL-2.0 */
/* Which kernel image a guest runs: see image_id.h. */
#include "kind/pagevisor/image_id.h"

#include <errno.h>

#include <pagevisor/symbols.h>

#include "base/crc32c.h"
#include "kind/fields/btf_check.h"

static int add_range(const struct guest_memory *memory, paddr_t pa, uint64_t size, uint64_t max,
		     uint32_t *sum)
{
	uint8_t piece[PAGE_SIZE];

	if (size > max)
		return -EPROTO;
	for (uint64_t at = 0, length; at < size; at += length) {
		length = size - at < sizeof(piece) ? size - at : sizeof(piece);
		if (guest_memory_copy(memory, paddr(pa.addr + at), piece, length) < 0)
			return -EPROTO;
		*sum = crc32c(*sum, piece, length);
	}
	return 0;
}

int image_id_read(const struct guest_memory *memory, const struct guest_view *view, uint64_t *id)
{
	uint32_t types = 0, functions = 0;

	if (view->btf_size == 0 && view->symbols_size == 0)
		return -ENODATA;
	int result = add_range(memory, view->btf, view->btf_size, BTF_BLOB_MAX, &types);

	if (result == 0)
		result = add_range(memory, view->symbols, view->symbols_size, SYMBOL_TABLE_MAX,
				   &functions);
	*id = (uint64_t)types << 32 | functions;
	return result;
}
