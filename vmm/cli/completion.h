/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Completion of the command line, for all shells: `pagevisor complete WORD...` prints what may stand in place of the
 * last WORD, the one under the cursor; the others stand before it, without "pagevisor". The commands' own tables of
 * options say which options there are, and what their values and arguments are called: see completion_values.h. So a
 * new command or option needs nothing here.
 *
 * Each line is a candidate, a tab and its description; the shell leaves out candidates that do not go on as the word
 * does. The last line says what the shell adds: "words": nothing; "files": files of any kind; "captures": those that end
 * with .pvc. A blank follows, and what stands before such a file in its word, as in --png=FILE.
 *
 * The scripts in docs/completion/ are the shells' ends.
 */
#ifndef VMM_COMPLETION_H
#define VMM_COMPLETION_H

#define COMPLETION_COMMAND "complete"

/* The whole of `pagevisor complete`. Returns the exit status. */
int completion_main(int argc, char **argv);

#endif
