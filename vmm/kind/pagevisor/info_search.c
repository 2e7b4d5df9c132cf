/* SPDX-License-Identifier: MPL-2.0 */
/* Finding info pages: see info_search.h. */
#include "kind/pagevisor/info_search.h"

#include <string.h>

#include <pagevisor/info.h>

#include "memory/page_search.h"

struct search {
	paddr_t *pages;
	unsigned max;
	unsigned count;
};

/* Judges a page that begins with the magic. */
static bool is_info_page(const void *page, paddr_t at)
{
	struct guest_info info;

	memcpy(&info, page, sizeof(info));
	if (info.abi_version != INFO_ABI_VERSION)
		return info.info_size >= sizeof(struct info_head) && info.info_size <= PAGE_SIZE;
	return info.info_size == sizeof(info) && at.addr >= info.kernel_start_pa &&
	       at.addr < info.kernel_end_pa;
}

/* Ends the search, with 1, when there are enough. */
static int visit_page(void *own, const void *page, paddr_t at)
{
	struct search *search = own;

	if (is_info_page(page, at))
		search->pages[search->count++] = at;
	return search->count == search->max;
}

int info_search(const struct guest_memory *memory, uint64_t end, paddr_t *pages, unsigned max)
{
	struct search search = {.pages = pages, .max = max};
	int result = max > 0 ? page_search(memory, end, INFO_MAGIC, visit_page, &search) : 0;

	return result < 0 ? result : (int)search.count;
}
