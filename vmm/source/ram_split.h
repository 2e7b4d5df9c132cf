/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where machines split their RAM. A machine with more RAM than fits below 4 GiB has the first part from address 0 on and
 * the rest from 4 GiB; where RAM is one piece, of a process or in a file, only the guest can tell how large the first
 * part is.
 */
#ifndef VMM_SOURCE_RAM_SPLIT_H
#define VMM_SOURCE_RAM_SPLIT_H

#include <stdint.h>

#define RAM_SPLITS_MAX 5

/*
 * Lists the sizes that the low part of `size` bytes of RAM may have, the likeliest first: all of it, then what QEMU's
 * machines do. Returns how many, at least 1.
 */
unsigned ram_split_list(uint64_t size, uint64_t lows[RAM_SPLITS_MAX]);

#endif
