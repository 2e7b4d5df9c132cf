/* SPDX-License-Identifier: MPL-2.0 */
/* Several words in a sentence. */
#ifndef VMM_WORD_LIST_H
#define VMM_WORD_LIST_H

#include <stddef.h>

/* "kvm, qemu or auto", cut to `size` bytes. Returns `text`. */
const char *word_list_text(char *text, size_t size, const char *const *words, unsigned count);

#endif
