/* SPDX-License-Identifier: MPL-2.0 */
/* Symbols of the kernel: see symbols.h. */
#include "base/elf/symbols.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/elf/elf_image.h"

/* A name may be as long as the file. Messages show at most this much of it. */
#define NAME_SHOWN_MAX 128

/* The file and its two sections; their ranges are checked against the file. */
struct symbol_sections {
	const uint8_t *bytes;
	Elf64_Shdr symtab; /* sh_size 0: no symbol table */
	Elf64_Shdr strtab;
};

static void read_section(const uint8_t *bytes, const Elf64_Ehdr *header, unsigned index,
			 Elf64_Shdr *section)
{
	memcpy(section, bytes + header->e_shoff + index * sizeof(*section), sizeof(*section));
}

static int find_sections(struct symbol_sections *found, size_t size)
{
	static const unsigned char ident[] = {ELFMAG0,    ELFMAG1,     ELFMAG2,   ELFMAG3,
					      ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
	Elf64_Shdr *symtab = &found->symtab;
	Elf64_Shdr *strtab = &found->strtab;
	Elf64_Ehdr header;
	unsigned i;

	if (size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, found->bytes, sizeof(header));
	if (memcmp(header.e_ident, ident, sizeof(ident)) != 0)
		return -ENOEXEC;
	if (header.e_shnum == 0) /* none, or more than 65279: more than any kernel has */
		return 0;
	if (header.e_shentsize != sizeof(*symtab) ||
	    !elf_range_fits(size, header.e_shoff, header.e_shnum * sizeof(*symtab)))
		return -ENOEXEC;
	for (i = 0; i < header.e_shnum; i++) {
		read_section(found->bytes, &header, i, symtab);
		if (symtab->sh_type == SHT_SYMTAB)
			break;
	}
	if (i == header.e_shnum) {
		symtab->sh_size = 0;
		return 0;
	}
	if (symtab->sh_entsize != sizeof(Elf64_Sym) || symtab->sh_link >= header.e_shnum ||
	    !elf_range_fits(size, symtab->sh_offset, symtab->sh_size))
		return -ENOEXEC;
	read_section(found->bytes, &header, symtab->sh_link, strtab);
	if (strtab->sh_type != SHT_STRTAB ||
	    !elf_range_fits(size, strtab->sh_offset, strtab->sh_size))
		return -ENOEXEC;
	return 0;
}

/*
 * Copies the whole string table rather than each name: symbols can share a name or its tail, so separate copies could
 * exceed the size of the file many times over. Ends the copy with a NUL, whatever the file contains, and replaces
 * everything that a terminal could interpret as a command.
 */
static char *copy_names(const uint8_t *strings, size_t size)
{
	char *names = malloc(size + 1);

	if (!names)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		bool keep = strings[i] == '\0' || (strings[i] >= ' ' && strings[i] <= '~');

		names[i] = keep ? (char)strings[i] : '?';
	}
	names[size] = '\0';
	return names;
}

static void copy_functions(struct symbols *symbols, const struct symbol_sections *from)
{
	size_t total = from->symtab.sh_size / sizeof(Elf64_Sym);
	Elf64_Sym sym;

	for (size_t i = 0; i < total; i++) {
		memcpy(&sym, from->bytes + from->symtab.sh_offset + i * sizeof(sym), sizeof(sym));
		if (ELF64_ST_TYPE(sym.st_info) != STT_FUNC || sym.st_shndx == SHN_UNDEF)
			continue;
		if (sym.st_name >= from->strtab.sh_size || symbols->names[sym.st_name] == '\0')
			continue;
		symbols->table[symbols->count++] = (struct symbol){
			.address = sym.st_value,
			.size = sym.st_size,
			.name = sym.st_name,
		};
	}
}

/* Orders by address, then size, then name, so that the result does not depend on the sort algorithm. */
static int compare_symbols(const void *left, const void *right)
{
	const struct symbol *a = left;
	const struct symbol *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return (a->name > b->name) - (a->name < b->name);
}

int symbols_load(struct symbols *symbols, const void *bytes, size_t size)
{
	struct symbol_sections from = {.bytes = bytes};
	int rc;

	*symbols = (struct symbols){0};
	rc = find_sections(&from, size);
	if (rc < 0 || from.symtab.sh_size < sizeof(Elf64_Sym))
		return rc;
	symbols->names = copy_names(from.bytes + from.strtab.sh_offset, from.strtab.sh_size);
	symbols->table = calloc(from.symtab.sh_size / sizeof(Elf64_Sym), sizeof(*symbols->table));
	if (!symbols->names || !symbols->table) {
		symbols_free(symbols);
		return -ENOMEM;
	}
	copy_functions(symbols, &from);
	qsort(symbols->table, symbols->count, sizeof(*symbols->table), compare_symbols);
	return 0;
}

void symbols_free(struct symbols *symbols)
{
	free(symbols->table);
	free(symbols->names);
	*symbols = (struct symbols){0};
}

bool symbols_find(const struct symbols *symbols, uint64_t address, const char **name,
		  uint64_t *offset)
{
	size_t low = 0;
	size_t high = symbols->count;
	const struct symbol *symbol;

	/* After the loop, low is the first symbol past the address. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->table[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	symbol = &symbols->table[low - 1];
	*offset = address - symbol->address;
	*name = symbols->names + symbol->name;
	if (symbol->size != 0)
		return *offset < symbol->size;
	/* No symbol follows the last one to mark its end: only its own address certainly belongs to it. */
	return low < symbols->count || *offset == 0;
}

const char *symbols_format(const struct symbols *symbols, uint64_t address, char *buffer,
			   size_t size)
{
	const char *name;
	uint64_t offset;

	if (symbols_find(symbols, address, &name, &offset))
		snprintf(buffer, size, "0x%" PRIx64 " (%.*s+0x%" PRIx64 ")", address,
			 NAME_SHOWN_MAX, name, offset);
	else
		snprintf(buffer, size, "0x%" PRIx64, address);
	return buffer;
}
