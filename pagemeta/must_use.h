/* SPDX-License-Identifier: MPL-2.0 */
/* The attribute of functions whose result must not be ignored. */
#ifndef PAGEMETA_MUST_USE_H
#define PAGEMETA_MUST_USE_H

/* For results that are an error or something to give back. */
#define META_MUST_USE __attribute__((warn_unused_result))

#endif
