/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor find`. */
#ifndef VMM_FIND_H
#define VMM_FIND_H

/* Lists the frames of a guest that an expression means. Returns the exit status. */
int command_find(int argc, char **argv);

#endif
