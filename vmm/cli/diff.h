/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor diff`: what became of the frames between two captures, or a capture and a VM. */
#ifndef VMM_CLI_DIFF_H
#define VMM_CLI_DIFF_H

/* Returns the exit status. */
int command_diff(int argc, char **argv);

#endif
