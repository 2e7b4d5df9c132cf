/* SPDX-License-Identifier: MPL-2.0 */
/* `pagevisor map`: a guest's memory as a picture. */
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/exit_status.h"
#include "cli/session.h"
#include "kind/kind.h"
#include "view/picture/map_picture.h"

#define DEFAULT_WIDTH 80

enum option_key {
	KEY_BY = 'b',
	KEY_PNG = 0x100, /* no letter */
	KEY_SVG,
};

struct map {
	enum map_by by;
	const char *png, *svg;
	struct session session;
};

static const struct argp_option options_table[] = {
	{"by", KEY_BY, "type|state|refs", 0, "what the colours mean (type)", 0},
	{"png", KEY_PNG, "FILE", 0, "write a PNG", 0},
	{"svg", KEY_SVG, "FILE", 0, "write an SVG, with tooltips", 0},
	{0},
};

static enum map_by parse_by(const char *text, struct argp_state *state)
{
	static const char *const names[] = {
		[MAP_BY_TYPE] = "type", [MAP_BY_STATE] = "state", [MAP_BY_REFS] = "refs"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0)
			return (enum map_by)i;
	argp_error(state, "--by %s: expected type, state or refs", text);
	return MAP_BY_TYPE;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct map *map = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &map->session.options;
		break;
	case KEY_BY:
		map->by = parse_by(text, state);
		break;
	case KEY_PNG:
		map->png = text;
		break;
	case KEY_SVG:
		map->svg = text;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp parser = {
	.options = options_table,
	.parser = parse_option,
	.children = session_children,
	.doc = "Draws all memory of a running guest, coloured by the type, state or "
	       "reference count of its frames: on a terminal in colours, elsewhere with letters, or "
	       "into a file.\vA cell shows the class of most of its frames; a broken frame always "
	       "shows. " SESSION_VM_HELP,
};

/* Uses colours on a terminal, unless the user asks for none. */
static enum map_colours terminal_colours(void)
{
	const char *terminal = getenv("TERM"), *depth = getenv("COLORTERM");
	const char *no_colour = getenv("NO_COLOR");

	if (!isatty(STDOUT_FILENO) || !terminal || strcmp(terminal, "dumb") == 0 ||
	    (no_colour && *no_colour))
		return MAP_LETTERS;
	if (depth && (strcmp(depth, "truecolor") == 0 || strcmp(depth, "24bit") == 0))
		return MAP_24_BIT;
	return MAP_256_COLOURS;
}

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return DEFAULT_WIDTH;
	return size.ws_col;
}

/* The legend, with the frames of each class. */
static void print_json(const struct map_image *image)
{
	struct json_object *root = json_object_new_object();
	struct json_object *classes = json_object_new_array();

	json_add_text(root, "by", map_by_name(image->by));
	json_add_number(root, "slots", image->frame_count);
	for (unsigned i = 0; i < image->class_count; i++) {
		struct json_object *class = json_object_new_object();

		json_add_text(class, "name", image->classes[i].name);
		json_add_number(class, "frames", image->classes[i].frames);
		json_object_array_add(classes, class);
	}
	json_object_object_add(root, "classes", classes);
	json_add_number(root, "retried", image->reads.retries);
	json_add_number(root, "given_up", image->reads.unstable);
	json_print(root);
}

static int build(struct map *map, struct map_grid grid, struct map_image *image)
{
	struct error err;
	int result = map_image_build(map->session.guest, map->by, grid, image, &err);

	if (result == 0)
		return STATUS_OK;
	return result == -ENOMEM ? session_refuse(result, &err)
				 : session_lost(&map->session.source, err.text);
}

static int draw_file(struct map *map, const char *path, struct map_grid grid,
		     int (*draw)(const struct map_image *image, const char *name, const char *path,
				 struct error *err))
{
	struct map_image image;
	struct error err;
	int status = path ? build(map, grid, &image) : STATUS_OK;

	if (!path || status != STATUS_OK)
		return status;
	int result = draw(&image, map->session.source.name, path, &err);

	map_image_free(&image);
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

static int draw_text(struct map *map)
{
	enum map_colours colours = terminal_colours();
	unsigned width = terminal_width();
	struct map_image image;
	struct map_grid grid = map_text_grid(map->session.guest->frame_count, width, colours);
	int status = build(map, grid, &image);

	if (status != STATUS_OK)
		return status;
	if (map->session.options.json)
		print_json(&image);
	else
		map_print(&image, map->session.source.name, width, colours, stdout);
	map_image_free(&image);
	return STATUS_OK;
}

static int draw_all(struct map *map)
{
	uint64_t frames = map->session.guest->frame_count;
	int status = draw_file(map, map->png, map_png_grid(frames), map_write_png);

	if (status == STATUS_OK)
		status = draw_file(map, map->svg, map_svg_grid(frames), map_write_svg);
	if (status == STATUS_OK && (map->session.options.json || !(map->png || map->svg)))
		status = draw_text(map);
	return status;
}

static int look_and_draw(struct map *map)
{
	int status = session_look(&map->session, GUEST_HAS_FRAMES);
	const struct guest *guest = map->session.guest;
	struct error err;

	if (status != STATUS_OK)
		return status;
	if (!map_by_applies(guest, map->by)) {
		error_set(&err, 0,
			  "--by refs: guests of kind %s have no references; expected type or "
			  "state",
			  guest->kind->name);
		return session_refuse(-EINVAL, &err);
	}
	return draw_all(map);
}

int command_map(int argc, char **argv)
{
	struct map map = {0};

	argp_err_exit_status = STATUS_BAD_INPUT;
	argp_parse(&parser, argc, argv, 0, NULL, &map);
	int status = session_open(&map.session);

	if (status == STATUS_OK)
		status = look_and_draw(&map);
	session_close(&map.session);
	return session_flush(status);
}
