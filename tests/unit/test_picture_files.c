/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tests of picture files: a PNG is read back through libpng, an SVG by a small XML checker. A picture that cannot be
 * written leaves no file and changes none.
 */
#include "unit/suites.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <png.h>

#include "inspect/find/expression.h"
#include "view/picture/canvas.h"
#include "view/picture/map_picture.h"
#include "view/picture/palette.h"
#include "view/picture/picture_file.h"
#include "unit/crafted_guest.h"
#include "unit/slot_array.h"

#define SLOTS      16384 /* 64 MiB */
#define TABLE_NAME "<t>&\"'"

static struct slot_array array;
static struct map_image image;
static struct error err;
static char folder[32];
static char path[64];

static void setup(void)
{
	slot_array_create(&array, SLOTS);
	for (unsigned i = 0; i < 300; i++)
		slot_array_set(&array, i, 1, ARRAY_ANON);
	strcpy(array.view.types[ARRAY_TABLE].name, TABLE_NAME);
	slot_array_set(&array, 5, 1, ARRAY_TABLE);
	strcpy(folder, "/tmp/pagevisor-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/picture", folder);
}

static unsigned files(void)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static void teardown(void)
{
	map_image_free(&image);
	slot_array_destroy(&array);
	unlink(path);
	rmdir(path);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left in the directory */
	strcpy(strrchr(folder, '.'), ".XXXXXX");
}

static void build(struct map_grid grid)
{
	ck_assert_int_eq(map_image_build(crafted_guest(&array.memory, &array.view), MAP_BY_TYPE,
					 grid, &image, &err),
			 0);
}

static uint8_t *read_png(png_image *png)
{
	*png = (png_image){.version = PNG_IMAGE_VERSION};
	ck_assert_msg(png_image_begin_read_from_file(png, path), "%s", png->message);
	png->format = PNG_FORMAT_RGB;
	uint8_t *pixels = malloc(PNG_IMAGE_SIZE(*png));

	ck_assert_msg(png_image_finish_read(png, NULL, pixels, 0, NULL), "%s", png->message);
	return pixels;
}

static void assert_pixel(const png_image *png, const uint8_t *pixels, unsigned x, unsigned y,
			 struct colour expected)
{
	const uint8_t *pixel = pixels + ((size_t)y * png->width + x) * 3;

	ck_assert_msg(pixel[0] == expected.red && pixel[1] == expected.green &&
			      pixel[2] == expected.blue,
		      "pixel %u, %u is #%02x%02x%02x", x, y, pixel[0], pixel[1], pixel[2]);
}

/* Where map_png.c puts the map, and the size of a cell for a guest of 64 MiB. */
#define LEFT 92
#define TOP  44
#define CELL 8

static struct colour colour(const char *name)
{
	struct colour colours[MAP_CLASSES_MAX];
	unsigned class = 0;

	palette_of(&image, colours);
	while (strcmp(image.classes[class].name, name) != 0)
		class ++;
	return colours[class];
}

START_TEST(a_png_shows_the_cells)
{
	png_image png;

	build(map_png_grid(SLOTS));
	ck_assert_int_eq(map_write_png(&image, "demo", path, &err), 0);
	uint8_t *pixels = read_png(&png);

	ck_assert_uint_eq(png.width, 1136);
	ck_assert_uint_eq(png.height, 44 + 1024 + 22 + 26 + 8);
	for (unsigned i = 0; i < 128; i++)
		assert_pixel(&png, pixels, LEFT + i * CELL + CELL / 2, TOP + 1,
			     colour(i == 5 ? TABLE_NAME : "anon"));
	assert_pixel(&png, pixels, LEFT + 43 * CELL, TOP + 2 * CELL + 7, colour("anon"));
	assert_pixel(&png, pixels, LEFT + 44 * CELL, TOP + 2 * CELL, colour("unused"));
	assert_pixel(&png, pixels, LEFT + 1023, TOP + 1023, colour("unused"));
	assert_pixel(&png, pixels, LEFT + 1024, TOP + 1024, (struct colour){0x80, 0x80, 0x80});
	/* The first square of the legend. */
	assert_pixel(&png, pixels, LEFT + 9, TOP + 1024 + 22 + 9, colour("anon"));
	free(pixels);
}
END_TEST

/* Addresses that are not round need more room than others. */
START_TEST(a_png_has_marks_and_room_for_its_labels)
{
	struct guest *guest = crafted_guest(&array.memory, &array.view);
	static struct expression mark;
	png_image png;

	ck_assert_int_eq(expression_compile("pfn == 5", guest, NULL, &mark, &err), 0);
	const struct map_part part = {
		.grid = map_png_grid(SLOTS), .frame_count = SLOTS, .mark = &mark};

	ck_assert_int_eq(map_image_build_part(guest, MAP_BY_TYPE, &part, &image, &err), 0);
	image.first = pfn(16777215);
	ck_assert_int_eq(map_write_png(&image, "demo", path, &err), 0);
	uint8_t *pixels = read_png(&png);
	unsigned left = 6 + 8 + 9 * 12;

	ck_assert_uint_eq(png.width, 1136 - LEFT + left);
	assert_pixel(&png, pixels, left + 4 * CELL, TOP, colour("anon"));
	assert_pixel(&png, pixels, left + 5 * CELL, TOP, palette_mark_edge);
	assert_pixel(&png, pixels, left + 5 * CELL + 3, TOP + 3, palette_mark);
	assert_pixel(&png, pixels, left + 6 * CELL, TOP, colour("anon"));
	free(pixels);
}
END_TEST

START_TEST(a_png_has_a_sensible_size)
{
	static const uint64_t counts[] = {1, 4096, 16384, 131072, 262144, 1310720, 16777216};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct map_grid grid = map_png_grid(counts[i]);

		ck_assert_uint_ge(grid.columns, 64);
		ck_assert_uint_le(grid.columns, 1024);
		ck_assert_uint_le(grid.rows, grid.columns);
		ck_assert(grid.frames_per_cell == 1 || grid.columns == 1024);
	}
}
END_TEST

/* Whether the tags, attributes and entities of a text are well-formed XML, in order; counts the elements. */
static bool is_well_formed(const char *text, unsigned *elements)
{
	char open[16][32];
	unsigned depth = 0;
	const char *at = strstr(text, "?>");

	*elements = 0;
	if (strncmp(text, "<?xml ", 6) != 0 || !at)
		return false;
	for (at += 2; *at;) {
		if (*at == '&') {
			static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
			unsigned i = 0;

			while (i < 4 && strncmp(at, entities[i], strlen(entities[i])) != 0)
				i++;
			if (i == 4)
				return false;
			at += strlen(entities[i]);
			continue;
		}
		if (*at != '<') {
			if (*at == '>' || (depth == 0 && *at != '\n'))
				return false;
			at++;
			continue;
		}
		bool closes = at[1] == '/';
		const char *name = at + 1 + closes;
		size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz");

		if (length == 0 || length >= sizeof(open[0]))
			return false;
		at = name + length;
		if (closes) {
			if (depth == 0 || strlen(open[depth - 1]) != length ||
			    strncmp(open[--depth], name, length) != 0 || *at++ != '>')
				return false;
			continue;
		}
		++*elements;
		while (*at == ' ') {
			at += 1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyzB-");
			if (*at == '/' || *at == '>')
				break;
			if (strncmp(at, "=\"", 2) != 0)
				return false;
			at += 2 + strcspn(at + 2, "\"<&");
			if (*at++ != '"')
				return false;
		}
		if (strncmp(at, "/>", 2) == 0) {
			at += 2;
		} else {
			if (*at++ != '>' || depth == 16)
				return false;
			snprintf(open[depth++], sizeof(open[0]), "%.*s", (int)length, name);
		}
	}
	return depth == 0 && *elements > 0;
}

static char text[1 << 20];

static void read_text(void)
{
	FILE *file = fopen(path, "r");

	ck_assert_ptr_nonnull(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
}

START_TEST(the_checker_of_xml_sees_mistakes)
{
	static const char *const wrong[] = {
		"",
		"<svg/>",
		"<?xml ?><a>",
		"<?xml ?><a></b>",
		"<?xml ?><a>&x;</a>",
		"<?xml ?>",
		"<?xml ?>a<a/>",
		"<?xml ?><a b=c/>",
		"<?xml ?><a b=\"<\"/>",
		"<?xml ?><a><b></a></b>",
	};
	unsigned elements;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!is_well_formed(wrong[i], &elements), "%s", wrong[i]);
	ck_assert(is_well_formed("<?xml ?><a b=\"c\"><d/>&lt;</a>", &elements));
	ck_assert_uint_eq(elements, 2);
}
END_TEST

START_TEST(an_svg_is_well_formed_and_merges_runs)
{
	unsigned elements;

	build(map_svg_grid(SLOTS));
	ck_assert_int_eq(map_write_svg(&image, "<&>\"\033\xff", path, &err), 0);
	read_text();
	ck_assert(is_well_formed(text, &elements));
	ck_assert_uint_lt(elements,
			  2 * (128 + 4) + 50); /* a row is one rectangle, except the first three */
	ck_assert(strstr(text,
			 "<text x=\"72\" y=\"26\" font-size=\"17\">&lt;&amp;&gt;&quot;??: 16384 "));
	ck_assert(strstr(text, "<rect x=\"112\" y=\"40\" width=\"8\" height=\"8\"><title>0x5000 to "
			       "0x5fff: &lt;t&gt;&amp;&quot;'</title></rect>"));
	ck_assert(
		strstr(text, "width=\"976\" height=\"8\"><title>0x6000 to 0x7ffff: anon</title>"));
}
END_TEST

START_TEST(an_svg_has_marks_and_a_part_its_addresses)
{
	struct guest *guest = crafted_guest(&array.memory, &array.view);
	static struct expression mark;
	unsigned elements;

	ck_assert_int_eq(expression_compile("pfn == 5", guest, NULL, &mark, &err), 0);
	const struct map_part part = {
		.grid = map_svg_grid(100), .first = pfn(4), .frame_count = 100, .mark = &mark};

	ck_assert_int_eq(map_image_build_part(guest, MAP_BY_TYPE, &part, &image, &err), 0);
	ck_assert_int_eq(map_write_svg(&image, "demo", path, &err), 0);
	read_text();
	ck_assert(is_well_formed(text, &elements));
	ck_assert(strstr(text, "<title>0x5000 to 0x5fff: &lt;t&gt;&amp;&quot;'</title>"));
	ck_assert(strstr(text,
			 "<rect x=\"80\" y=\"40\" width=\"8\" height=\"8\" fill=\"#000000\"/>"
			 "<rect x=\"82\" y=\"42\" width=\"4\" height=\"4\" fill=\"#ffff00\"/>"));
	ck_assert(strstr(text, ">marked: 1</text>"));
}
END_TEST

static int (*const writers[])(const struct map_image *image, const char *name, const char *to,
			      struct error *error) = {map_write_png, map_write_svg};

START_TEST(a_picture_replaces_one_that_was_there)
{
	struct stat status;
	mode_t mask;

	build(map_svg_grid(SLOTS));
	mask = umask(0);
	ck_assert_int_eq(writers[_i](&image, "demo", path, &err), 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(writers[_i](&image, "demo", path, &err), 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0400); /* not widened */
	ck_assert_int_eq(chmod(path, 0666), 0);
	umask(0777);
	ck_assert_int_eq(truncate(path, 3), 0);
	ck_assert_int_eq(writers[_i](&image, "demo", path, &err), 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_gt(status.st_size, 1000);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	ck_assert_uint_eq(files(), 1);
	umask(mask);
}
END_TEST

START_TEST(a_failed_write_changes_nothing)
{
	const struct rlimit small = {.rlim_cur = 512, .rlim_max = RLIM_INFINITY};
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	build(map_svg_grid(SLOTS));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	int fresh = writers[_i](&image, "demo", path, &err);
	unsigned left = files();

	setrlimit(RLIMIT_FSIZE, &none);
	ck_assert_int_eq(fresh, -EFBIG);
	ck_assert_uint_eq(left, 0);
	ck_assert(strstr(err.text, "File too large"));

	FILE *file = fopen(path, "w");

	fputs("kept", file);
	fclose(file);
	setrlimit(RLIMIT_FSIZE, &small);
	ck_assert_int_lt(writers[_i](&image, "demo", path, &err), 0);
	setrlimit(RLIMIT_FSIZE, &none);
	read_text();
	ck_assert_str_eq(text, "kept");
	ck_assert_uint_eq(files(), 1);
}
END_TEST

/* A signal that ends the process comes when the file is in its place, or gone. */
START_TEST(a_signal_leaves_no_part_of_a_file)
{
	struct picture_file file;
	int status;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGTERM, SIG_DFL); /* Check has a handler, which ends the test */
		if (picture_file_open(&file, path, &err) == 0 && raise(SIGTERM) == 0 &&
		    fputs("whole", file.stream) >= 0 && _i == 0)
			picture_file_finish(&file, &err);
		else
			picture_file_abandon(&file);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	ck_assert_uint_eq(files(), _i == 0 ? 1 : 0);
	ck_assert_int_eq(access(path, F_OK) == 0, _i == 0);
}
END_TEST

START_TEST(what_is_no_file_is_not_replaced)
{
	build(map_svg_grid(SLOTS));
	/* A FIFO and not a device: the code under test may fail, and as root would then replace a device. */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(writers[_i](&image, "demo", path, &err), -EINVAL);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(writers[_i](&image, "demo", "/nowhere/picture", &err), -ENOENT);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(writers[_i](&image, "demo", path, &err), -EINVAL);
	ck_assert_uint_eq(files(), 1);
}
END_TEST

START_TEST(every_glyph_is_drawn_within_its_cell)
{
	struct canvas canvas;
	char one[2] = " ";

	for (char c = '!'; c <= '~'; c++) {
		unsigned drawn = 0;

		ck_assert_int_eq(canvas_init(&canvas, 8, 10, &err), 0);
		one[0] = c;
		canvas_text(&canvas, 1, 1, 1, 1, one);
		for (unsigned y = 0; y < 10; y++)
			for (unsigned x = 0; x < 8; x++) {
				bool is_set = canvas.pixels[y * 8 + x];

				drawn += is_set;
				ck_assert(!is_set || (x >= 1 && x < 6 && y >= 1 && y < 9));
			}
		ck_assert_msg(drawn >= 3, "%c has %u pixels", c, drawn);
		canvas_destroy(&canvas);
	}
}
END_TEST

Suite *picture_files_suite(void)
{
	Suite *suite = suite_create("picture_files");
	TCase *tcase = tcase_create("picture_files");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_png_shows_the_cells);
	tcase_add_test(tcase, a_png_has_a_sensible_size);
	tcase_add_test(tcase, the_checker_of_xml_sees_mistakes);
	tcase_add_test(tcase, an_svg_is_well_formed_and_merges_runs);
	tcase_add_test(tcase, an_svg_has_marks_and_a_part_its_addresses);
	tcase_add_test(tcase, a_png_has_marks_and_room_for_its_labels);
	tcase_add_loop_test(tcase, a_picture_replaces_one_that_was_there, 0, 2);
	tcase_add_loop_test(tcase, a_failed_write_changes_nothing, 0, 2);
	tcase_add_loop_test(tcase, a_signal_leaves_no_part_of_a_file, 0, 2);
	tcase_add_loop_test(tcase, what_is_no_file_is_not_replaced, 0, 2);
	tcase_add_test(tcase, every_glyph_is_drawn_within_its_cell);
	suite_add_tcase(suite, tcase);
	return suite;
}
