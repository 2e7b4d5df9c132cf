/* SPDX-License-Identifier: MPL-2.0 */
/* The modules of a Linux guest whose first process is one of these tests'. */
#ifndef TESTS_SVM_MODULES_H
#define TESTS_SVM_MODULES_H

/* Loads all of /modules, in whatever order they need. Those that cannot be loaded are named on standard output, after `who`. */
void load_modules(const char *who);

#endif
