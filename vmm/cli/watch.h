/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor watch`. */
#ifndef VMM_WATCH_H
#define VMM_WATCH_H

/* Returns an exit status. */
int command_watch(int argc, char **argv);

#endif
