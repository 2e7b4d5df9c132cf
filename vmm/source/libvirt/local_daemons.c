/* SPDX-License-Identifier: MPL-2.0 */
/* The libvirt daemons of this machine: see local_daemons.h. */
#include "source/libvirt/local_daemons.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The sockets of the monolithic daemon, and of the daemon for QEMU alone. */
static const char *const sockets[] = {"libvirt-sock", "virtqemud-sock"};

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

unsigned local_daemons(struct local_daemon *daemons)
{
	const char *uri = getenv("LIBVIRT_DEFAULT_URI");
	const char *host = uri ? strstr(uri, "://") : NULL;
	unsigned count = 0;

	if (uri && *uri) {
		daemons[0] = (struct local_daemon){NULL, "libvirt:"};
		return host && host[3] == '/';
	}
	if (has_socket("/run"))
		daemons[count++] =
			(struct local_daemon){"qemu:///system", "libvirt:qemu:///system#"};
	if (has_socket(getenv("XDG_RUNTIME_DIR")))
		daemons[count++] =
			(struct local_daemon){"qemu:///session", "libvirt:qemu:///session#"};
	return count;
}
