/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Options of the command line. Each is declared once, beside the code that reads it, and parsed by that declaration. The
 * declarations are also the image's list of options (pagevisor/option_table.h), by which a host judges a command line
 * before it boots.
 *
 *     OPTION(frames, .name = "frames", .of = "torn", .value = OPTION_TAKES_NUMBER, .min = 1, .max = 64, .fallback = 8,
 *            .help = "slots that change");
 *     ...
 *     count = option_take_number(&option_frames);
 */
#ifndef GUEST_OPTION_H
#define GUEST_OPTION_H

#include <pagevisor/option_table.h>
#include <pagevisor/options.h>

#define OPTION_ENTRY(identifier)                                                                   \
	static const struct option_entry identifier                                                \
		__attribute__((section("option_entries"), used, aligned(8)))

#define OPTION(identifier, ...)                                                                    \
	OPTION_ENTRY(option_##identifier) = {.kind = OPTION_KIND_SETTING, __VA_ARGS__}

/* A word that the option `setting` takes, as word_SETTING_NAME: option_take_word returns its address. */
#define OPTION_WORD_OF(setting, identifier, text)                                                  \
	OPTION_ENTRY(word_##setting##_##identifier) = {                                            \
		.kind = OPTION_KIND_WORD, .of = #setting, .name = #identifier, .help = (text)}

/* All declarations. */
extern const struct option_entry __start_option_entries[];
extern const struct option_entry __stop_option_entries[];

/* The option's number, or its fallback when it is absent. Ends the guest when it is not a number in its bounds. */
uint64_t option_take_number(const struct option_entry *option);

/*
 * The option's word; when it is absent the default, or NULL if there is none. Ends the guest when the option takes no
 * such word.
 */
const struct option_entry *option_take_word(const struct option_entry *option);

#endif
