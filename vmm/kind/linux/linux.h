/* SPDX-License-Identifier: MPL-2.0 */
/* The kind of Linux guests, for the registry. */
#ifndef VMM_LINUX_LINUX_H
#define VMM_LINUX_LINUX_H

#include "kind/kind.h"

extern const struct kind linux_kind;

#endif
