/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Where things lie: the guest's virtual address space and the VM's physical one.
 *
 * Virtual (48 bits, 4-level paging):
 *
 *     0x0000000000000000   identity map of the first 4 GiB, for boot and the processors' start
 *     0xffff888000000000   linear mapping of physical memory, from physical address 0
 *     0xffffe00000000000   FRAME_METADATA_RANGE: slot n describes physical frame n
 *     0xffffffff80000000   the kernel image, physical address 0 mapped at its start
 *
 * PML4 entry 256 stays empty: hosts without VT-x or SVM reserve it.
 *
 * Physical: RAM from 0 up to 3 GiB, the rest from 4 GiB; in between lie the interrupt controllers.
 * Usable from assembly and from the linker script's preprocessing: plain numbers only.
 */
#ifndef PAGEVISOR_LAYOUT_H
#define PAGEVISOR_LAYOUT_H

#define LINEAR_MAP_BASE      0xffff888000000000
#define FRAME_METADATA_BASE  0xffffe00000000000
#define FRAME_METADATA_END   0xffffe10000000000
#define KERNEL_VIRTUAL_BASE  0xffffffff80000000
#define KERNEL_PHYSICAL_LOAD 0x100000

/* The boot page table maps this much, in the identity map and in the linear mapping. */
#define BOOT_MAPPED_SIZE 0x100000000

#define LOW_RAM_MAX   0xc0000000  /* RAM below 4 GiB ends here at the latest */
#define HIGH_RAM_BASE 0x100000000 /* RAM that does not fit below starts here */

/* Real-mode code of a starting application processor: a page below 1 MiB whose number is the SIPI vector. */
#define AP_TRAMPOLINE 0x8000

#define MAX_CPUS 16

/* The longest command line of the guest, in bytes, including the terminating NUL. */
#define COMMAND_LINE_SIZE 4096

#endif
