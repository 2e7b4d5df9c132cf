/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The metadata types of a guest with their fields, as its BTF tells them: one layout for each type
 * of its guest, in the same order.
 *
 * A catalog never changes once it is built. A guest without BTF, or with BTF that is refused, has a
 * catalog as well; it says why, and its layouts are empty.
 */
#ifndef VMM_TYPE_CATALOG_H
#define VMM_TYPE_CATALOG_H

#include <string.h>

#include "base/error.h"
#include "kind/guest.h"
#include "kind/fields/type_layout.h"

struct type_catalog {
	struct btf *btf;        /* NULL when there is none that can be used */
	struct error why;       /* then: why */
	unsigned metadata_size; /* bytes of a record that types describe */
	unsigned count;
	struct type_layout layouts[FRAME_TYPES_MAX];
};

/* A catalog for the types of a guest, of whose fields nothing is known, for the reason `why`; NULL for want of memory. */
struct type_catalog *type_catalog_new(const struct guest *guest, const char *why);

/*
 * Takes the fields of all types from a blob of BTF, which is checked and copied; it is aligned to 4 bytes. What is wrong
 * with it, or with one of the types, is said in the catalog.
 */
void type_catalog_load(struct type_catalog *catalog, const struct guest *guest, const void *blob,
		       size_t size);

void type_catalog_free(struct type_catalog *catalog);

/* Why nothing is known about the fields of a type, or NULL when they are known. */
const char *type_catalog_unknown(const struct type_catalog *catalog, unsigned type);

/* Words of a record that types describe, and one of them. */
static inline unsigned type_catalog_words(const struct type_catalog *catalog)
{
	return catalog->metadata_size / (unsigned)sizeof(uint64_t);
}

static inline uint64_t record_word(const void *record, unsigned index)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)record + index * sizeof(word), sizeof(word));
	return word;
}

#endif
