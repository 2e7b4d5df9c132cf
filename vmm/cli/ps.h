/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor ps`. */
#ifndef VMM_PS_H
#define VMM_PS_H

/* Lists the user's running VMs. Returns the exit status. */
int command_ps(int argc, char **argv);

#endif
