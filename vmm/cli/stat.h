/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stat`. */
#ifndef VMM_STAT_H
#define VMM_STAT_H

/* One look at a guest's metadata. Returns the exit status. */
int command_stat(int argc, char **argv);

#endif
