/* SPDX-License-Identifier: MPL-2.0 */
/* Several words in a sentence: see word_list.h. */
#include "base/word_list.h"

#include <stdio.h>

const char *word_list_text(char *text, size_t size, const char *const *words, unsigned count)
{
	size_t length = 0;

	*text = '\0';
	for (unsigned i = 0; i < count && length < size; i++) {
		const char *gap = i == 0 ? "" : i + 1 < count ? ", " : " or ";

		length += (size_t)snprintf(text + length, size - length, "%s%s", gap, words[i]);
	}
	return text;
}
