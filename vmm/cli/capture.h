/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor capture`: a guest's metadata, or all of its memory, as of one instant, in a file. */
#ifndef VMM_CLI_CAPTURE_H
#define VMM_CLI_CAPTURE_H

/* Returns the exit status. */
int command_capture(int argc, char **argv);

#endif
