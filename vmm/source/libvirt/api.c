/* SPDX-License-Identifier: MPL-2.0 */
/* The libvirt library: see api.h. */
#include "source/libvirt/api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* libvirt's interface has not broken since 2005. The second library has the functions for QEMU alone. */
#define LIBRARY      "libvirt.so.0"
#define LIBRARY_QEMU "libvirt-qemu.so.0"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct libvirt_api loaded;
static bool is_loaded;
static struct error problem;

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define LIBVIRT_ENTRY(name) {#name, offsetof(struct libvirt_api, name)},
	LIBVIRT_FUNCTIONS(LIBVIRT_ENTRY)
#undef LIBVIRT_ENTRY
};

static void *open_library(const char *name)
{
	void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);

	if (!library)
		error_set(&problem, 0, "cannot load libvirt: %s", dlerror());
	return library;
}

/* Errors are returned. By default the library would print them as well. */
static void say_nothing(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

static void load(void)
{
	void *library = open_library(LIBRARY);
	void *qemu = library ? open_library(LIBRARY_QEMU) : NULL;

	if (!qemu)
		return;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *function = dlsym(library, functions[i].name);

		if (!function)
			function = dlsym(qemu, functions[i].name);
		if (!function) {
			error_set(&problem, 0, "libvirt is too old: it has no %s",
				  functions[i].name);
			return;
		}
		*(void **)((char *)&loaded + functions[i].offset) = function;
	}
	setenv("LIBVIRT_AUTOSTART", "0", 1);
	if (loaded.virInitialize() < 0) {
		error_set(&problem, 0, "cannot initialise libvirt");
		return;
	}
	loaded.virSetErrorFunc(NULL, say_nothing);
	is_loaded = true;
}

const struct libvirt_api *libvirt_api(struct error *err)
{
	pthread_once(&once, load);
	if (is_loaded)
		return &loaded;
	*err = problem;
	return NULL;
}
