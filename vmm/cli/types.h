/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor types`. */
#ifndef VMM_TYPES_H
#define VMM_TYPES_H

/* The metadata types of a guest, with their fields. Returns the exit status. */
int command_types(int argc, char **argv);

#endif
