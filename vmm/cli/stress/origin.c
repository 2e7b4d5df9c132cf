/* SPDX-License-Identifier: MPL-2.0 */
/* The file from which a stress run goes on: see origin.h. */
#include "cli/stress/origin.h"

#include <errno.h>

#include "file/capture.h"

static int read_run(const struct capture_file *file, struct saved_run *saved, struct error *err)
{
	if (file->machine.size == 0)
		return error_set(err, -ENOTSUP,
				 "it is a capture, which has no machine that could go on");
	return saved_run_read(&file->machine, saved, err);
}

int stress_origin_read(const char *path, struct saved_run *saved, struct error *err)
{
	struct memory_budget budget;
	struct guest_memory memory;
	struct capture_file file;
	struct error why;

	memory_budget_begin(&budget);
	int result = capture_open(path, &budget, &memory, &file, err);

	if (result < 0)
		return result;
	result = read_run(&file, saved, &why);
	capture_close(&file);
	return result < 0 ? error_set(err, result, "%.200s: %.300s", path, why.text) : 0;
}

void stress_origin_options(const struct saved_run *saved, struct stress_options *options)
{
	struct guest_options *guest = &options->round.guest;

	options->scenarios[0] = saved->workload;
	options->scenario_count = 1;
	guest->accel = ACCEL_KVM;
	guest->memory = saved->memory;
	guest->cpus = saved->cpus;
	guest->operations = saved->operations;
	guest->time_ns = saved->time_ns;
	if (options->round.limit_ns == 0)
		options->round.limit_ns = stress_default_limit_ns(guest);
}
