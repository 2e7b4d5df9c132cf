/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor top`. */
#ifndef VMM_TOP_H
#define VMM_TOP_H

/* A guest's metadata on the whole screen, until a key or the VM ends it. Returns the exit status. */
int command_top(int argc, char **argv);

#endif
