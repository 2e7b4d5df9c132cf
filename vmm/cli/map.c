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
#include "cli/option_value.h"
#include "cli/options.h"
#include "cli/query.h"
#include "cli/session.h"
#include "base/number_text.h"
#include "kind/kind.h"
#include "view/frame_text.h"
#include "view/answer.h"
#include "view/picture/map_picture.h"

#define DEFAULT_WIDTH 80

/* Lines of a terminal that the map leaves at first, and always takes. */
#define LEGEND_LINES 5
#define LINES_MIN    4

enum option_key {
	KEY_BY = 'b',
	KEY_MARK = 'm',
	KEY_PNG = 0x100, /* no letter */
	KEY_SVG,
	KEY_FROM,
	KEY_TO,
};

struct map {
	enum map_by by;
	struct frame_name first, end; /* as the user called them, the second one excluded */
	uint64_t from, to;            /* these, as numbers of frames */
	const char *mark;
	struct query query; /* that */
	const char *png, *svg;
	struct session session;
};

static const struct argp_option options_table[] = {
	{"by", KEY_BY, "type|state|refs|resident|migratetype", 0,
	 "what the colours mean (type); the last one for Linux guests", 0},
	{"from", KEY_FROM, "PLACE", 0, "begin there (0)", 0},
	{"to", KEY_TO, "PLACE", 0, "end before it (the end of memory)", 0},
	{"mark", KEY_MARK, "EXPRESSION", 0, "mark cells with frames that match, as find does", 0},
	{"png", KEY_PNG, "FILE", 0, "write a PNG", 0},
	{"svg", KEY_SVG, "FILE", 0, "write an SVG, with tooltips", 0},
	{0},
};

static enum map_by parse_by(const char *text, struct argp_state *state)
{
	static const char *const names[] = {[MAP_BY_TYPE] = "type",
					    [MAP_BY_STATE] = "state",
					    [MAP_BY_REFS] = "refs",
					    [MAP_BY_RESIDENT] = "resident",
					    [MAP_BY_MIGRATETYPE] = "migratetype",
					    NULL};

	return (enum map_by)option_word("--by", text, names, state);
}

/* A place in memory is a frame; here a bare number can only be a size. */
static struct frame_name parse_place(const char *name, const char *text, struct argp_state *state)
{
	struct frame_name frame = {0};
	uint64_t bytes;

	if (size_parse(text, 0, UINT64_MAX, &bytes))
		frame.number = bytes / PAGE_SIZE;
	else if (!frame_name_parse(text, &frame))
		argp_error(state, "--%s %s: expected " FRAME_EXPECTED, name, text);
	return frame;
}

/* A file called "-" is not what somebody wants who writes that. */
static const char *parse_file(const char *name, const char *text, struct argp_state *state)
{
	if (strcmp(text, "-") == 0)
		argp_error(
			state,
			"--%s -: a picture cannot go to standard output; expected a FILE to write",
			name);
	return text;
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
	case KEY_FROM:
		map->first = parse_place("from", text, state);
		break;
	case KEY_TO:
		map->end = parse_place("to", text, state);
		break;
	case KEY_MARK:
		map->mark = text;
		break;
	case KEY_PNG:
		map->png = parse_file("png", text, state);
		break;
	case KEY_SVG:
		map->svg = parse_file("svg", text, state);
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
	       "reference count of its frames, by what the host keeps of it, or by the migrate types of Linux's page blocks: on a terminal in colours, elsewhere with letters, or "
	       "into a file.\vA cell shows the class of most of its frames; a broken frame always "
	       "shows, and so does a mark. PLACE is " FRAME_EXPECTED
	       ". The map fits the terminal. " SESSION_VM_HELP " EXPRESSION is as for pagevisor "
	       "find, for example\n\n"
	       "  pagevisor map --from 16M --to 32M --mark 'type == page_table && ref > 1'",
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

/* The window; elsewhere a width that fits everywhere, and no height to fit. */
static struct map_paper terminal_paper(void)
{
	struct map_paper paper = {.width = DEFAULT_WIDTH,
				  .map_lines = MAP_LINES_DEFAULT,
				  .colours = terminal_colours()};
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return paper;
	paper.width = size.ws_col;
	if (size.ws_row > 0)
		paper.map_lines = size.ws_row;
	return paper;
}

/* The legend, with the frames of each class. */
static void print_json(const struct session *session, const struct map_image *image)
{
	json *root = session_head(session), *classes = json_object_new_array();

	json_add_text(root, "by", map_by_name(image->by));
	json_add_number(root, "total_frames", image->frame_count);
	json_add_number(root, "ram_frames", session->guest->ram_frames);
	if (image->marks)
		json_add_number(root, "marked_frames", image->marked_frames);
	session_add_coverage(root, session, image->reads.unstable);
	for (unsigned i = 0; i < image->class_count; i++) {
		json *class = json_object_new_object();

		json_add_text(class, "class", image->classes[i].name);
		json_add_number(class, "total_frames", image->classes[i].frames);
		json_object_array_add(classes, class);
	}
	json_add(root, "classes", classes);
	json_add_number(root, "retried", image->reads.retries);
	json_add_number(root, "given_up", image->reads.unstable);
	answer_print("map", root, STATUS_OK);
}

static int build(struct map *map, struct map_grid grid, struct map_image *image)
{
	const struct map_part part = {.grid = grid,
				      .first = pfn(map->from),
				      .frame_count = map->to - map->from,
				      .mark = map->mark ? &map->query.expression : NULL};
	struct error err;
	int result = map_image_build_part(map->session.guest, map->by, &part, image, &err);

	if (result == -ENOMEM)
		return session_refuse(result, &err);
	if (result < 0)
		return session_lost(&map->session.source, err.text);
	int status = session_still(&map->session);

	if (status != STATUS_OK)
		map_image_free(image);
	return status;
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
	if (!map->session.options.json)
		session_print_coverage(&map->session, image.reads.unstable, stdout);
	int result = draw(&image, map->session.source.name, path, &err);

	map_image_free(&image);
	return result < 0 ? session_refuse(result, &err) : STATUS_OK;
}

/*
 * Builds a map that fits the paper with all that is printed around it, and a prompt. How long the legend is, only a map
 * shows: then a smaller one is built where it is too long.
 */
static int build_to_fit(struct map *map, struct map_paper *paper, struct map_image *image)
{
	unsigned height = paper->map_lines;
	bool has_height = isatty(STDOUT_FILENO) == 1;
	int status = STATUS_OK;

	if (has_height)
		paper->map_lines = height > LINES_MIN + LEGEND_LINES ? height - LEGEND_LINES
								     : LINES_MIN;
	for (unsigned tries = 0; tries < 2; tries++) {
		status = build(map, map_text_grid(map->to - map->from, paper), image);
		if (status != STATUS_OK || !has_height)
			return status;
		unsigned others = map_text_other_lines(image, paper) + 1;
		unsigned left = height > others + LINES_MIN ? height - others : LINES_MIN;

		if (paper->map_lines <= left || tries == 1)
			return status;
		paper->map_lines = left;
		map_image_free(image);
	}
	return status;
}

static int draw_text(struct map *map)
{
	struct map_paper paper = terminal_paper();
	struct map_image image;

	paper.has_marks = map->mark;
	int status = build_to_fit(map, &paper, &image);

	if (status != STATUS_OK)
		return status;
	if (map->session.options.json) {
		print_json(&map->session, &image);
	} else {
		session_print_coverage(&map->session, image.reads.unstable, stdout);
		map_print(&image, map->session.source.name, &paper, stdout);
	}
	map_image_free(&image);
	return STATUS_OK;
}

static int draw_all(struct map *map)
{
	uint64_t frames = map->to - map->from;
	int status = draw_file(map, map->png, map_png_grid(frames), map_write_png);

	if (status == STATUS_OK)
		status = draw_file(map, map->svg, map_svg_grid(frames), map_write_svg);
	if (status == STATUS_OK && (map->session.options.json || !(map->png || map->svg)))
		status = draw_text(map);
	return status;
}

/* Cuts the end to what there is. */
static int find_part(struct map *map)
{
	const struct guest *guest = map->session.guest;
	bool has_tables = map->session.source.has_all_memory;
	struct error err;
	int result = frame_name_find(&map->first, guest, has_tables, &map->from, &err);

	map->to = map->end.number;
	if (result == 0 && map->end.is_virtual)
		result = frame_name_find(&map->end, guest, has_tables, &map->to, &err);
	if (result == 0 && map->from >= map->to)
		result = error_set(&err, -EINVAL, "--from and --to: nothing lies between them");
	if (result < 0)
		return session_refuse(result, &err);
	if (map->to > guest->frame_count)
		map->to = guest->frame_count;
	return STATUS_OK;
}

static int look_and_draw(struct map *map)
{
	int status = session_look(&map->session, GUEST_HAS_FRAMES);
	const struct guest *guest = map->session.guest;
	struct error err;

	if (status != STATUS_OK)
		return status;
	if (!map_by_applies(guest, map->by)) {
		if (map->by == MAP_BY_RESIDENT)
			error_set(&err, 0,
				  "--by resident: what the host keeps of %s is not known; expected "
				  "type, state or refs of a guest that does not run",
				  session_called(&map->session));
		else if (map->by == MAP_BY_MIGRATETYPE)
			error_set(&err, 0,
				  "--by migratetype: the page blocks of this guest are not known; "
				  "expected type, state, refs or resident");
		else
			error_set(&err, 0,
				  "--by refs: guests of kind %s have no references; expected type "
				  "or state",
				  guest->kind->name);
		return session_refuse(-EINVAL, &err);
	}
	status = find_part(map);
	if (status == STATUS_OK && map->mark)
		status = query_compile(&map->query, &map->session, map->mark);
	if (status == STATUS_OK)
		status = draw_all(map);
	query_free(&map->query);
	return status;
}

int command_map(int argc, char **argv)
{
	struct map map = {.end = {.number = UINT64_MAX}};

	options_parse(&parser, argc, argv, &map);
	map.session.options.confinement = (struct confinement){.files = {map.png, map.svg}};
	int status = session_open(&map.session);

	if (status == STATUS_OK)
		status = look_and_draw(&map);
	session_close(&map.session);
	return session_flush(status);
}
