/* SPDX-License-Identifier: MPL-2.0 */
/* The version of the command and of the files that it writes. */
#ifndef VMM_VERSION_H
#define VMM_VERSION_H

#define PAGEVISOR_VERSION "0.1"

#endif
