/* SPDX-License-Identifier: MPL-2.0 */
/* What the boot loader passed: command line, memory map, ACPI root. Read once, into the kernel's own memory. */
#ifndef GUEST_BOOT_INFO_H
#define GUEST_BOOT_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include <pagevisor/info.h>
#include <pagevisor/options.h>
#include <pagevisor/pvh.h>

#include "pagemeta/region.h"

struct boot_info {
	uint64_t rsdp_pa;          /* 0: none given */
	struct region_list memory; /* the memory map, for the kernel */
	unsigned region_count;
	struct info_region regions[INFO_REGIONS_MAX]; /* the same, as it is published */
	char command_line[COMMAND_LINE_SIZE];
};

extern struct boot_info boot_info;

/*
 * Fills boot_info. Panics if the start info is invalid. If the memory map has more entries than fit, drops some of them
 * and prints how many.
 */
void boot_info_read(uint64_t start_info_pa);

/*
 * Looks for "name=" among the words of the command line. Returns the text behind it, which ends at
 * a space or NUL, or NULL.
 */
const char *boot_option(const char *name);

/* Ends the guest because of a wrong option. Prints one line that says what would be right. */
_Noreturn void boot_option_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether an option's text is exactly this word. */
bool boot_option_is(const char *text, const char *word);

#endif
