/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/view/answer.h: the frame of every answer, also of those that fail or are interrupted. */
#include "unit/suites.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/exit_status.h"
#include "view/answer.h"

static char out[4096];
static int wait_status;

/* Runs a function in a process of its own, with its output in `out`. */
static void run(void (*answer)(void))
{
	FILE *output = tmpfile();

	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		dup2(fileno(output), STDOUT_FILENO);
		/* Check has handlers of its own. */
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		answer();
		fflush(stdout);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &wait_status, 0), child);
	rewind(output);
	out[fread(out, 1, sizeof(out) - 1, output)] = '\0';
	fclose(output);
}

static json *member(const char *name, uint64_t value)
{
	json *object = json_object_new_object();

	json_add_number(object, name, value);
	return object;
}

static void list_two(void)
{
	answer_begin("find", member("head", 1));
	answer_list("frames", "frame");
	answer_item(member("pfn", 2));
	answer_item(json_object_new_object());
	answer_end(member("matches", 3), STATUS_VIOLATION);
	answer_close(STATUS_VIOLATION);
}

static void document(void)
{
	answer_set_form(ANSWER_DOCUMENT);
	list_two();
}

static void lines(void)
{
	answer_set_form(ANSWER_LINES);
	list_two();
}

START_TEST(a_document_has_all_members)
{
	run(document);
	ck_assert_str_eq(out, "{\n  \"schema\":1,\n  \"command\":\"find\",\n  \"head\":1,\n"
			      "  \"frames\":[\n    {\n      \"pfn\":2\n    },\n    {}\n  ],\n"
			      "  \"matches\":3,\n  \"count\":2,\n  \"status\":4\n}\n");
}
END_TEST

START_TEST(lines_have_them_in_the_last_one)
{
	run(lines);
	ck_assert_str_eq(out,
			 "{\"schema\":1,\"record\":\"frame\",\"pfn\":2}\n"
			 "{\"schema\":1,\"record\":\"frame\"}\n"
			 "{\"schema\":1,\"end\":{\"command\":\"find\",\"head\":1,\"matches\":3,"
			 "\"count\":2,\"status\":4}}\n");
}
END_TEST

static void no_list(void)
{
	answer_set_form(ANSWER_DOCUMENT);
	answer_print("show", member("pfn", 2), STATUS_OK);
}

static void empty_list(void)
{
	answer_set_form(ANSWER_DOCUMENT);
	answer_begin("ps", NULL);
	answer_list("vms", "vm");
	answer_end(NULL, STATUS_OK);
}

START_TEST(lists_may_be_empty_or_missing)
{
	run(no_list);
	ck_assert_str_eq(
		out,
		"{\n  \"schema\":1,\n  \"command\":\"show\",\n  \"pfn\":2,\n  \"status\":0\n}\n");
	run(empty_list);
	ck_assert_str_eq(out, "{\n  \"schema\":1,\n  \"command\":\"ps\",\n  \"vms\":[],\n"
			      "  \"count\":0,\n  \"status\":0\n}\n");
}
END_TEST

static void refuse(enum answer_form form)
{
	answer_set_form(form);
	answer_problem("no \"VM\"\nTry --help");
	answer_close(STATUS_REFUSED);
}

static void fail_in_a_document(void)
{
	refuse(ANSWER_DOCUMENT);
}

static void fail_in_lines(void)
{
	refuse(ANSWER_LINES);
}

static void fail_in_text(void)
{
	refuse(ANSWER_TEXT);
}

START_TEST(a_failure_is_an_answer)
{
	run(fail_in_a_document);
	ck_assert_str_eq(out, "{\n  \"schema\":1,\n  \"error\":{\n    \"status\":1,\n"
			      "    \"message\":\"no \\\"VM\\\"\"\n  }\n}\n");
	run(fail_in_lines);
	ck_assert_str_eq(out, "{\"schema\":1,\"end\":{\"error\":{\"status\":1,"
			      "\"message\":\"no \\\"VM\\\"\"},\"count\":0,\"status\":1}}\n");
	run(fail_in_text);
	ck_assert_str_eq(out, "");
}
END_TEST

static void refuse_half_way(enum answer_form form)
{
	answer_set_form(form);
	answer_begin("find", NULL);
	answer_list("frames", "frame");
	answer_item(member("pfn", 2));
	answer_problem("gone");
	answer_close(STATUS_GUEST);
}

static void fail_half_way_in_a_document(void)
{
	refuse_half_way(ANSWER_DOCUMENT);
}

static void fail_half_way_in_lines(void)
{
	refuse_half_way(ANSWER_LINES);
}

START_TEST(a_failure_half_way_ends_the_answer)
{
	run(fail_half_way_in_a_document);
	ck_assert_str_eq(out,
			 "{\n  \"schema\":1,\n  \"command\":\"find\",\n  \"frames\":[\n"
			 "    {\n      \"pfn\":2\n    }\n  ],\n  \"error\":{\n    \"status\":3,\n"
			 "    \"message\":\"gone\"\n  },\n  \"count\":1,\n  \"status\":3\n}\n");
	run(fail_half_way_in_lines);
	ck_assert_str_eq(out, "{\"schema\":1,\"record\":\"frame\",\"pfn\":2}\n"
			      "{\"schema\":1,\"end\":{\"command\":\"find\",\"error\":{\"status\":3,"
			      "\"message\":\"gone\"},\"count\":1,\"status\":3}}\n");
}
END_TEST

static void interrupt(void)
{
	answer_set_form(ANSWER_LINES);
	answer_begin("find", member("head", 1));
	answer_list("frames", "frame");
	answer_item(member("pfn", 2));
	raise(SIGINT);
	answer_item(member("pfn", 3));
}

static void interrupt_before(void)
{
	answer_set_form(ANSWER_LINES);
	raise(SIGTERM);
}

START_TEST(a_signal_ends_the_lines)
{
	run(interrupt);
	ck_assert_int_eq(WEXITSTATUS(wait_status), 128 + SIGINT);
	ck_assert_str_eq(out, "{\"schema\":1,\"record\":\"frame\",\"pfn\":2}\n"
			      "{\"schema\":1,\"end\":{\"command\":\"find\",\"head\":1,\"count\":1,"
			      "\"reason\":\"signal\",\"status\":130}}\n");
	run(interrupt_before);
	ck_assert_int_eq(WEXITSTATUS(wait_status), 128 + SIGTERM);
	ck_assert_str_eq(
		out, "{\"schema\":1,\"end\":{\"count\":0,\"reason\":\"signal\",\"status\":143}}\n");
}
END_TEST

static void abandon(enum answer_form form, bool is_open)
{
	answer_set_form(form);
	if (is_open)
		answer_begin("stat", NULL);
	answer_abandon("gone", STATUS_REFUSED);
	_exit(STATUS_REFUSED);
}

static void abandon_lines(void)
{
	abandon(ANSWER_LINES, true);
}

static void abandon_nothing(void)
{
	abandon(ANSWER_DOCUMENT, false);
}

START_TEST(a_process_that_cannot_go_on_says_so)
{
	run(abandon_lines);
	ck_assert_str_eq(out, "{\"schema\":1,\"end\":{\"command\":\"stat\",\"error\":{\"status\":1,"
			      "\"message\":\"gone\"},\"count\":0,\"status\":1}}\n");
	run(abandon_nothing);
	ck_assert_str_eq(out, "{\"schema\":1,\"error\":{\"status\":1,\"message\":\"gone\"}}\n");
}
END_TEST

Suite *answer_suite(void)
{
	Suite *suite = suite_create("answer");
	TCase *tcase = tcase_create("core");

	tcase_add_test(tcase, a_document_has_all_members);
	tcase_add_test(tcase, lines_have_them_in_the_last_one);
	tcase_add_test(tcase, lists_may_be_empty_or_missing);
	tcase_add_test(tcase, a_failure_is_an_answer);
	tcase_add_test(tcase, a_failure_half_way_ends_the_answer);
	tcase_add_test(tcase, a_signal_ends_the_lines);
	tcase_add_test(tcase, a_process_that_cannot_go_on_says_so);
	suite_add_tcase(suite, tcase);
	return suite;
}
