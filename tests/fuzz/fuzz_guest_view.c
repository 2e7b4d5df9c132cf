/* SPDX-License-Identifier: MPL-2.0 */
/* Fuzzes the readers of what a guest publishes about itself: the input overlays the pages of a small guest. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/fuzz_guest.h"
#include "memory/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct guest_memory memory;
	paddr_t info;

	(void)argc;
	(void)argv;
	urcu_memb_register_thread();

	int fd = fuzz_guest_make(&memory, &info, NULL, 0);

	fuzz_guest_self_check(&memory, info);
	guest_memory_destroy(&memory);
	close(fd);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_memory memory;
	paddr_t info;
	int fd = fuzz_guest_make(&memory, &info, data, size);

	fuzz_guest_read(&memory, info);
	guest_memory_destroy(&memory);
	close(fd);
	return 0;
}
