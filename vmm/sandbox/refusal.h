/* SPDX-License-Identifier: MPL-2.0 */
/* Reports refused calls, from the handler of SIGSYS. */
#ifndef VMM_SANDBOX_REFUSAL_H
#define VMM_SANDBOX_REFUSAL_H

/* Handles the signal, and opens the file that PAGEVISOR_SANDBOX_LOG names. Call it once, before there are threads. */
void refusal_begin(void);

/* What the calling thread is called in reports; a constant. Safe after a fork. */
void refusal_name_thread(const char *name);

#endif
