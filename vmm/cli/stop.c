/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor stop`: ends one of the user's VMs in good order. */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "cli/exit_status.h"
#include "cli/fleet/own_choice.h"
#include "cli/option_value.h"
#include "cli/options.h"
#include "cli/session.h"
#include "memory/rcu.h"
#include "source/vm/own_vm.h"

struct stop {
	const char *vm;
	uint64_t timeout_ns;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct stop *stop = state->input;

	switch (key) {
	case 't':
		stop->timeout_ns = option_time("--timeout", text, state);
		break;
	case ARGP_KEY_ARG:
		if (stop->vm)
			argp_error(state, "unexpected argument '%s': one VM is enough", text);
		stop->vm = text;
		break;
	case ARGP_KEY_END:
		if (!stop->vm)
			argp_error(state, "name the VM to end; pagevisor ps lists them");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Only those that `run` has started are ours to end. */
static const struct own_choice_refusals not_ours = {
	.domain = "is a domain of libvirt: stop it with virsh shutdown",
	.qemu = "was not started by pagevisor: stop it with system_powerdown or quit in its "
		"monitor",
};

static int stop_vm(const struct stop *stop)
{
	struct error err;
	struct vm_id id;
	int result = own_choice_make(stop->vm, &not_ours, &id, &err);

	if (result == 0)
		result = own_vm_stop(&id, stop->timeout_ns, &err);
	if (result < 0)
		return session_refuse(result, &err);
	printf("the VM %s has ended\n", id.name);
	return session_flush(STATUS_OK);
}

int command_stop(int argc, char **argv)
{
	static const struct argp_option options_table[] = {
		{"timeout", 't', "TIME", 0, "how long to wait for the end (10)", 0}, {0}};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "VM",
		.doc = "Ends a VM that run has started, as Ctrl-C does there: its guest is asked to "
		       "end in good order, and run prints its report. Returns once that process has "
		       "ended.\vA second stop does not wait for the guest. VM is its NAME, vm:NAME or "
		       "pid:N; unlike commands that look, this one always wants it.",
	};
	struct stop stop = {.timeout_ns = deadline_patience_ns()};

	options_parse(&parser, argc, argv, &stop);
	urcu_memb_register_thread();
	int status = stop_vm(&stop);

	urcu_memb_unregister_thread();
	return status;
}
