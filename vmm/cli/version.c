/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor version`: which build this is, and with --verbose what it works with. */
#include "cli/commands.h"

#include <argp.h>
#include <curses.h>
#include <png.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <zstd.h>

#include <bpf/libbpf.h>

#include "base/build_id.h"
#include "base/json.h"
#include "base/version.h"
#include "cli/answer_option.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/session.h"
#include "sandbox/sandbox.h"
#include "source/libvirt/api.h"

#define VERSION_SIZE   64
#define COMPONENTS_MAX 8

enum option_key {
	KEY_VERBOSE = 'v',
};

struct version_options {
	bool is_verbose;
	bool json;
};

/* What the command works with: the kernel, and libraries as they were loaded. */
struct component {
	const char *name;
	char version[VERSION_SIZE];
};

static const struct argp_option options_table[] = {
	{"verbose", KEY_VERBOSE, NULL, 0, "also the kernel, and the libraries in use", 0},
	ANSWER_JSON_OPTION,
	{0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct version_options *options = state->input;

	switch (key) {
	case KEY_VERBOSE:
		options->is_verbose = true;
		break;
	case ANSWER_KEY_JSON:
		answer_option(key);
		options->json = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\": version takes options only", text);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

__attribute__((format(printf, 3, 4))) static void add(struct component *components,
						      const char *name, const char *format, ...)
{
	va_list arguments;

	while (components->name)
		components++;
	components->name = name;
	va_start(arguments, format);
	vsnprintf(components->version, sizeof(components->version), format, arguments);
	va_end(arguments);
}

static void add_kernel(struct component *components)
{
	struct utsname system;

	if (uname(&system) == 0)
		add(components, "kernel", "%s", system.release);
}

static void add_seccomp(struct component *components)
{
	const struct scmp_version *version = seccomp_version();

	if (version)
		add(components, "libseccomp", "%u.%u.%u", version->major, version->minor,
		    version->micro);
}

/* Loaded when it is needed, so it may be missing. */
static void add_libvirt(struct component *components)
{
	struct error ignored;
	const struct libvirt_api *libvirt = libvirt_api(&ignored);
	unsigned long version;

	if (libvirt && libvirt->virGetVersion(&version, NULL, NULL) == 0)
		add(components, "libvirt", "%lu.%lu.%lu", version / 1000000, version / 1000 % 1000,
		    version % 1000);
	else
		add(components, "libvirt", "none");
}

/* The list ends with a component without a name. */
static void find_components(struct component components[COMPONENTS_MAX])
{
	const char *curses = curses_version();

	add_kernel(components);
	add(components, "json-c", "%s", json_c_version());
	/* "v1.1" */
	add(components, "libbpf", "%s", libbpf_version_string() + 1);
	add(components, "libpng", "%s", png_get_libpng_ver(NULL));
	add_seccomp(components);
	add_libvirt(components);
	/* "ncurses 6.4.20221231" */
	add(components, "ncurses", "%s", curses + strcspn(curses, "0123456789"));
	add(components, "zstd", "%s", ZSTD_versionString());
}

static void print_text(const char *build, const struct component *component)
{
	struct sandbox_support support = sandbox_support();

	printf("pagevisor " PAGEVISOR_VERSION "\n");
	printf("build      %s\n", build);
	printf("sandbox    %s, ", support.has_seccomp ? "seccomp" : "no seccomp");
	if (support.landlock_abi)
		printf("Landlock %d\n", support.landlock_abi);
	else
		printf("no Landlock\n");
	for (; component->name; component++)
		printf("%-10s %s\n", component->name, component->version);
}

static void print_json(const char *build, const struct component *component)
{
	struct sandbox_support support = sandbox_support();
	json *root = json_object_new_object(), *components = json_object_new_object();

	json_add_text(root, "version", PAGEVISOR_VERSION);
	json_add_text(root, "build", build);
	json_add_flag(root, "seccomp", support.has_seccomp);
	json_add_number(root, "landlock", (uint64_t)support.landlock_abi);
	for (; component->name; component++)
		json_add_text(components, component->name, component->version);
	json_add(root, "components", components);
	answer_print("version", root, STATUS_OK);
}

int command_version(int argc, char **argv)
{
	static const struct argp parser = {
		.options = options_table,
		.parser = parse_option,
		.doc = "Prints the version, the id of this build, and what the sandbox can use "
		       "here.",
	};
	struct component components[COMPONENTS_MAX + 1] = {0};
	struct version_options options = {0};
	char build[BUILD_ID_SIZE];

	options_parse(&parser, argc, argv, &options);
	build_id_text(build);
	if (options.is_verbose || options.json)
		find_components(components);
	if (options.json)
		print_json(build, components);
	else
		print_text(build, components);
	return session_flush(STATUS_OK);
}
