/* SPDX-License-Identifier: MPL-2.0 */
/* Calls that must abort: see refused.h. */
#include "unit/refused.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/fixture.h"

#define OUTPUT_MAX 256

static uint64_t given_first, given_count;

static void give(void)
{
	frame_alloc_give(pfn(given_first), given_count);
}

static void run_with_stderr(void (*function)(void), int to)
{
	dup2(to, STDERR_FILENO);
	function();
	_exit(0);
}

/* Runs the function in a child, which must abort. `output` is what it printed. */
static void abort_in_child(void (*function)(void), char *output)
{
	int ends[2];
	int status;

	ck_assert_int_eq(pipe(ends), 0);

	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		run_with_stderr(function, ends[1]);
	close(ends[1]);
	ck_assert_int_gt(read(ends[0], output, OUTPUT_MAX - 1), 0);
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

void assert_aborts(void (*function)(void), const char *what)
{
	char output[OUTPUT_MAX] = "";

	abort_in_child(function, output);
	ck_assert_ptr_nonnull(strstr(output, what));
}

void assert_refused(uint64_t first, uint64_t count, uint64_t frame, const char *what)
{
	char output[OUTPUT_MAX] = "";
	char address[OUTPUT_MAX];
	struct snapshot before = snapshot_take();

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)(frame * PAGE_SIZE));
	given_first = first;
	given_count = count;
	abort_in_child(give, output);
	ck_assert_ptr_nonnull(strstr(output, what));
	ck_assert_ptr_nonnull(strstr(output, address));
	/* The child shares the machine's memory, so this shows that nothing was listed. */
	snapshot_check(&before);
}
