/* SPDX-License-Identifier: MPL-2.0 */
/* Judges a guest's command line: see guest_line.h. */
#include "cli/guest_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pagevisor/options.h>

#include "base/name_guess.h"
#include "base/number_text.h"
#include "base/word_list.h"
#include "cli/option_rules.h"

/* Longer lists of words are left to --workload help. */
#define WORDS_SHOWN 6

#define HELP "; run --workload help lists them"

/* How an error ends: with the name that may have been meant, or where all are listed. */
static const char *hint(struct name_guess *guess)
{
	return name_guess_name(guess) ? name_guess_text(guess) : HELP;
}

/* What the first bytes of a text may have meant. */
static struct name_guess guess_of(const char *text, int length)
{
	char word[NAME_GUESS_SIZE];

	snprintf(word, sizeof(word), "%.*s", length, text);
	return name_guess_of(word);
}

/* Tries the names of all entries of a kind, and of what they belong to. */
static void try_names(const struct option_list *list, enum option_kind kind, const char *of,
		      struct name_guess *guess)
{
	const struct option_entry *entry;
	size_t at = 0;

	while ((entry = option_list_next(list, kind, &at)))
		if (strcmp(entry->of, of) == 0)
			name_guess_try(guess, entry->name);
}

/* A word of the command line, and the parts of it when it is NAME=VALUE. */
struct word {
	const char *text;
	int length;
	int name_length;
	const char *value;
	int value_length;
};

/* Takes the next word. Returns false after the last. */
static bool next_word(const char **text, struct word *word)
{
	const char *at = *text + strspn(*text, " ");
	int length = (int)strcspn(at, " ");
	const char *equals = memchr(at, '=', (size_t)length);

	*word = (struct word){.text = at, .length = length};
	if (equals) {
		word->name_length = (int)(equals - at);
		word->value = equals + 1;
		word->value_length = length - word->name_length - 1;
	}
	*text = at + length;
	return length > 0;
}

int guest_line_check_reach(bool has_note, struct error *err)
{
	const char *idle =
		option_rules_given("ring|workload|seed|ops|time|trace|trace-entries|scan-rate");

	if (has_note || !idle)
		return 0;
	return error_set(err, -EINVAL,
			 "--%s has no effect: the kernel has no pagevisor note, and only --append "
			 "reaches it",
			 idle);
}

int guest_line_check_workload(const struct option_list *list, const char *option, const char *name,
			      struct error *err)
{
	if (list->count == 0 ||
	    option_list_find(list, OPTION_KIND_WORKLOAD, "", name, strlen(name)))
		return 0;
	struct name_guess guess = name_guess_of(name);

	try_names(list, OPTION_KIND_WORKLOAD, "", &guess);
	return error_set(err, -EINVAL, "%s%.100s: no such workload%s", option, name, hint(&guess));
}

int guest_line_check_plant(const struct option_list *list, const char *option, const char *name,
			   struct error *err)
{
	if (list->count == 0 ||
	    option_list_find(list, OPTION_KIND_WORD, OPTION_PLANT, name, strlen(name)))
		return 0;
	struct name_guess guess = name_guess_of(name);

	try_names(list, OPTION_KIND_WORD, OPTION_PLANT, &guess);
	return error_set(err, -EINVAL, "%s%.100s: no such fault%s", option, name,
			 name_guess_name(&guess) ? name_guess_text(&guess)
						 : "; stress --list shows them");
}

/* The setting of this name that the workload has: its own before one of all workloads. */
static const struct option_entry *find_setting(const struct option_list *list, const char *workload,
					       const struct word *word)
{
	const struct option_entry *setting = option_list_find(
		list, OPTION_KIND_SETTING, workload, word->text, (size_t)word->name_length);

	return setting ? setting
		       : option_list_find(list, OPTION_KIND_SETTING, "", word->text,
					  (size_t)word->name_length);
}

/* The name is no option of this workload. Perhaps it is one of another. */
static int refuse_name(const struct option_list *list, const char *workload,
		       const struct word *word, struct error *err)
{
	const struct option_entry *setting;
	size_t at = 0;

	while ((setting = option_list_next(list, OPTION_KIND_SETTING, &at)))
		if (strncmp(setting->name, word->text, (size_t)word->name_length) == 0 &&
		    setting->name[word->name_length] == '\0')
			return error_set(err, -EINVAL,
					 "--append %.*s: an option of the workload %s, not of %s",
					 word->length, word->text, setting->of, workload);
	struct name_guess guess = guess_of(word->text, word->name_length);

	try_names(list, OPTION_KIND_SETTING, workload, &guess);
	try_names(list, OPTION_KIND_SETTING, "", &guess);
	return error_set(err, -EINVAL, "--append %.*s: no option of the workload %s%s",
			 word->length, word->text, workload, hint(&guess));
}

static int check_number(const struct option_entry *setting, const struct word *word,
			struct error *err)
{
	char text[NUMBER_TEXT_SIZE];
	uint64_t value;

	if (word->value_length < NUMBER_TEXT_SIZE) {
		snprintf(text, sizeof(text), "%.*s", word->value_length, word->value);
		if (number_parse(text, 0, UINT64_MAX, &value) &&
		    option_takes_number(setting, value))
			return 0;
	}
	if (setting->max == UINT64_MAX && setting->min == 0)
		return error_set(err, -EINVAL, "--append %.*s: expected a decimal number",
				 word->length, word->text);
	return error_set(err, -EINVAL, "--append %.*s: expected %s%s from %" PRIu64 " to %" PRIu64,
			 word->length, word->text, setting->flags & OPTION_OR_ZERO ? "0 or " : "",
			 setting->flags & OPTION_POWER_OF_TWO ? "a power of two" : "a number",
			 setting->min, setting->max);
}

/* Adds the words that a setting takes: "random, turn or cpu"; nothing if they are too many for a line. */
static void list_words(const struct option_list *list, const struct option_entry *setting,
		       char *text, size_t size)
{
	const struct option_entry *entry;
	const char *words[WORDS_SHOWN];
	size_t at = 0;
	unsigned count = 0;

	*text = '\0';
	while ((entry = option_list_next(list, OPTION_KIND_WORD, &at))) {
		if (strcmp(entry->of, setting->name) != 0)
			continue;
		if (count == WORDS_SHOWN)
			return;
		words[count++] = entry->name;
	}
	word_list_text(text, size, words, count);
}

static int check_word(const struct option_list *list, const struct option_entry *setting,
		      const struct word *word, struct error *err)
{
	char words[WORDS_SHOWN * (OPTION_NAME_SIZE + 4)];

	if (option_list_find(list, OPTION_KIND_WORD, setting->name, word->value,
			     (size_t)word->value_length))
		return 0;
	struct name_guess guess = guess_of(word->value, word->value_length);

	try_names(list, OPTION_KIND_WORD, setting->name, &guess);
	list_words(list, setting, words, sizeof(words));
	if (*words)
		return error_set(err, -EINVAL, "--append %.*s: expected %s%s", word->length,
				 word->text, words, name_guess_text(&guess));
	return error_set(err, -EINVAL, "--append %.*s: %s= takes no such word%s", word->length,
			 word->text, setting->name, hint(&guess));
}

/* No workload has this name, or it is none for a mix. */
static int refuse_workload(const struct option_list *list, const struct word *word, bool is_mix,
			   const char *name, int length, struct error *err)
{
	struct name_guess guess = guess_of(name, length);
	const struct option_entry *entry;
	size_t at = 0;

	while ((entry = option_list_next(list, OPTION_KIND_WORKLOAD, &at)))
		if (!is_mix || entry->flags & OPTION_MIXES)
			name_guess_try(&guess, entry->name);
	return error_set(err, -EINVAL, "--append %.*s: no %s '%.*s'%s", word->length, word->text,
			 is_mix ? "scenario for a mix" : "workload", length, name, hint(&guess));
}

/* Each name between the commas is a workload's; of a mix, one that can be mixed, and none twice. */
static int check_workloads(const struct option_list *list, const struct option_entry *setting,
			   const struct word *word, struct error *err)
{
	const char *at = word->value, *end = word->value + word->value_length;
	const bool is_mix = setting->value == OPTION_TAKES_WORKLOADS;
	uint8_t is_taken[OPTION_ENTRIES_MAX] = {0};

	for (;;) {
		const char *comma = is_mix ? memchr(at, ',', (size_t)(end - at)) : NULL;
		size_t length = (size_t)((comma ? comma : end) - at);
		const struct option_entry *entry =
			option_list_find(list, OPTION_KIND_WORKLOAD, "", at, length);

		if (!entry || (is_mix && !(entry->flags & OPTION_MIXES)))
			return refuse_workload(list, word, is_mix, at, (int)length, err);
		if (is_taken[entry - list->entries]++)
			return error_set(err, -EINVAL, "--append %.*s: %s is there twice",
					 word->length, word->text, entry->name);
		if (!comma)
			return 0;
		at = comma + 1;
	}
}

static int check_value(const struct option_list *list, const struct option_entry *setting,
		       const struct word *word, struct error *err)
{
	switch (setting->value) {
	case OPTION_TAKES_NUMBER:
		return check_number(setting, word, err);
	case OPTION_TAKES_WORD:
		return check_word(list, setting, word, err);
	case OPTION_TAKES_WORKLOAD:
	case OPTION_TAKES_WORKLOADS:
		return check_workloads(list, setting, word, err);
	default:
		return 0;
	}
}

/* The guest takes the first of two. */
static bool is_repeated(const char *text, const struct word *word)
{
	struct word before;

	while (next_word(&text, &before) && before.text < word->text)
		if (before.name_length == word->name_length &&
		    strncmp(before.text, word->text, (size_t)word->name_length) == 0)
			return true;
	return false;
}

int guest_line_check_append(const struct option_list *list, const char *workload, const char *text,
			    struct error *err)
{
	const char *rest = text;
	struct word word;
	int result = 0;

	while (list->count > 0 && result == 0 && next_word(&rest, &word)) {
		/* Whatever is too long for a message is wrong anyway. */
		const struct word whole = word;

		if (word.length > 100)
			word.length = 100;
		if (!word.value)
			return error_set(err, -EINVAL, "--append %.*s: expected NAME=VALUE",
					 word.length, word.text);
		const struct option_entry *setting = find_setting(list, workload, &whole);

		if (!setting)
			return refuse_name(list, workload, &word, err);
		if (setting->flags & OPTION_FROM_HOST)
			return error_set(err, -EINVAL,
					 "--append %.*s: pagevisor sets %s= itself, by an option "
					 "of its own",
					 word.length, word.text, setting->name);
		if (is_repeated(text, &whole))
			return error_set(err, -EINVAL, "--append %.*s: %s= is there twice",
					 word.length, word.text, setting->name);
		result = check_value(list, setting, &word, err);
	}
	return result;
}
