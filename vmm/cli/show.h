/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor show`. */
#ifndef VMM_SHOW_H
#define VMM_SHOW_H

/* What a guest keeps about one frame. Returns the exit status. */
int command_show(int argc, char **argv);

#endif
