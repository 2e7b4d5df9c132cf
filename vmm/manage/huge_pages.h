/* SPDX-License-Identifier: MPL-2.0 */
/* Whether a guest's memory is in huge pages. */
#ifndef VMM_HUGE_PAGES_H
#define VMM_HUGE_PAGES_H

#include <stdbool.h>

/*
 * Whether the kernel gives memory files huge pages: always, or to those who ask and somebody does. Reads a file of
 * /sys. If it cannot be read, no.
 */
bool huge_pages_are_in_force(bool somebody_asks);

/* The same for the text of that file, such as "always within_size advise [never] deny force". */
bool huge_pages_chosen(const char *text, bool somebody_asks);

#endif
