/* SPDX-License-Identifier: MPL-2.0 */
/* Signals to a command that only has its last steps left: see late_signals.h. */
#include "cli/late_signals.h"

#include <stddef.h>

volatile sig_atomic_t late_signal;

static void note(int signal)
{
	const struct sigaction end = {.sa_handler = SIG_DFL};

	late_signal = signal;
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
}

/* What whoever started the command ignores stays ignored. */
static void catch (int signal)
{
	const struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
	struct sigaction old;

	sigaction(signal, NULL, &old);
	if (old.sa_handler != SIG_IGN)
		sigaction(signal, &action, NULL);
}

void late_signals_catch(const sigset_t *mask)
{
	catch (SIGINT);
	catch (SIGTERM);
	sigprocmask(SIG_SETMASK, mask, NULL);
}
