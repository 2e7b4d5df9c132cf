/* SPDX-License-Identifier: MPL-2.0 */
/*
 * From a frame to its slot and back: slot n of the array describes physical frame n.
 * Both directions are exact for every slot. No bounds are checked here; frame_check_address()
 * in frame.h does.
 */
#ifndef PAGEMETA_MAPPING_H
#define PAGEMETA_MAPPING_H

#include <pagevisor/address.h>
#include <pagevisor/slot.h>

#include <pagemeta_platform.h>

static inline struct meta_slot *pfn_to_meta(pfn_t frame)
{
	return platform_meta_base() + frame.index;
}

static inline pfn_t meta_to_pfn(const struct meta_slot *slot)
{
	return pfn((uint64_t)(slot - platform_meta_base()));
}

/* The slot of the frame that holds an address. */
static inline struct meta_slot *frame_to_meta(paddr_t frame)
{
	return pfn_to_meta(paddr_to_pfn(frame));
}

/* The first address of the frame that a slot describes. */
static inline paddr_t meta_to_frame(const struct meta_slot *slot)
{
	return pfn_to_paddr(meta_to_pfn(slot));
}

#endif
