/* SPDX-License-Identifier: MPL-2.0 */
/* Loads a checked kernel image into the guest's RAM. */
#ifndef VMM_BOOT_ELF_LOAD_H
#define VMM_BOOT_ELF_LOAD_H

#include "base/elf/elf_image.h"
#include "base/error.h"
#include "memory/guest_memory.h"

/*
 * Copies the segments into fresh guest RAM. Returns 0, or -EFAULT when a segment is not within RAM; nothing is written
 * then.
 */
int elf_load(const struct elf_image *image, const struct memory_map *map, struct error *err);

#endif
