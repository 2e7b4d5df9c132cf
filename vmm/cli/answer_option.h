/* SPDX-License-Identifier: MPL-2.0 */
/* --json and --jsonl: for the tables of options of commands that answer to programs. See view/answer.h. */
#ifndef VMM_ANSWER_OPTION_H
#define VMM_ANSWER_OPTION_H

#include "view/answer.h"

#define ANSWER_KEY_JSON  'j'
#define ANSWER_KEY_LINES 0x2fe /* no letter */

#define ANSWER_JSON_OPTION ANSWER_JSON_OPTION_AS("as a JSON document")

/* Of a command that answers with lines when it follows something. */
#define ANSWER_JSON_OPTION_AS(form)                                                                \
	{                                                                                          \
		"json", ANSWER_KEY_JSON, NULL, 0, form ", see docs/json.md", 0                     \
	}

/* Of a command that lists. */
#define ANSWER_LINES_OPTION                                                                        \
	{                                                                                          \
		"jsonl", ANSWER_KEY_LINES, NULL, 0,                                                \
			"as JSON lines, each written when it is found", 0                          \
	}

/* Takes one of the two keys. */
static inline void answer_option(int key)
{
	answer_set_form(key == ANSWER_KEY_LINES ? ANSWER_LINES : ANSWER_DOCUMENT);
}

#endif
