/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Console lines of the guest that the host parses, recognised by their first words. In a line about a frame, LINE_FRAME
 * precedes the frame's address in hexadecimal digits. The end of the line, after a colon and a space, says what is
 * wrong.
 */
#ifndef PAGEVISOR_CONSOLE_LINES_H
#define PAGEVISOR_CONSOLE_LINES_H

#define LINE_CHECK_FAILED "check failed on cpu " /* a check by a workload */
#define LINE_PANIC        "panic on cpu "
#define LINE_EXCEPTION    "exception " /* number (name), error code; the name says what is wrong */
#define LINE_PLANTED      "planted "   /* NAME: frame, cpu N, after N steps */

#define LINE_FRAME "frame 0x"

#endif
