/* SPDX-License-Identifier: MPL-2.0 */
/* The console of this kind's kernel. It is hostile: lines are matched, bounded and cut, and nothing else. */
#ifndef VMM_CONSOLE_LINES_H
#define VMM_CONSOLE_LINES_H

#include "kind/console_report.h"

/* Takes a line of the console. */
void console_report_take(struct console_report *report, const char *line);

#endif
