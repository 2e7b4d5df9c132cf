/* SPDX-License-Identifier: MPL-2.0 */
/* Options of a guest: see guest_options.h. */
#include "cli/guest_options.h"

#include "cli/option_value.h"

#define DEFAULT_CPUS 2
#define DEFAULT_SEED 1

#define TIME_NOT_GIVEN UINT64_MAX

void guest_options_init(struct guest_options *options, uint64_t memory)
{
	*options = (struct guest_options){
		.accel = ACCEL_AUTO,
		.memory = memory,
		.cpus = DEFAULT_CPUS,
		.ring = RING_AUTO,
		.seed = DEFAULT_SEED,
		.time_ns = TIME_NOT_GIVEN,
		.append = "",
	};
}

/* In the order of the help. */
static enum accel parse_accel(const char *text, struct argp_state *state)
{
	static const enum accel accels[] = {ACCEL_KVM, ACCEL_QEMU, ACCEL_QEMU_TCG, ACCEL_AUTO};
	const char *names[ACCEL_COUNT + 1] = {NULL};

	for (unsigned i = 0; i < ACCEL_COUNT; i++)
		names[i] = accel_name(accels[i]);
	return accels[option_word("--accel", text, names, state)];
}

error_t guest_option_parse(struct guest_options *options, int key, const char *text,
			   struct argp_state *state)
{
	switch (key) {
	case KEY_KERNEL:
		options->kernel = text;
		break;
	case KEY_MEMORY:
		options->memory = option_memory(text, state);
		break;
	case KEY_CPUS:
		options->cpus = option_cpus(text, state);
		break;
	case KEY_ACCEL:
		options->accel = parse_accel(text, state);
		break;
	case KEY_RING:
		options->ring = (int)option_ring(text, state);
		break;
	case KEY_SEED:
		options->seed = option_seed(text, state);
		break;
	case KEY_OPERATIONS:
		options->operations = option_number("--ops", text, state);
		break;
	case KEY_TIME:
		options->time_ns = option_time("--time", text, state);
		break;
	case KEY_APPEND:
		options->append = text;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void guest_options_settle(struct guest_options *options, uint64_t time_ns)
{
	if (options->time_ns == TIME_NOT_GIVEN)
		options->time_ns = options->operations ? 0 : time_ns;
}
