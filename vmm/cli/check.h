/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor check`: an fsck for a guest's page metadata. */
#ifndef VMM_CLI_CHECK_H
#define VMM_CLI_CHECK_H

int command_check(int argc, char **argv);

#endif
