/* SPDX-License-Identifier: MPL-2.0 */
/* Answers to programs: see answer.h. */
#include "view/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA       "\"schema\":1"
#define PROBLEM_SIZE 512
#define HEAD_SIZE    2048

_Static_assert(ANSWER_SCHEMA == 1, "SCHEMA says so, too");

/* The process's answer. A signal handler on any thread may read it while it is not being written. */
static struct {
	enum answer_form form;
	bool follows; /* each line is written at once */
	bool is_open;
	bool is_over;
	const char *list, *record;
	uint64_t count;       /* of items */
	char head[HEAD_SIZE]; /* the first members of the end, each with a comma behind it */
	char problem[PROBLEM_SIZE];
	volatile sig_atomic_t is_writing;
	volatile sig_atomic_t signal; /* that arrived meanwhile */
} answer;

/* What ends a command that lists or follows. */
static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP};

/* The end of the lines, without malloc: a signal handler may write it. */
static void write_last_line(const char *members, int status, const char *reason)
{
	printf("{" SCHEMA ",\"end\":{%s\"count\":%" PRIu64 "%s,\"status\":%d}}\n", members,
	       answer.count, reason, status);
}

/* The thread that writes waits for this one, and so writes nothing after the last line. */
static void end_by_signal(int signal)
{
	flockfile(stdout);
	write_last_line(answer.head, 128 + signal, ",\"reason\":\"signal\"");
	fflush(stdout);
	_exit(128 + signal);
}

static void on_signal(int signal)
{
	if (answer.is_writing)
		answer.signal = signal;
	else if (!answer.is_over)
		end_by_signal(signal);
	else
		_exit(128 + signal);
}

/* A second signal ends the process as usual: whoever reads may not. */
static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal,
					 .sa_flags = (int)(SA_RESTART | SA_RESETHAND | SA_NODEFER)};
	struct sigaction old;

	for (size_t i = 0; i < sizeof(ending_signals) / sizeof(ending_signals[0]); i++)
		if (sigaction(ending_signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(ending_signals[i], &action, NULL);
}

static void write_begin(void)
{
	answer.is_writing = 1;
}

static void write_end(void)
{
	if (answer.follows)
		fflush(stdout);
	answer.is_writing = 0;
	if (answer.signal && !answer.is_over)
		end_by_signal(answer.signal);
}

void answer_set_form(enum answer_form form)
{
	answer.form = form;
	answer.is_open = false;
	answer.is_over = false;
	answer.follows = false;
	answer.list = NULL;
	answer.count = 0;
	answer.head[0] = '\0';
	answer.problem[0] = '\0';
	if (form == ANSWER_LINES)
		catch_signals();
}

bool answer_is_json(void)
{
	return answer.form != ANSWER_TEXT;
}

bool answer_is_lines(void)
{
	return answer.form == ANSWER_LINES;
}

/* Whether this is where json-c breaks the line of an empty array or object. */
static bool is_empty(const char *text, const char *end)
{
	char next = end[1 + strspn(end + 1, " ")];

	return end > text && ((end[-1] == '[' && next == ']') || (end[-1] == '{' && next == '}'));
}

/* Prints a text of several lines, all but the first after `indent` spaces. */
static void put_indented(const char *text, int indent)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		if (is_empty(text, end)) {
			printf("%.*s", (int)(end - text), text);
			end += strspn(end + 1, " ");
		} else {
			printf("%.*s\n%*s", (int)(end - text), text, indent, "");
		}
	}
	fputs(text, stdout);
}

/* The members of an object in a document, each after a comma. Frees it. */
static void put_members(json *object)
{
	if (!object)
		return;
	json_object_object_foreach(object, name, member)
	{
		const char *text = json_pretty(member);

		printf(",\n  \"%s\":", name);
		put_indented(text ? text : "null", 2);
	}
	json_object_put(object);
}

/* Keeps the members for the last line. What does not fit is left out as a whole. */
static void keep_head(json *head)
{
	const char *text = head ? json_line(head) : NULL;
	size_t length = text ? strlen(text) : 0;

	if (length > 2 && length < sizeof(answer.head))
		snprintf(answer.head, sizeof(answer.head), "%.*s,", (int)(length - 2), text + 1);
	json_object_put(head);
}

void answer_begin(const char *command, json *head)
{
	json *first = json_object_new_object();

	json_add_text(first, "command", command);
	json_add_members(first, head);
	answer.is_open = true;
	if (answer.form == ANSWER_LINES) {
		keep_head(first);
		return;
	}
	printf("{\n  " SCHEMA);
	put_members(first);
}

void answer_follow(const char *command, json *head)
{
	answer.form = ANSWER_LINES;
	answer.follows = true;
	catch_signals();
	answer_begin(command, head);
}

void answer_list(const char *list, const char *record)
{
	answer.list = list;
	answer.record = record;
	if (answer.form == ANSWER_DOCUMENT)
		printf(",\n  \"%s\":[", list);
}

static int put_line(const char *record, json *item)
{
	const char *text = json_line(item);
	int result = text ? 0 : -ENOMEM;

	if (text)
		printf("{" SCHEMA ",\"record\":\"%s\"%s%s\n", record, text[1] == '}' ? "" : ",",
		       text + 1);
	json_object_put(item);
	return result;
}

int answer_record(const char *record, json *item)
{
	write_begin();
	int result = put_line(record, item);

	write_end();
	return result;
}

int answer_item(json *item)
{
	if (answer.form == ANSWER_LINES) {
		write_begin();
		int result = put_line(answer.record, item);

		answer.count += result == 0;
		write_end();
		return result;
	}
	const char *text = json_pretty(item);
	int result = text ? 0 : -ENOMEM;

	printf("%s\n    ", answer.count++ ? "," : "");
	put_indented(text ? text : "null", 4);
	json_object_put(item);
	return result;
}

static json *error_json(int status)
{
	json *error = json_object_new_object();

	json_add_number(error, "status", (uint64_t)status);
	json_add_text(error, "message",
		      answer.problem[0] ? answer.problem : "standard error has the reason");
	return error;
}

static void end_document(json *tail, int status)
{
	if (answer.list)
		printf("%s]", answer.count ? "\n  " : "");
	put_members(tail);
	if (answer.list)
		printf(",\n  \"count\":%" PRIu64, answer.count);
	printf(",\n  \"status\":%d\n}\n", status);
}

static int end_lines(json *tail, int status)
{
	const char *text = tail ? json_line(tail) : NULL;
	size_t length = text ? strlen(text) : 0;
	char *members = malloc(sizeof(answer.head) + length + 2);

	if (members)
		sprintf(members, "%s%.*s%s", answer.head, (int)(length > 2 ? length - 2 : 0),
			length > 2 ? text + 1 : "", length > 2 ? "," : "");
	write_last_line(members ? members : answer.head, status, "");
	json_object_put(tail);
	free(members);
	return members ? 0 : -ENOMEM;
}

int answer_end(json *tail, int status)
{
	int result = 0;

	write_begin();
	if (answer.form == ANSWER_LINES)
		result = end_lines(tail, status);
	else
		end_document(tail, status);
	answer.is_over = true;
	answer.is_open = false;
	write_end();
	return result;
}

int answer_print(const char *command, json *members, int status)
{
	answer_begin(command, members);
	return answer_end(NULL, status);
}

void answer_problem(const char *text)
{
	snprintf(answer.problem, sizeof(answer.problem), "%s", text);
	answer.problem[strcspn(answer.problem, "\n")] = '\0';
}

void answer_close(int status)
{
	json *root = json_object_new_object();

	if (answer_is_json() && !answer.is_over && (answer.is_open || status)) {
		if (status)
			json_add(root, "error", error_json(status));
		if (answer.is_open || answer.form == ANSWER_LINES) {
			answer_end(json_object_get(root), status);
		} else {
			printf("{\n  " SCHEMA);
			put_members(json_object_get(root));
			printf("\n}\n");
			answer.is_over = true;
		}
		fflush(stdout);
	}
	json_object_put(root);
}

void answer_abandon(const char *problem, int status)
{
	if (!answer_is_json() || answer.is_over || answer.is_writing)
		return;
	flockfile(stdout);
	if (answer.form == ANSWER_LINES) {
		printf("{" SCHEMA ",\"end\":{%s\"error\":{\"status\":%d,\"message\":\"%s\"},"
		       "\"count\":%" PRIu64 ",\"status\":%d}}\n",
		       answer.head, status, problem, answer.count, status);
	} else if (!answer.is_open) {
		printf("{" SCHEMA ",\"error\":{\"status\":%d,\"message\":\"%s\"}}\n", status,
		       problem);
	}
	fflush(stdout);
}
