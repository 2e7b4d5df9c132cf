/* SPDX-License-Identifier: MPL-2.0 */
/* Glyphs of 5 x 7 pixels for printable ASCII. */
#ifndef VMM_FONT_H
#define VMM_FONT_H

#include <stdint.h>

#define GLYPH_WIDTH  5
#define GLYPH_HEIGHT 8 /* with descenders */
#define GLYPH_FIRST  ' '
#define GLYPH_LAST   '~'

/* Columns from the left; bit 0 is the topmost pixel, bit 7 lies below the baseline. */
extern const uint8_t font_glyphs[GLYPH_LAST - GLYPH_FIRST + 1][GLYPH_WIDTH];

#endif
