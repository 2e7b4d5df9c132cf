/* SPDX-License-Identifier: MPL-2.0 */
/* The scenarios of our own guest, and the faults that it can plant; the guest has the last word on both. */
#ifndef VMM_STRESS_CATALOG_H
#define VMM_STRESS_CATALOG_H

struct catalog_entry {
	const char *name;
	const char *text;
};

/* Each ends with an entry of NULL. */
extern const struct catalog_entry catalog_scenarios[];
extern const struct catalog_entry catalog_plants[];

/* The entry with this name. NULL: there is none. */
const struct catalog_entry *catalog_find(const struct catalog_entry *entries, const char *name);

#endif
