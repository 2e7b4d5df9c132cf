/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a stress run finds: who found it, where, and which rule is broken. The guest's part comes as lines of its console,
 * which are hostile: they are matched, bounded and cut, and nothing else.
 */
#ifndef VMM_STRESS_DISCOVERY_H
#define VMM_STRESS_DISCOVERY_H

#include <stdbool.h>
#include <stdint.h>

enum finder {
	FINDER_NONE,
	FINDER_CHECK,   /* a check of the workload's own: stamps, sums */
	FINDER_ABORT,   /* the metadata library stopped the kernel */
	FINDER_TRAP,    /* an exception: the guest ran into what was broken */
	FINDER_LEVEL_2, /* an inspector, while the guest ran */
	FINDER_LEVEL_3, /* a check of all metadata as of one instant */
	FINDER_BOOKS,   /* slots, free lists and counters when the guest had ended */
	FINDER_LIMIT,   /* it had not ended when its time was up */
	FINDER_TOOL,    /* a process of the run's own ended as none should */
	FINDER_COUNT,
};

const char *finder_name(enum finder finder);

struct discovery {
	enum finder finder; /* FINDER_NONE: nothing was found */
	bool has_frame;
	uint64_t frame;
	char rule[80]; /* its name, or the guest's words */
	char text[256];
	uint64_t steps; /* of the guest by then */
};

/* Whether a line of the guest's console reports something broken. */
bool discovery_from_console(const char *line, struct discovery *discovery);

/* Whether a line of finding_format's does: "frame 0x...: rule: expected ..., found ...". */
bool discovery_from_finding(const char *line, enum finder finder, struct discovery *discovery);

/* A fault that the guest says it has planted. */
struct planted {
	bool is_planted;
	uint64_t frame;
	uint64_t steps; /* of all processors by then */
};

bool planted_from_console(const char *line, struct planted *planted);

#endif
