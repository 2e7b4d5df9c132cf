/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The metadata types of a guest with their fields, as its BTF describes them: one layout for each of the guest's types,
 * in the same order.
 *
 * A catalog never changes once it is built. A guest whose BTF is missing or refused has a catalog, too: it gives the
 * reason, and its layouts are empty.
 */
#ifndef VMM_TYPE_CATALOG_H
#define VMM_TYPE_CATALOG_H

#include <string.h>

#include "base/error.h"
#include "kind/guest.h"
#include "kind/fields/type_layout.h"

struct type_catalog {
	struct btf *btf;        /* NULL if there is none that can be used */
	struct error why;       /* the reason, if btf is NULL */
	struct error wild;      /* the fault of a frame in use that has none of the types */
	unsigned metadata_size; /* bytes of a record that types describe */
	unsigned count;
	struct type_layout layouts[FRAME_TYPES_MAX];
};

/* A catalog for the types of a guest whose fields are unknown, for the reason `why`. Returns NULL if memory ran out. */
struct type_catalog *type_catalog_new(const struct guest *guest, const char *why);

/*
 * Takes the fields of all types from a blob of BTF, which is aligned to 4 bytes. The blob is checked and copied. The
 * catalog says what is wrong with it, or with one of the types.
 */
void type_catalog_load(struct type_catalog *catalog, const struct guest *guest, const void *blob,
		       size_t size);

void type_catalog_free(struct type_catalog *catalog);

/* Why nothing is known about the fields of a type, or NULL if they are known. */
const char *type_catalog_unknown(const struct type_catalog *catalog, unsigned type);

/* The number of words of a record that types describe, and one of these words. */
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
