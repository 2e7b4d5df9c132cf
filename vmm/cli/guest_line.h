/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Judges what goes to a guest's command line by the options that its image lists, before anything boots. A kernel that lists
 * none is not judged: an empty list takes everything.
 */
#ifndef VMM_GUEST_LINE_H
#define VMM_GUEST_LINE_H

#include <stdbool.h>

#include "base/elf/option_list.h"
#include "base/error.h"

/*
 * Whether the options given (option_rules.h) reach the guest: a kernel without a pagevisor note gets the text of --append
 * alone. Returns 0, or -EINVAL with a line that names one that does not.
 */
int guest_line_check_reach(bool has_note, struct error *err);

/* Returns 0, or -EINVAL with one line that says what would be right. `option` is what the user wrote it behind. */
int guest_line_check_workload(const struct option_list *list, const char *option, const char *name,
			      struct error *err);
int guest_line_check_plant(const struct option_list *list, const char *option, const char *name,
			   struct error *err);

/*
 * Checks the words of --append for a guest that runs a workload: each is NAME=VALUE, an option of that workload or of all,
 * and not one that the host sets by itself.
 */
int guest_line_check_append(const struct option_list *list, const char *workload, const char *text,
			    struct error *err);

#endif
