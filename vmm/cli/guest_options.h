/* SPDX-License-Identifier: MPL-2.0 */
/* The guest that `run` and `stress` boot, and when it ends: the options that both share. */
#ifndef VMM_GUEST_OPTIONS_H
#define VMM_GUEST_OPTIONS_H

#include <argp.h>
#include <stdint.h>

#include "machine/accel.h"

#define RING_AUTO (-1)

struct guest_options {
	const char *kernel; /* NULL: our own guest */
	enum accel accel;
	uint64_t memory; /* bytes */
	unsigned cpus;
	int ring; /* 0, 3 or RING_AUTO */
	uint64_t seed;
	uint64_t operations; /* of each vCPU, 0: no limit */
	uint64_t time_ns;    /* 0: no limit */
	const char *append;  /* appended to the guest's command line */
};

/* Keys for a command's own table of options, which has names and help. */
enum guest_option_key {
	KEY_KERNEL = 'k',
	KEY_MEMORY = 'm',
	KEY_CPUS = 'c',
	KEY_SEED = 's',
	KEY_OPERATIONS = 'n',
	KEY_TIME = 't',
	KEY_APPEND = 'a',
	KEY_ACCEL = 0x300, /* no letter */
	KEY_RING,
};

/* Sets the values of options that are not given. Memory and time differ from command to command. */
void guest_options_init(struct guest_options *options, uint64_t memory);

/* As an argp parser: takes one of these options, or returns ARGP_ERR_UNKNOWN. */
error_t guest_option_parse(struct guest_options *options, int key, const char *text,
			   struct argp_state *state);

/* Call after parsing. Without --time the guest gets `time_ns`, or no limit if it counts its steps. */
void guest_options_settle(struct guest_options *options, uint64_t time_ns);

#endif
