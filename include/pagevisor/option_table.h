/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the guest's command line may say: its workloads, the options, and the words that options take.
 *
 * The image carries them as one array of entries, in any order. An ELF note of type OPTION_NOTE_TYPE, named as that of the
 * info page (note.h), says where, so that a host can judge a command line before it boots anything. The guest parses
 * its options by the same entries. Texts end with NUL; unused fields are zero. Constants are usable from assembly.
 */
#ifndef PAGEVISOR_OPTION_TABLE_H
#define PAGEVISOR_OPTION_TABLE_H

#define OPTION_NOTE_TYPE  2
#define OPTION_ENTRY_SIZE 256

#ifndef __ASSEMBLER__

#include <stdint.h>

#include <pagevisor/abi.h>

/* The note's descriptor. A host that knows another size of entries leaves the table alone. */
struct option_note {
	uint64_t entries_pa; /* in the part of a segment that comes from the file */
	uint64_t end_pa;     /* of the last entry */
	uint64_t entry_size; /* OPTION_ENTRY_SIZE */
};

ABI_OFFSET(struct option_note, entries_pa, 0);
ABI_OFFSET(struct option_note, end_pa, 8);
ABI_OFFSET(struct option_note, entry_size, 16);
ABI_SIZE(struct option_note, 24);

/* A reader accepts no more entries than this. */
#define OPTION_ENTRIES_MAX 1024

/* A host leaves out entries of kinds that it does not know. */
enum option_kind {
	OPTION_KIND_NONE,
	OPTION_KIND_WORKLOAD, /* what the option workload= names */
	OPTION_KIND_SETTING,  /* NAME=VALUE on the command line */
	OPTION_KIND_WORD,     /* one of the words that the option `of` takes */
	OPTION_KIND_COUNT,
};

/* What a setting takes. */
enum option_value {
	OPTION_TAKES_TEXT,   /* any text without spaces */
	OPTION_TAKES_NUMBER, /* decimal, in [min, max]; `fallback` without the option */
	OPTION_TAKES_WORD,   /* one of its words; without the option `word`, if that is not empty */
	OPTION_TAKES_WORKLOAD,  /* the name of a workload, likewise */
	OPTION_TAKES_WORKLOADS, /* names of workloads that can be mixed, between commas */
	OPTION_VALUE_COUNT,
};

/* Of a workload: it may take part in a mix; a stress run can use it, because it checks itself. */
#define OPTION_MIXES        (1u << 0)
#define OPTION_STRESSES     (1u << 1)
/* Of a setting that takes a number: only powers of two; zero as well, whatever min is. */
#define OPTION_POWER_OF_TWO (1u << 2)
#define OPTION_OR_ZERO      (1u << 3)
/* Of a setting: the host has an option of its own for it. */
#define OPTION_FROM_HOST    (1u << 4)

#define OPTION_NAME_SIZE 24

struct option_entry {
	uint32_t kind;  /* enum option_kind */
	uint32_t value; /* enum option_value */
	uint32_t flags;
	uint32_t reserved;
	uint64_t min;
	uint64_t max;
	uint64_t fallback;
	char name[OPTION_NAME_SIZE]; /* letters, digits and '_' */
	char of[OPTION_NAME_SIZE]; /* of a setting: its workload, empty for all; of a word: its setting */
	char word[OPTION_NAME_SIZE];
	char unit[16];
	char help[128]; /* one line */
};

ABI_OFFSET(struct option_entry, kind, 0);
ABI_OFFSET(struct option_entry, value, 4);
ABI_OFFSET(struct option_entry, flags, 8);
ABI_OFFSET(struct option_entry, min, 16);
ABI_OFFSET(struct option_entry, max, 24);
ABI_OFFSET(struct option_entry, fallback, 32);
ABI_OFFSET(struct option_entry, name, 40);
ABI_OFFSET(struct option_entry, of, 64);
ABI_OFFSET(struct option_entry, word, 88);
ABI_OFFSET(struct option_entry, unit, 112);
ABI_OFFSET(struct option_entry, help, 128);
ABI_SIZE(struct option_entry, OPTION_ENTRY_SIZE);

#endif /* __ASSEMBLER__ */
#endif
