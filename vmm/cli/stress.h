/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stress`: scenarios, faults and chaos against a guest's page metadata. */
#ifndef VMM_CLI_STRESS_H
#define VMM_CLI_STRESS_H

/* Returns the process's exit status. */
int command_stress(int argc, char **argv);

#endif
