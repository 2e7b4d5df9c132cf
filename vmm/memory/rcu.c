/* SPDX-License-Identifier: MPL-2.0 */
/* Defines the variable that rcu.h needs in the ThreadSanitizer build. */
#include "memory/rcu.h"

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
char rcu_grace_period;
#else
typedef int rcu_translation_unit_is_not_empty;
#endif
