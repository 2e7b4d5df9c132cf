/* SPDX-License-Identifier: MPL-2.0 */
/* Seccomp filters: see filter.h. */
#include "sandbox/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* A filter is checked at each call: a tree of comparisons instead of a list. */
#define OPTIMIZE_TREE 2

/* The kernel takes BPF_MAXINSNS instructions. */
#define PROGRAM_SIZE_MAX (BPF_MAXINSNS * sizeof(struct sock_filter))

static void add(struct filter *filter, uint32_t action, const char *name, unsigned count,
		struct scmp_arg_cmp argument)
{
	int number = seccomp_syscall_resolve_name(name);

	if (filter->result < 0 || number < 0)
		return;
	filter->result = seccomp_rule_add_array(filter->context, action, number, count, &argument);
	/* The same call may be in several groups. */
	if (filter->result == -EEXIST)
		filter->result = 0;
}

void filter_allow(struct filter *filter, const char *name)
{
	add(filter, SCMP_ACT_ALLOW, name, 0, (struct scmp_arg_cmp){0});
}

void filter_allow_equal(struct filter *filter, const char *name, unsigned argument, uint64_t value)
{
	add(filter, SCMP_ACT_ALLOW, name, 1,
	    (struct scmp_arg_cmp){argument, SCMP_CMP_EQ, value, 0});
}

void filter_allow_bits(struct filter *filter, const char *name, unsigned argument, uint64_t mask,
		       uint64_t value)
{
	add(filter, SCMP_ACT_ALLOW, name, 1,
	    (struct scmp_arg_cmp){argument, SCMP_CMP_MASKED_EQ, mask, value});
}

void filter_fail(struct filter *filter, const char *name, int error)
{
	add(filter, SCMP_ACT_ERRNO((uint32_t)error), name, 0, (struct scmp_arg_cmp){0});
}

void filter_fail_bits(struct filter *filter, const char *name, unsigned argument, uint64_t mask,
		      uint64_t value, int error)
{
	add(filter, SCMP_ACT_ERRNO((uint32_t)error), name, 1,
	    (struct scmp_arg_cmp){argument, SCMP_CMP_MASKED_EQ, mask, value});
}

/* Reads a whole program. */
static int read_program(int fd, struct sock_fprog *program)
{
	char *code = malloc(PROGRAM_SIZE_MAX + 1);

	if (!code)
		return -ENOMEM;
	size_t size = fd_read_text(fd, code, PROGRAM_SIZE_MAX + 1);

	if (size % sizeof(struct sock_filter) || size == PROGRAM_SIZE_MAX) {
		free(code);
		return -E2BIG;
	}
	*program = (struct sock_fprog){.len = (unsigned short)(size / sizeof(struct sock_filter)),
				       .filter = (struct sock_filter *)code};
	return 0;
}

/*
 * libseccomp of Debian 12 writes programs to descriptors only. A socket takes one at once, whatever the limits for files
 * and pipes are.
 */
static int export_program(scmp_filter_ctx context, struct sock_fprog *program)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
		return -errno;
	int result = seccomp_export_bpf(context, ends[1]);

	close(ends[1]);
	if (result == 0)
		result = read_program(ends[0], program);
	close(ends[0]);
	return result;
}

int filter_make(void (*add_calls)(struct filter *filter, unsigned groups), unsigned groups,
		bool allows_others, struct sock_fprog *program, struct error *err)
{
	struct filter filter = {
		.context = seccomp_init(allows_others ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP)};

	if (!filter.context)
		return error_set(err, -ENOMEM, "no memory for a system call filter");
	/* Calls of other ABIs, such as 32-bit ones: most of them have no place in a 64-bit program. */
	seccomp_attr_set(filter.context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
	seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_TREE);
	add_calls(&filter, groups);
	if (filter.result == 0)
		filter.result = export_program(filter.context, program);
	seccomp_release(filter.context);
	if (filter.result < 0)
		return error_set(err, filter.result, "a system call filter: %s",
				 strerror(-filter.result));
	return 0;
}

/*
 * Without SECCOMP_FILTER_FLAG_SPEC_ALLOW, kernels before 5.16 would turn off speculative stores for the thread: that
 * protects secrets of one process from code that it runs itself in a sandbox, and slows all others down.
 */
int filter_load(const struct sock_fprog *program)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    program) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program) == 0 ? 0 : -errno;
}

bool filter_is_supported(void)
{
	const uint32_t action = SECCOMP_RET_TRAP;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
