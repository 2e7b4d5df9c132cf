/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor map`. */
#ifndef VMM_MAP_H
#define VMM_MAP_H

/* Draws a guest's memory. Returns the exit status. */
int command_map(int argc, char **argv);

#endif
