/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor trace`: what was done to a guest's frames lately, by whom. */
#ifndef VMM_TRACE_H
#define VMM_TRACE_H

int command_trace(int argc, char **argv);

#endif
