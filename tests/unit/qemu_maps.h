/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The memory maps that QEMU gives to a PVH kernel: what start_info's memmap held on entry.
 *
 * Recorded from QEMU 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3) with a kernel that prints the map to
 * its serial port:
 *
 *     qemu-system-x86_64 -accel tcg -machine MACHINE -m SIZE -kernel PRINTER -display none
 *             -serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4
 *
 * Left as they came: pc and q35 end with a reserved region just below 1 TiB, microvm with an empty
 * entry of type 0.
 */
#ifndef TESTS_UNIT_QEMU_MAPS_H
#define TESTS_UNIT_QEMU_MAPS_H

#include <pagevisor/pvh.h>

#include "unit/fixture.h"

static const struct pvh_memmap_entry qemu_pc_16m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xee0000, E820_USABLE, 0},
	{0xfe0000, 0x20000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_pc_64m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x3ee0000, E820_USABLE, 0},
	{0x3fe0000, 0x20000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_pc_512m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x1fee0000, E820_USABLE, 0},
	{0x1ffe0000, 0x20000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_pc_3g[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xbfee0000, E820_USABLE, 0},
	{0xbffe0000, 0x20000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_pc_3584m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xbfee0000, E820_USABLE, 0},
	{0xbffe0000, 0x20000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0x100000000, 0x20000000, E820_USABLE, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_pc_6g[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xbfee0000, E820_USABLE, 0},
	{0xbffe0000, 0x20000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0x100000000, 0xc0000000, E820_USABLE, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_q35_16m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xedf000, E820_USABLE, 0},
	{0xfdf000, 0x21000, E820_RESERVED, 0},
	{0xb0000000, 0x10000000, E820_RESERVED, 0},
	{0xfed1c000, 0x4000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_q35_64m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x3edf000, E820_USABLE, 0},
	{0x3fdf000, 0x21000, E820_RESERVED, 0},
	{0xb0000000, 0x10000000, E820_RESERVED, 0},
	{0xfed1c000, 0x4000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_q35_512m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x1fedf000, E820_USABLE, 0},
	{0x1ffdf000, 0x21000, E820_RESERVED, 0},
	{0xb0000000, 0x10000000, E820_RESERVED, 0},
	{0xfed1c000, 0x4000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_q35_3g[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x7fedf000, E820_USABLE, 0},
	{0x7ffdf000, 0x21000, E820_RESERVED, 0},
	{0xb0000000, 0x10000000, E820_RESERVED, 0},
	{0xfed1c000, 0x4000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0x100000000, 0x40000000, E820_USABLE, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_q35_3584m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x7fedf000, E820_USABLE, 0},
	{0x7ffdf000, 0x21000, E820_RESERVED, 0},
	{0xb0000000, 0x10000000, E820_RESERVED, 0},
	{0xfed1c000, 0x4000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0x100000000, 0x60000000, E820_USABLE, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_q35_6g[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x7fedf000, E820_USABLE, 0},
	{0x7ffdf000, 0x21000, E820_RESERVED, 0},
	{0xb0000000, 0x10000000, E820_RESERVED, 0},
	{0xfed1c000, 0x4000, E820_RESERVED, 0},
	{0xfffc0000, 0x40000, E820_RESERVED, 0},
	{0x100000000, 0x100000000, E820_USABLE, 0},
	{0xfd00000000, 0x300000000, E820_RESERVED, 0},
};

static const struct pvh_memmap_entry qemu_microvm_16m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},       {0x9fc00, 0x400, E820_RESERVED, 0},
	{0xd0000, 0x20000, E820_ACPI_NVS, 0}, {0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xf00000, E820_USABLE, 0}, {0x0, 0x0, 0, 0},
};

static const struct pvh_memmap_entry qemu_microvm_64m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},        {0x9fc00, 0x400, E820_RESERVED, 0},
	{0xd0000, 0x20000, E820_ACPI_NVS, 0},  {0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x3f00000, E820_USABLE, 0}, {0x0, 0x0, 0, 0},
};

static const struct pvh_memmap_entry qemu_microvm_512m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},         {0x9fc00, 0x400, E820_RESERVED, 0},
	{0xd0000, 0x20000, E820_ACPI_NVS, 0},   {0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0x1ff00000, E820_USABLE, 0}, {0x0, 0x0, 0, 0},
};

static const struct pvh_memmap_entry qemu_microvm_3g[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},         {0x9fc00, 0x400, E820_RESERVED, 0},
	{0xd0000, 0x20000, E820_ACPI_NVS, 0},   {0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xbff00000, E820_USABLE, 0}, {0x0, 0x0, 0, 0},
};

static const struct pvh_memmap_entry qemu_microvm_3584m[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xd0000, 0x20000, E820_ACPI_NVS, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xbff00000, E820_USABLE, 0},
	{0x100000000, 0x20000000, E820_USABLE, 0},
	{0x0, 0x0, 0, 0},
};

static const struct pvh_memmap_entry qemu_microvm_6g[] = {
	{0x0, 0x9fc00, E820_USABLE, 0},
	{0x9fc00, 0x400, E820_RESERVED, 0},
	{0xd0000, 0x20000, E820_ACPI_NVS, 0},
	{0xf0000, 0x10000, E820_RESERVED, 0},
	{0x100000, 0xbff00000, E820_USABLE, 0},
	{0x100000000, 0xc0000000, E820_USABLE, 0},
	{0x0, 0x0, 0, 0},
};

static const struct firmware_map qemu_maps[] = {
	MEMORY_MAP("pc 16 MiB", qemu_pc_16m),
	MEMORY_MAP("pc 64 MiB", qemu_pc_64m),
	MEMORY_MAP("pc 512 MiB", qemu_pc_512m),
	MEMORY_MAP("pc 3 GiB", qemu_pc_3g),
	MEMORY_MAP("pc 3.5 GiB", qemu_pc_3584m),
	MEMORY_MAP("pc 6 GiB", qemu_pc_6g),
	MEMORY_MAP("q35 16 MiB", qemu_q35_16m),
	MEMORY_MAP("q35 64 MiB", qemu_q35_64m),
	MEMORY_MAP("q35 512 MiB", qemu_q35_512m),
	MEMORY_MAP("q35 3 GiB", qemu_q35_3g),
	MEMORY_MAP("q35 3.5 GiB", qemu_q35_3584m),
	MEMORY_MAP("q35 6 GiB", qemu_q35_6g),
	MEMORY_MAP("microvm 16 MiB", qemu_microvm_16m),
	MEMORY_MAP("microvm 64 MiB", qemu_microvm_64m),
	MEMORY_MAP("microvm 512 MiB", qemu_microvm_512m),
	MEMORY_MAP("microvm 3 GiB", qemu_microvm_3g),
	MEMORY_MAP("microvm 3.5 GiB", qemu_microvm_3584m),
	MEMORY_MAP("microvm 6 GiB", qemu_microvm_6g),
};

#define QEMU_MAP_COUNT (sizeof(qemu_maps) / sizeof(qemu_maps[0]))

#endif
