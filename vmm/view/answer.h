/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What a command answers to a program: one JSON document, or JSON lines. docs/json.md describes the language, and
 * docs/pagevisor.schema.json each answer. A process gives one answer; this is its writer.
 *
 *     answer_begin("ps", NULL);
 *     answer_list("vms", "vm");
 *     answer_item(vm);             as often as there are items
 *     answer_end(NULL, STATUS_OK);
 *
 * As a document that is {"schema":1,"command":"ps","vms":[...],"status":0}. As lines it is one for each item,
 * {"schema":1,"record":"vm",...}, and then one with the other members, {"schema":1,"end":{...}}. The last line comes also
 * when the command fails half-way or is interrupted.
 *
 * Text for people goes elsewhere: without answer_set_form these functions are not to be called, but for answer_problem,
 * answer_close and answer_abandon, which then do nothing.
 */
#ifndef VMM_ANSWER_H
#define VMM_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define ANSWER_SCHEMA 1

enum answer_form {
	ANSWER_TEXT,     /* for people */
	ANSWER_DOCUMENT, /* --json */
	ANSWER_LINES,    /* --jsonl, and any JSON of a command that follows something */
};

void answer_set_form(enum answer_form form);
bool answer_is_json(void);
bool answer_is_lines(void);

/* Begins the answer with the members of `head`, which is freed; NULL: none. */
void answer_begin(const char *command, json *head);

/* The same, always as lines, each of them written at once: for a command that follows something. */
void answer_follow(const char *command, json *head);

/* The one list of the answer, whose items follow: its key, and what a line calls an item. */
void answer_list(const char *list, const char *record);

/* Writes an item, and frees it. Returns 0 or -ENOMEM. */
int answer_item(json *item);

/* The same for a line that is none of the list's items, of a command that follows something. */
int answer_record(const char *record, json *item);

/* Ends the answer with the members of `tail`, which is freed, and the exit status. Returns 0 or -ENOMEM. */
int answer_end(json *tail, int status);

/* An answer without a list. */
int answer_print(const char *command, json *members, int status);

/* Notes why the command fails. Its last words count. */
void answer_problem(const char *text);

/* When the command is over: ends what is open, and answers with an error if there is no answer although it failed. */
void answer_close(int status);

/* The same at once, from a signal handler, for a process that cannot go on. */
void answer_abandon(const char *problem, int status);

#endif
