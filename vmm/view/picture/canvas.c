/* SPDX-License-Identifier: MPL-2.0 */
/* Pixels, rectangles, text, PNG: see canvas.h. */
#include "view/picture/canvas.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "view/picture/font.h"
#include "view/picture/picture_file.h"

int canvas_init(struct canvas *canvas, unsigned width, unsigned height, struct error *err)
{
	*canvas = (struct canvas){.width = width, .height = height};
	canvas->pixels = calloc(height, width);
	if (!canvas->pixels)
		return error_set(err, -ENOMEM, "no memory for a picture of %u x %u pixels", width,
				 height);
	return 0;
}

void canvas_destroy(struct canvas *canvas)
{
	free(canvas->pixels);
	canvas->pixels = NULL;
}

uint8_t canvas_colour(struct canvas *canvas, struct colour colour)
{
	for (unsigned i = 0; i < canvas->colour_count; i++)
		if (memcmp(&canvas->colours[i], &colour, sizeof(colour)) == 0)
			return (uint8_t)i;
	canvas->colours[canvas->colour_count] = colour;
	return (uint8_t)canvas->colour_count++;
}

void canvas_fill(struct canvas *canvas, unsigned x, unsigned y, unsigned width, unsigned height,
		 uint8_t colour)
{
	if (x >= canvas->width)
		return;
	if (width > canvas->width - x)
		width = canvas->width - x;
	for (; height > 0 && y < canvas->height; height--, y++)
		memset(canvas->pixels + (size_t)y * canvas->width + x, colour, width);
}

static void draw_glyph(struct canvas *canvas, unsigned x, unsigned y, unsigned scale,
		       uint8_t colour, char c)
{
	const uint8_t *columns =
		font_glyphs[c >= GLYPH_FIRST && c <= GLYPH_LAST ? c - GLYPH_FIRST
								: '?' - GLYPH_FIRST];

	for (unsigned column = 0; column < GLYPH_WIDTH; column++)
		for (unsigned row = 0; row < GLYPH_HEIGHT; row++)
			if (columns[column] >> row & 1)
				canvas_fill(canvas, x + column * scale, y + row * scale, scale,
					    scale, colour);
}

void canvas_text(struct canvas *canvas, unsigned x, unsigned y, unsigned scale, uint8_t colour,
		 const char *text)
{
	for (; *text; text++, x += FONT_WIDTH * scale)
		draw_glyph(canvas, x, y, scale, colour, *text);
}

/* libpng reports errors through these functions; the first must not return. */
static void png_failed(png_structp png, png_const_charp text)
{
	(void)text;
	png_longjmp(png, 1);
}

static void png_warned(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static int write_stream(const struct canvas *canvas, FILE *stream)
{
	png_structp png =
		png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, png_failed, png_warned);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	png_color palette[256];

	for (unsigned i = 0; i < canvas->colour_count; i++)
		palette[i] = (png_color){canvas->colours[i].red, canvas->colours[i].green,
					 canvas->colours[i].blue};
	if (!info || setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return -1;
	}
	png_init_io(png, stream);
	png_set_IHDR(png, info, canvas->width, canvas->height, 8, PNG_COLOR_TYPE_PALETTE,
		     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_PLTE(png, info, palette, (int)canvas->colour_count);
	png_write_info(png, info);
	for (unsigned y = 0; y < canvas->height; y++)
		png_write_row(png, canvas->pixels + (size_t)y * canvas->width);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	return 0;
}

int canvas_write_png(const struct canvas *canvas, const char *path, struct error *err)
{
	struct picture_file file;
	int result = picture_file_open(&file, path, err);

	if (result < 0)
		return result;
	if (write_stream(canvas, file.stream) == 0)
		return picture_file_finish(&file, err);
	result = errno == 0 ? -EIO : -errno;
	picture_file_abandon(&file);
	return error_set(err, result, "cannot write %s: %s", path, strerror(-result));
}
