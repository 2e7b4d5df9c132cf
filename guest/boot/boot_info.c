/* SPDX-License-Identifier: MPL-2.0 */
/* What the boot loader passed: see boot_info.h. */
#include "boot/boot_info.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <pagevisor/layout.h>
#include <pagevisor/ports.h>

#include <pagemeta_platform.h>

#include "boot/memory_map.h"
#include "lib/console.h"
#include "panic.h"

struct boot_info boot_info;

static void copy_command_line(uint64_t pa)
{
	const char *text = platform_phys_to_virt(paddr(pa));

	if (pa == 0)
		return;
	for (size_t i = 0; text[i]; i++) {
		if (i == COMMAND_LINE_SIZE - 1)
			panic("the command line exceeds %d characters", COMMAND_LINE_SIZE - 1);
		boot_info.command_line[i] = text[i];
	}
}

/* Reads the map if it lies in memory that is mapped. */
static void read_map(uint64_t pa, uint32_t count)
{
	uint64_t size = count * sizeof(struct pvh_memmap_entry);

	if (pa > BOOT_MAPPED_SIZE || size > BOOT_MAPPED_SIZE - pa)
		panic("a memory map of %u entries at 0x%lx", count, pa);
	boot_info.region_count = memory_map_read(platform_phys_to_virt(paddr(pa)), count,
						 &boot_info.memory, boot_info.regions);
	if (boot_info.memory.dropped)
		kprintf("memory map: %u entries; dropped %u, with %lu KiB of memory\n", count,
			boot_info.memory.dropped, boot_info.memory.dropped_bytes >> 10);
}

void boot_info_read(uint64_t start_info_pa)
{
	const struct pvh_start_info *start = platform_phys_to_virt(paddr(start_info_pa));

	if (start->magic != PVH_START_INFO_MAGIC)
		panic("no PVH start info at 0x%lx", start_info_pa);
	if (start->version < PVH_START_INFO_VERSION || start->memmap_count == 0)
		panic("the PVH start info has no memory map");
	boot_info.rsdp_pa = start->rsdp_paddr;
	read_map(start->memmap_paddr, start->memmap_count);
	copy_command_line(start->cmdline_paddr);
}

const char *boot_option(const char *name)
{
	size_t length = strlen(name);
	const char *text = boot_info.command_line;

	while (*text) {
		while (*text == ' ')
			text++;
		size_t i = 0;

		while (i < length && text[i] == name[i])
			i++;
		if (i == length && text[i] == '=')
			return text + i + 1;
		while (*text && *text != ' ')
			text++;
	}
	return NULL;
}

_Noreturn void boot_option_refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	kvprintf(format, args);
	va_end(args);
	kprintf("\n");
	guest_exit(GUEST_EXIT_USAGE);
}

bool boot_option_is(const char *text, const char *word)
{
	while (*word && *text == *word) {
		text++;
		word++;
	}
	return *word == '\0' && (*text == '\0' || *text == ' ');
}
