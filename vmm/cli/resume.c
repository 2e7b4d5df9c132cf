/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor resume`: lets a VM go that restore has started paused. */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "cli/exit_status.h"
#include "cli/fleet/own_choice.h"
#include "cli/options.h"
#include "cli/session.h"
#include "memory/rcu.h"
#include "source/vm/own_vm.h"

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	const char **vm = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (*vm)
			argp_error(state, "unexpected argument '%s': one VM is enough", text);
		*vm = text;
		break;
	case ARGP_KEY_END:
		if (!*vm)
			argp_error(state, "name the VM to resume; pagevisor ps lists them");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Only those that `restore` has started are ours to resume. */
static const struct own_choice_refusals not_ours = {
	.domain = "is a domain of libvirt: resume it with virsh resume",
	.qemu = "was not started by pagevisor: resume it with cont in its monitor",
};

static int resume_vm(const char *vm)
{
	struct error err;
	struct vm_id id;
	int result = own_choice_make(vm, &not_ours, &id, &err);

	if (result == 0)
		result = own_vm_go_on(&id, &err);
	if (result < 0)
		return session_refuse(result, &err);
	printf("the VM %s goes on\n", id.name);
	return session_flush(STATUS_OK);
}

int command_resume(int argc, char **argv)
{
	static const struct argp parser = {
		.parser = parse_option,
		.args_doc = "VM",
		.doc = "Lets a VM go on that restore --paused has started.\vVM is its NAME, vm:NAME or "
		       "pid:N; unlike commands that look, this one always wants it.",
	};
	const char *vm = NULL;

	options_parse(&parser, argc, argv, &vm);
	urcu_memb_register_thread();
	int status = resume_vm(vm);

	urcu_memb_unregister_thread();
	return status;
}
