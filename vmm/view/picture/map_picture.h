/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pictures of a guest's memory: text for terminals and pipes, PNG, SVG. Each has a title, addresses beside the rows and
 * a legend with the number of frames of each class. A function per format returns a suitable grid.
 */
#ifndef VMM_MAP_PICTURE_H
#define VMM_MAP_PICTURE_H

#include <stdio.h>

#include "base/error.h"
#include "inspect/map_image.h"

enum map_colours {
	MAP_LETTERS,     /* no colours: for pipes and files */
	MAP_256_COLOURS, /* half blocks, two rows of cells in a line of text */
	MAP_24_BIT,
};

/* What the text is printed on. */
struct map_paper {
	unsigned width;     /* in characters */
	unsigned map_lines; /* at most, of the map alone */
	enum map_colours colours;
	bool has_marks; /* the picture will have some: then each row of cells has a line, for there are letters in it */
};

#define MAP_LINES_DEFAULT 32 /* where there is no height to fit */

struct map_grid map_text_grid(uint64_t frames, const struct map_paper *paper);
void map_print(const struct map_image *image, const char *name, const struct map_paper *paper,
	       FILE *out);

/* Lines that map_print prints besides the map. */
unsigned map_text_other_lines(const struct map_image *image, const struct map_paper *paper);

/*
 * Both replace the whole file or leave it as it was. They return 0, -ENOMEM, -EINVAL if the path names something other
 * than a regular file, or the system's error.
 */
struct map_grid map_png_grid(uint64_t frames);
int map_write_png(const struct map_image *image, const char *name, const char *path,
		  struct error *err);
struct map_grid map_svg_grid(uint64_t frames);
int map_write_svg(const struct map_image *image, const char *name, const char *path,
		  struct error *err);

#endif
