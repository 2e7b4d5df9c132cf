/* SPDX-License-Identifier: MPL-2.0 */
/* The libvirt daemons of this machine: see local_daemons.h. */
#include "source/libvirt/local_daemons.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The sockets of the monolithic daemon, and of the daemon for QEMU alone. */
static const char *const sockets[] = {"libvirt-sock", "virtqemud-sock"};

/*
 * Where the user's own daemon keeps its sockets, below libvirt/: as GLib has it, whose function libvirt calls. NULL: unknown.
 * `path` has PATH_MAX bytes.
 */
static const char *session_dir(char *path)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *cache = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");

	if (runtime && *runtime)
		return runtime;
	if (cache && *cache)
		return cache;
	return home && snprintf(path, PATH_MAX, "%s/.cache", home) < PATH_MAX ? path : NULL;
}

static bool has_socket(const char *runtime_dir)
{
	char path[PATH_MAX];

	for (size_t i = 0; runtime_dir && i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		int length = snprintf(path, sizeof(path), "%s/libvirt/%s", runtime_dir, sockets[i]);

		if (length < (int)sizeof(path) && access(path, F_OK) == 0)
			return true;
	}
	return false;
}

#define SYSTEM_PREFIX  "libvirt:qemu:///system#"
#define SESSION_PREFIX "libvirt:qemu:///session#"

unsigned local_daemons(struct local_daemon *daemons)
{
	const char *uri = getenv("LIBVIRT_DEFAULT_URI");
	const char *host = uri ? strstr(uri, "://") : NULL;
	char path[PATH_MAX];
	unsigned count = 0;

	if (uri && *uri) {
		daemons[0] = (struct local_daemon){NULL, "libvirt:"};
		return host && host[3] == '/';
	}
	if (has_socket("/run"))
		daemons[count++] = (struct local_daemon){"qemu:///system", SYSTEM_PREFIX};
	if (has_socket(session_dir(path)))
		daemons[count++] = (struct local_daemon){"qemu:///session", SESSION_PREFIX};
	return count;
}

/* libvirt keeps NAME.xml there while the domain NAME runs. */
static void list_domains(const char *folder, const char *prefix,
			 void (*each)(void *context, const char *prefix, const char *name),
			 void *context)
{
	static const char suffix[] = ".xml";
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name), rest = sizeof(suffix) - 1;

		if (length <= rest || strcmp(entry->d_name + length - rest, suffix) != 0)
			continue;
		entry->d_name[length - rest] = '\0';
		each(context, prefix, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

void local_domain_names(void (*each)(void *context, const char *prefix, const char *name),
			void *context)
{
	char path[PATH_MAX], folder[PATH_MAX];
	const char *uri = getenv("LIBVIRT_DEFAULT_URI"), *runtime = session_dir(path);

	if (uri && *uri)
		return;
	list_domains("/run/libvirt/qemu", SYSTEM_PREFIX, each, context);
	if (runtime &&
	    snprintf(folder, sizeof(folder), "%s/libvirt/qemu/run", runtime) < (int)sizeof(folder))
		list_domains(folder, SESSION_PREFIX, each, context);
}
