/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Lines of the guest's console that the host understands, by how they begin. A line that is about a frame has its
 * address in hexadecimal digits behind LINE_FRAME; its last words, behind a colon and a space, say what is wrong.
 */
#ifndef PAGEVISOR_CONSOLE_LINES_H
#define PAGEVISOR_CONSOLE_LINES_H

#define LINE_CHECK_FAILED "check failed on cpu " /* a workload's check of its own */
#define LINE_PANIC        "panic on cpu "
#define LINE_EXCEPTION    "exception " /* number (name), error code; its name says what is wrong */
#define LINE_PLANTED      "planted "   /* NAME: frame, cpu N, after N steps */

#define LINE_FRAME "frame 0x"

#endif
