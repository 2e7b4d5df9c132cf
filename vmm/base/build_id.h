/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The build id of this program: a hash of its contents that the linker stores in it. It names one build exactly, with
 * whatever was changed and not committed, leads debuggers to its debug symbols, and is the same wherever the same
 * sources are built by the same tools.
 */
#ifndef VMM_BUILD_ID_H
#define VMM_BUILD_ID_H

#define BUILD_ID_SIZE 65 /* hexadecimal digits of 32 bytes, and the terminator */

/* Writes it in hexadecimal; "" for a program that was linked without one. */
void build_id_text(char text[BUILD_ID_SIZE]);

#endif
