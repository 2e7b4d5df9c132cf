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

/* `width` is that of the terminal, in characters. */
struct map_grid map_text_grid(uint64_t frames, unsigned width, enum map_colours colours);
void map_print(const struct map_image *image, const char *name, unsigned width,
	       enum map_colours colours, FILE *out);

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
