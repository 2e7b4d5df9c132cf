/* SPDX-License-Identifier: MPL-2.0 */
/* Text made printable: see printable.h. */
#include "base/printable.h"

void printable_copy(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; from && i < size - 1 && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}
