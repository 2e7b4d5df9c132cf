/* SPDX-License-Identifier: MPL-2.0 */
/* Where boot/start.S hands over to C. */
#ifndef GUEST_ENTRY_H
#define GUEST_ENTRY_H

#include <stdint.h>

/* The boot processor; start_info_pa as the boot loader gave it. */
_Noreturn void kmain(uint64_t start_info_pa);

/* Each application processor, once. */
_Noreturn void ap_main(void);

#endif
