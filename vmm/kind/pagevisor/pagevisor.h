/* SPDX-License-Identifier: MPL-2.0 */
/* The kind of pagevisor's own guests, for the registry. */
#ifndef VMM_PAGEVISOR_H
#define VMM_PAGEVISOR_H

struct kind;

extern const struct kind pagevisor_kind;

#endif
