/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor mem`: shows and changes how much memory one of the user's VMs has. */
#include "cli/commands.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/number_text.h"
#include "cli/answer_option.h"
#include "cli/exit_status.h"
#include "cli/fleet/own_choice.h"
#include "cli/mem/follow.h"
#include "cli/mem/report.h"
#include "cli/option_value.h"
#include "cli/option_rules.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "memory/ram.h"
#include "memory/rcu.h"
#include "source/vm/own_vm_orders.h"

#define KEY_ALL      0x100
#define KEY_OLDER    0x101
#define KEY_HARD     0x102
#define KEY_POPULATE 0x103
#define KEY_WAIT     0x104
#define KEY_RATE     0x105
#define KEY_FOLLOW   0x106
#define KEY_LINES    0x107
#define KEY_HEADROOM 0x108
#define KEY_INTERVAL 'i'

#define INTERVAL_MIN_NS (10 * NS_PER_MS)

#define OLDER_DEFAULT_NS (1 * NS_PER_S)

/* How often to ask how far an order is. */
#define POLL_NS (5 * NS_PER_MS)

struct mem {
	const char *action; /* as on the command line; NULL: none yet */
	const char *vm;
	const char *size;
	bool all;
	bool has_older;
	bool waits;
	bool json;
	bool is_following;
	struct mem_follow_options follow;
	struct management_order order;
};

static const struct mem_action {
	const char *name;
	enum management_action action;
	bool takes_size;
} actions[] = {
	{"show", MANAGEMENT_LOOK, false},
	{"reclaim", MANAGEMENT_RECLAIM, true},
	{"release", MANAGEMENT_RELEASE, true},
	{"set", MANAGEMENT_TARGET, true},
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

static const struct mem_action *action_of(const struct mem *mem)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, mem->action) == 0)
			return &actions[i];
	return NULL;
}

/* Of a target, "min" is as little as can be. */
static void parse_size(struct mem *mem, const struct argp_state *state)
{
	if (mem->all || (mem->order.action == MANAGEMENT_TARGET && strcmp(mem->size, "min") == 0))
		mem->order.bytes = MANAGEMENT_ALL;
	else if (!size_parse(mem->size, PAGE_SIZE, VM_MEMORY_MAX, &mem->order.bytes) ||
		 mem->order.bytes % PAGE_SIZE)
		argp_error(state, "%s: expected a size in multiples of 4K, " SIZE_EXAMPLES "%s",
			   mem->size, mem->order.action == MANAGEMENT_TARGET ? ", or min" : "");
}

/* All arguments are there. */
static void judge(struct mem *mem, const struct argp_state *state)
{
	const struct mem_action *action = mem->action ? action_of(mem) : NULL;

	if (!action)
		argp_error(state, "expected show, reclaim, release or set first");
	mem->order.action = action->action;
	if (!mem->has_older)
		mem->order.older_ns = OLDER_DEFAULT_NS;
	if (action->takes_size && !mem->vm)
		argp_error(state, "name the VM; pagevisor ps lists them");
	if (mem->all && action->action == MANAGEMENT_TARGET)
		argp_error(state, "--all is for reclaim and release; mem set VM min is the least");
	if (mem->order.headroom && action->action != MANAGEMENT_RECLAIM &&
	    action->action != MANAGEMENT_TARGET)
		argp_error(state, "--headroom is for reclaim and set");
	if (mem->is_following && action->action != MANAGEMENT_LOOK)
		argp_error(state, "--follow is for mem show");
	if (!action->takes_size && (mem->size || mem->all))
		argp_error(state, "mem show wants no size");
	if (mem->size && mem->all)
		argp_error(state, "--all and a size: one of them is enough");
	if (action->takes_size && !mem->size && !mem->all)
		argp_error(state, "mem %s wants a size, " SIZE_EXAMPLES ", or %s", mem->action,
			   action->action == MANAGEMENT_TARGET ? "min" : "--all");
	if (action->takes_size)
		parse_size(mem, state);
}

static void take_argument(struct mem *mem, const char *text, const struct argp_state *state)
{
	if (!mem->action)
		mem->action = text;
	else if (!mem->vm)
		mem->vm = text;
	else if (!mem->size)
		mem->size = text;
	else
		argp_error(state, "unexpected argument '%s'", text);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct mem *mem = state->input;

	switch (key) {
	case ANSWER_KEY_JSON:
	case ANSWER_KEY_LINES:
		answer_option(key);
		mem->json = true;
		break;
	case KEY_FOLLOW:
		mem->is_following = true;
		break;
	case KEY_INTERVAL:
		mem->follow.interval_ns =
			option_time_from("--interval", text, INTERVAL_MIN_NS, state);
		break;
	case KEY_LINES:
		if (!number_parse(text, 1, UINT32_MAX, &mem->follow.lines))
			argp_error(state, "--lines %s: expected a number of at least 1", text);
		break;
	case KEY_ALL:
		mem->all = true;
		break;
	case KEY_OLDER:
		mem->order.older_ns = option_time("--older", text, state);
		if (mem->order.older_ns > MANAGEMENT_OLDER_MAX_NS)
			argp_error(state, "--older %s: expected at most an hour", text);
		mem->has_older = true;
		break;
	case KEY_HARD:
		mem->order.flags |= MANAGEMENT_HARD;
		break;
	case KEY_POPULATE:
		mem->order.flags |= MANAGEMENT_POPULATE;
		break;
	case KEY_WAIT:
		mem->waits = true;
		break;
	case KEY_RATE:
		if (!size_parse(text, PAGE_SIZE, UINT64_MAX, &mem->order.rate))
			argp_error(state, "--rate %s: expected a size a second, " SIZE_EXAMPLES,
				   text);
		break;
	case KEY_HEADROOM:
		mem->order.headroom = option_bytes_of_memory("--headroom", text, state);
		break;
	case ARGP_KEY_ARG:
		take_argument(mem, text, state);
		break;
	case ARGP_KEY_END:
		judge(mem, state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/*
 * Only a process that maps the RAM writable, and answers for all that happens to it, may claim frames: migration,
 * snapshots and devices of others know nothing of us.
 */
#define NOT_OURS                                                                                   \
	"was not started by pagevisor: whoever runs it does not know of frames that we take"
static const struct own_choice_refusals not_ours = {.domain = NOT_OURS, .qemu = NOT_OURS};

/* Ctrl-C ends an order; what was done stays done. */
static bool is_interrupted(void *context)
{
	(void)context;
	return interrupted;
}

/* Gives the order once no other is at work. */
static int give(struct own_vm_orders *orders, const struct mem *mem, uint64_t *ticket,
		struct error *err)
{
	uint64_t end_ns = clock_now_ns() + deadline_patience_ns();
	struct management_status status;
	int result;

	while ((result = own_vm_orders_give(orders, &mem->order, ticket, err)) == -EBUSY &&
	       mem->order.action != MANAGEMENT_LOOK && !interrupted && clock_now_ns() < end_ns)
		clock_sleep_ns(POLL_NS);
	if (result == -EBUSY && own_vm_orders_status(orders, &status, err) == 0)
		error_set(err, result, "the VM %s is busy with an order of process %u",
			  orders->client.hello.name, status.pid);
	return result;
}

/* Has the order carried out. Without --wait, a target is only set. */
static int carry_out(struct own_vm_orders *orders, const struct mem *mem,
		     struct management_status *status, struct error *err)
{
	uint64_t ticket;
	int result = give(orders, mem, &ticket, err);

	/* What is known without another look. */
	if (result == -EBUSY && mem->order.action == MANAGEMENT_LOOK)
		return own_vm_orders_status(orders, status, err);
	if (result < 0)
		return result;
	if (mem->order.action == MANAGEMENT_TARGET && !mem->waits)
		return own_vm_orders_status(orders, status, err);
	return own_vm_orders_await(orders, ticket, POLL_NS, is_interrupted, NULL, status, err);
}

static int status_of(const struct mem *mem, const struct management_status *status)
{
	if (mem->order.action == MANAGEMENT_LOOK)
		return STATUS_OK;
	switch (status->reason) {
	case MANAGEMENT_GOT_ALL:
		return STATUS_OK;
	case MANAGEMENT_CANCELLED:
		return STATUS_SIGNAL + (interrupted ? interrupted : SIGTERM);
	case MANAGEMENT_NO_GUEST:
	case MANAGEMENT_GUEST_LOST:
		return STATUS_GUEST;
	default:
		return STATUS_PARTIAL;
	}
}

static int report(const struct mem *mem, const char *vm, const struct management_status *status)
{
	const struct mem_report report = {
		.action = mem->action,
		.vm = vm,
		.order = &mem->order,
		.status = status,
		.is_change = mem->order.action != MANAGEMENT_LOOK &&
			     (mem->order.action != MANAGEMENT_TARGET || mem->waits),
	};
	int exit_status = report.is_change ? status_of(mem, status) : STATUS_OK;

	if (mem->json)
		answer_print("mem", mem_report_json(&report), exit_status);
	else if (report.is_change)
		mem_report_print_change(&report);
	else if (mem->order.action == MANAGEMENT_TARGET)
		printf("%s is to have %s from now on\n", vm,
		       mem->order.bytes == MANAGEMENT_ALL ? "as little as it can"
							  : mem_size_text(mem->order.bytes));
	else
		mem_report_print_status(&report);
	return session_flush(exit_status);
}

struct sampling {
	const struct mem *mem;
	struct own_vm_orders *orders;
};

static int take_sample(void *context, struct management_status *status, struct error *err)
{
	const struct sampling *sampling = context;

	return carry_out(sampling->orders, sampling->mem, status, err);
}

static int run_mem(const struct mem *mem)
{
	struct management_status status = {0};
	struct own_vm_orders orders;
	struct error err;
	struct vm_id id;
	int result = own_choice_make(mem->vm, &not_ours, &id, &err);

	if (result == 0)
		result = own_vm_orders_open(&orders, &id, &err);
	if (result < 0)
		return session_refuse(result, &err);
	if (mem->is_following) {
		struct sampling sampling = {mem, &orders};
		int exit_status =
			mem_follow(id.name, &mem->follow, take_sample, &sampling, &interrupted);

		own_vm_orders_close(&orders);
		return exit_status;
	}
	result = carry_out(&orders, mem, &status, &err);
	own_vm_orders_close(&orders);
	return result < 0 ? session_refuse(result, &err) : report(mem, id.name, &status);
}

int command_mem(int argc, char **argv)
{
	static const struct argp_option options_table[] = {
		ANSWER_JSON_OPTION,
		ANSWER_LINES_OPTION,
		{"follow", KEY_FOLLOW, NULL, 0, "show: again and again, a line each time", 0},
		{"interval", KEY_INTERVAL, "TIME", 0, "from one line to the next (1)", 0},
		{"lines", KEY_LINES, "N", 0, "end after N lines", 0},
		{"all", KEY_ALL, NULL, 0, "reclaim all that is free; release all that the host has",
		 0},
		{"older", KEY_OLDER, "TIME", 0,
		 "take only frames that were not used for so long; 0 takes all that are free (1)",
		 0},
		{"hard", KEY_HARD, NULL, 0,
		 "what is taken does not come back when the guest asks for it", 0},
		{"populate", KEY_POPULATE, NULL, 0,
		 "release with memory behind it, which the guest then need not wait for", 0},
		{"wait", KEY_WAIT, NULL, 0, "set: wait until the target is reached, or cannot be",
		 0},
		{"rate", KEY_RATE, "SIZE", 0, "take or release at most so much a second", 0},
		{"headroom", KEY_HEADROOM, "SIZE", 0,
		 "reclaim, set: leave the guest so much of what is free (none)", 0},
		{0}};
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "show|reclaim|release|set [VM] [SIZE|min]",
		.doc = "Shows or changes how much memory a VM that run has started has, while its guest "
		       "runs: reclaim takes free frames from it, release gives them back, set holds it "
		       "at a size from then on.\vThe host claims free frames in the guest's own page "
		       "metadata, so the guest needs no driver. VM is its NAME, vm:NAME or pid:N; only "
		       "show may go without, when ps lists one VM. What is not got is said, with status "
		       "5. Ctrl-C ends reclaim and release, and what was done stays done.",
	};
	const struct sigaction action = {.sa_handler = interrupt};
	static const struct option_rule rules[] = {
		{"jsonl", OPTION_NEEDS, "follow", "an order has one answer, --json"},
		{"interval|lines", OPTION_NEEDS, "follow", "without it mem answers once"},
		{0}};
	struct mem mem = {.follow = {.interval_ns = NS_PER_S}};

	options_parse_ruled(&parser, rules, argc, argv, &mem);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	urcu_memb_register_thread();
	int status = run_mem(&mem);

	urcu_memb_unregister_thread();
	return status;
}
