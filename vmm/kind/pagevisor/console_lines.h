/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Parses the console of this kind's kernel. The console is hostile: its lines are matched, bounded and cut, nothing
 * more.
 */
#ifndef VMM_CONSOLE_LINES_H
#define VMM_CONSOLE_LINES_H

#include "kind/console_report.h"

/* Adds what a line of the console says to the report. */
void console_report_take(struct console_report *report, const char *line);

#endif
