/* SPDX-License-Identifier: MPL-2.0 */
/* Failures on a guest's console: see console_report.h. */
#include "kind/console_report.h"

const char *console_event_name(enum console_event event)
{
	static const char *const names[CONSOLE_EVENT_COUNT] = {
		[CONSOLE_CHECK] = "check",
		[CONSOLE_ABORT] = "abort",
		[CONSOLE_TRAP] = "trap",
	};

	return names[event];
}
