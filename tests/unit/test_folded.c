/* SPDX-License-Identifier: MPL-2.0 */
/* Tests of vmm/view/folded.h: where lines are folded, and where they stay whole. */
#include "unit/suites.h"

#include <stdlib.h>
#include <unistd.h>

#include "view/folded.h"

static char *text;
static size_t size;

static struct folded begin(unsigned columns)
{
	free(text);
	text = NULL;
	return (struct folded){
		.out = open_memstream(&text, &size), .columns = columns, .indent = 4};
}

static const char *end(struct folded *line)
{
	folded_end(line);
	fclose(line->out);
	return text;
}

START_TEST(a_line_that_fits_is_left_alone)
{
	struct folded line = begin(12);

	folded_put(&line, "%s", "ab  cd");
	folded_words(&line, "efg  h");
	ck_assert_str_eq(end(&line), "ab  cd efg h\n");
}
END_TEST

START_TEST(it_goes_on_below_between_words)
{
	struct folded line = begin(11);

	folded_put(&line, "%s", "ab  cd");
	folded_words(&line, "efg h ijklm no");
	ck_assert_str_eq(end(&line), "ab  cd efg\n    h ijklm\n    no\n");
	line = begin(12);
	folded_words(&line, "longerthanaline b");
	ck_assert_str_eq(end(&line), "longerthanaline\n    b\n");
}
END_TEST

START_TEST(what_belongs_together_stays_together)
{
	struct folded line = begin(12);

	folded_put(&line, "abcd,");
	folded_keep(&line, 8);
	folded_words(&line, "ef -> gh");
	ck_assert_str_eq(end(&line), "abcd,\n    ef -> gh\n");
	/* Nothing is gained by another line. */
	line = begin(12);
	folded_put(&line, "abc");
	folded_keep(&line, 20);
	folded_words(&line, "defghijk");
	ck_assert_str_eq(end(&line), "abc defghijk\n");
}
END_TEST

START_TEST(elsewhere_than_on_a_terminal_lines_stay_whole)
{
	struct folded line = begin(0);
	int fds[2];

	for (int i = 0; i < 100; i++)
		folded_words(&line, "word");
	end(&line);
	ck_assert_uint_eq(size, 100 * 5);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_uint_eq(folded_columns(fds[1]), 0);
	close(fds[0]);
	close(fds[1]);
	free(text);
	text = NULL;
}
END_TEST

Suite *folded_suite(void)
{
	Suite *suite = suite_create("folded");
	TCase *tests = tcase_create("folded");

	tcase_add_test(tests, a_line_that_fits_is_left_alone);
	tcase_add_test(tests, it_goes_on_below_between_words);
	tcase_add_test(tests, what_belongs_together_stays_together);
	tcase_add_test(tests, elsewhere_than_on_a_terminal_lines_stay_whole);
	suite_add_tcase(suite, tests);
	return suite;
}
