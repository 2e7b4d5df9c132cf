/* SPDX-License-Identifier: MPL-2.0 */
/* Confines commands that look at VMs: see confine.h. */
#include "cli/confine.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/runtime_dir.h"
#include "sandbox/sandbox.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/qemu/qemu_source.h"

_Static_assert(CONFINE_FILES == SANDBOX_DIRECTORIES, "a directory for each file");
_Static_assert(RUNTIME_DIRS_MAX == SANDBOX_RUNTIME_DIRS, "all of the user's");

static enum sandbox_role role_of(const char *name)
{
	if (name && strncmp(name, QEMU_SOURCE_PREFIX, strlen(QEMU_SOURCE_PREFIX)) == 0)
		return SANDBOX_INSPECT_QEMU;
	if (name && strncmp(name, LIBVIRT_PREFIX, strlen(LIBVIRT_PREFIX)) == 0)
		return SANDBOX_INSPECT_LIBVIRT;
	return SANDBOX_INSPECT;
}

/*
 * libvirt reaches a daemon through a program that it starts when the URI says so: qemu+ssh://host/system. Such a program may
 * need what only a new program gets, as with setuid, so nothing is confined then. Only a URI has "://": others choose the
 * names of domains and files, and must not turn the sandbox off with them.
 */
static bool starts_programs(const char *uri)
{
	const char *transport = uri ? uri + strcspn(uri, "+:/#") : "";

	return strncmp(transport, "+ssh://", 7) == 0 || strncmp(transport, "+ext://", 7) == 0;
}

/* "." for a name without a slash. */
static const char *directory_of(const char *file, char path[PATH_MAX])
{
	const char *slash = file ? strrchr(file, '/') : NULL;

	if (!file || snprintf(path, PATH_MAX, "%s", file) >= PATH_MAX)
		return NULL;
	if (!slash)
		return ".";
	path[slash == file ? 1 : slash - file] = '\0';
	return path;
}

int confine_inspector(const char *const *names, unsigned count,
		      const struct confinement *confinement, struct error *err)
{
	char runtime_dirs[RUNTIME_DIRS_MAX][PATH_MAX], paths[CONFINE_FILES][PATH_MAX];
	struct sandbox_needs needs = {.pauses = confinement->pauses};
	enum sandbox_role role = SANDBOX_INSPECT;

	/* The roles are in the order of what they may. */
	for (unsigned i = 0; i < count; i++) {
		enum sandbox_role one = role_of(names[i]);

		if (one > role)
			role = one;
		if (one == SANDBOX_INSPECT_LIBVIRT &&
		    starts_programs(names[i] + strlen(LIBVIRT_PREFIX)))
			return 0;
		/* Only a search for pagevisor's own VMs comes across dead sockets. */
		if (one == SANDBOX_INSPECT)
			for (unsigned dir = runtime_dirs_paths(runtime_dirs); dir-- > 0;)
				needs.runtime_dirs[dir] = runtime_dirs[dir];
	}
	if (role == SANDBOX_INSPECT_LIBVIRT && starts_programs(getenv("LIBVIRT_DEFAULT_URI")))
		return 0;
	for (unsigned i = 0; i < CONFINE_FILES; i++)
		needs.directories[i] = directory_of(confinement->files[i], paths[i]);
	return sandbox_enter_once(role, &needs, err);
}

/* If it cannot, it goes on: the sandbox of the inspector that started it holds in any case. */
void confine_pauser(const char *place)
{
	const struct sandbox_needs needs = {0};
	struct error ignored;

	if (!starts_programs(place))
		sandbox_enter_once(SANDBOX_PAUSER, &needs, &ignored);
}
