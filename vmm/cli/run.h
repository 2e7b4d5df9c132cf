/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor run`. */
#ifndef VMM_RUN_H
#define VMM_RUN_H

/* Boots a guest, watches it, reports. Returns the exit status. */
int command_run(int argc, char **argv);

#endif
