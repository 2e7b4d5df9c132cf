/* SPDX-License-Identifier: MPL-2.0 */
/* Confines processes and threads: see sandbox.h. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/calls.h"
#include "sandbox/filter.h"
#include "sandbox/landlock.h"
#include "sandbox/refusal.h"

/*
 * A sanitizer makes calls, and opens files for its reports, whenever it likes. At the end of a process LeakSanitizer starts
 * one that shares its memory and attaches to it (prctl, clone, ptrace) with SIGSYS blocked. The first refused call kills
 * that one, and its parent waits for it for ever; where clone is refused, too, it gives up with a fatal error. All rows pass
 * with detect_leaks=0, but rows that let a sanitizer work would allow what the others are there to refuse.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

/* The values of PAGEVISOR_SANDBOX. */
#define OFF      "off"
#define OFF_SAID "off, said" /* for what a command starts that has said it */

/* Written before there are threads that enter. */
static bool is_on;

/* Known from the start on: in the sandbox it may no longer ask. */
static struct sandbox_support support;

static struct prepared {
	bool is_ready, has_filter;
	uint64_t capabilities; /* that are kept */
	struct sock_fprog program;
	int landlock_fd; /* -1: none */
} prepared[SANDBOX_ROLES];

static struct sandbox_support ask_kernel(void)
{
	return (struct sandbox_support){.has_seccomp = filter_is_supported(),
					.landlock_abi = landlock_abi()};
}

void sandbox_begin(void)
{
	const char *value = getenv("PAGEVISOR_SANDBOX");

	is_on = !value || (strcmp(value, OFF) != 0 && strcmp(value, OFF_SAID) != 0);
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	refusal_begin();
	support = ask_kernel();
}

bool sandbox_turn_off(void)
{
	const char *value = getenv("PAGEVISOR_SANDBOX");
	bool is_news = !value || strcmp(value, OFF_SAID) != 0;

	is_on = false;
	setenv("PAGEVISOR_SANDBOX", OFF_SAID, 1);
	return is_news;
}

bool sandbox_is_on(void)
{
	return is_on;
}

struct sandbox_support sandbox_support(void)
{
	return is_on ? support : ask_kernel();
}

bool sandbox_missing(char *text, size_t size)
{
	if (!is_on || (support.has_seccomp && support.landlock_abi))
		return false;
	snprintf(text, size, "%s%s%s", support.has_seccomp ? "" : "seccomp",
		 support.has_seccomp || support.landlock_abi ? "" : " and ",
		 support.landlock_abi ? "" : "Landlock");
	return true;
}

static unsigned calls_of(const struct sandbox_row *row, const struct sandbox_needs *needs)
{
	unsigned calls = row->calls;

	if (needs->pauses)
		calls |= row->calls_pausing;
	for (unsigned i = 0; i < SANDBOX_RUNTIME_DIRS; i++)
		if (needs->runtime_dirs[i])
			calls |= CALLS_REMOVE;
	for (unsigned i = 0; i < SANDBOX_DIRECTORIES; i++)
		if (needs->directories[i])
			calls |= CALLS_WRITE;
	return calls;
}

int sandbox_prepare(enum sandbox_role role, const struct sandbox_needs *needs, struct error *err)
{
	const struct sandbox_row *row = &sandbox_table[role];
	struct prepared made = {.is_ready = true,
				.has_filter = support.has_seccomp && !IS_SANITIZED,
				.landlock_fd = -1};
	int result = 0;

	made.capabilities = row->capabilities;
	if (!is_on || prepared[role].is_ready)
		return 0;
	if (made.has_filter)
		result = filter_make(calls_add, calls_of(row, needs), row->calls & CALLS_ANY,
				     &made.program, err);
	if (result == 0 && !IS_SANITIZED)
		result = landlock_make(row, needs, &made.landlock_fd, err);
	if (result == 0)
		prepared[role] = made;
	return result;
}

static int limit_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t mask = (uint32_t)(kept >> 32 * i);

		data[i].effective &= mask;
		data[i].permitted &= mask;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static _Noreturn void fail(const char *what)
{
	static const char text[] = "pagevisor: cannot enter the sandbox: ";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	ignored = write(STDERR_FILENO, what, strlen(what));
	ignored = write(STDERR_FILENO, "\n", 1);
	(void)ignored;
	_exit(1);
}

void sandbox_enter(enum sandbox_role role)
{
	const struct prepared *made = &prepared[role];

	if (!is_on || !made->is_ready)
		return;
	refusal_name_thread(sandbox_table[role].name);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail("no_new_privs");
	if (limit_capabilities(made->capabilities) < 0)
		fail("capabilities");
	if (made->landlock_fd >= 0 && landlock_enter(made->landlock_fd) < 0)
		fail("Landlock");
	if (made->has_filter && filter_load(&made->program) < 0)
		fail("seccomp");
}

int sandbox_enter_once(enum sandbox_role role, const struct sandbox_needs *needs, struct error *err)
{
	static bool has_entered;
	int result = has_entered ? 0 : sandbox_prepare(role, needs, err);

	if (result < 0 || has_entered)
		return result;
	has_entered = true;
	sandbox_enter(role);
	return 0;
}
