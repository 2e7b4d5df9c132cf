/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor domxml`: prints a libvirt domain definition for a guest. */
#ifndef VMM_DOMXML_H
#define VMM_DOMXML_H

/* Parses its own options (argv[0] is printed in messages); returns the exit status. */
int command_domxml(int argc, char **argv);

#endif
