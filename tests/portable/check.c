/* SPDX-License-Identifier: MPL-2.0 */
/* The test runner: see check.h. */
#include <check.h>

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASES_MAX    16  /* of a suite */
#define TESTS_MAX    256 /* of a case */
#define FIXTURES_MAX 4   /* of a case */
#define MESSAGE_MAX  0x10000

/* Time limits only catch hangs, even in an emulator on a busy machine. */
#define SECONDS_DEFAULT    4
#define SECONDS_MULTIPLIER 100

struct entry {
	const TTest *test;
	int start, end; /* of the loop */
	int signal;     /* by which it must end; 0: it must not */
};

struct fixture {
	void (*setup)(void);
	void (*teardown)(void);
};

struct TCase {
	const char *name;
	double seconds;
	unsigned test_count;
	unsigned fixture_count;
	struct entry tests[TESTS_MAX];
	struct fixture fixtures[FIXTURES_MAX];
};

struct Suite {
	const char *name;
	unsigned case_count;
	TCase *cases[CASES_MAX];
};

/* How a test ended, in memory that its process shares with the runner's. */
static struct outcome {
	bool reached_end;
	bool failed;
	int line;
	const char *file;
	char message[MESSAGE_MAX];
} * outcome;

/* Stops the runner: it is used in a way that it does not support. */
static void need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "check: %s\n", what);
	exit(EXIT_FAILURE);
}

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	need(memory, "no memory");
	return memory;
}

Suite *suite_create(const char *name)
{
	Suite *suite = allocate(sizeof(*suite));

	suite->name = name;
	return suite;
}

void suite_add_tcase(Suite *suite, TCase *tcase)
{
	need(suite->case_count < CASES_MAX, "too many cases");
	suite->cases[suite->case_count++] = tcase;
}

TCase *tcase_create(const char *name)
{
	TCase *tcase = allocate(sizeof(*tcase));

	tcase->name = name;
	tcase->seconds = SECONDS_DEFAULT;
	return tcase;
}

void tcase_set_timeout(TCase *tcase, double seconds)
{
	tcase->seconds = seconds;
}

void tcase_add_checked_fixture(TCase *tcase, void (*setup)(void), void (*teardown)(void))
{
	need(tcase->fixture_count < FIXTURES_MAX, "too many fixtures");
	tcase->fixtures[tcase->fixture_count++] = (struct fixture){setup, teardown};
}

void tcase_add_loop_test_raise_signal(TCase *tcase, const TTest *test, int signal, int start,
				      int end)
{
	need(tcase->test_count < TESTS_MAX, "too many tests");
	tcase->tests[tcase->test_count++] =
		(struct entry){.test = test, .start = start, .end = end, .signal = signal};
}

void tcase_add_loop_test(TCase *tcase, const TTest *test, int start, int end)
{
	tcase_add_loop_test_raise_signal(tcase, test, 0, start, end);
}

void tcase_add_test_raise_signal(TCase *tcase, const TTest *test, int signal)
{
	tcase_add_loop_test_raise_signal(tcase, test, signal, 0, 1);
}

void tcase_add_test(TCase *tcase, const TTest *test)
{
	tcase_add_loop_test(tcase, test, 0, 1);
}

_Noreturn void check_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(outcome->message, sizeof(outcome->message), format, arguments);
	va_end(arguments);
	outcome->file = file;
	outcome->line = line;
	outcome->failed = true;
	_exit(EXIT_FAILURE);
}

/* The process of a test; does not return. Fixtures are set up in their order and torn down in the opposite one. */
static void run_test(const TCase *tcase, const struct entry *entry, int i)
{
	/* A group of its own: the runner ends what the test leaves behind. */
	setpgid(0, 0);
	alarm((unsigned)(tcase->seconds * SECONDS_MULTIPLIER));
	for (unsigned f = 0; f < tcase->fixture_count; f++)
		if (tcase->fixtures[f].setup)
			tcase->fixtures[f].setup();
	entry->test->run(i);
	for (unsigned f = tcase->fixture_count; f-- > 0;)
		if (tcase->fixtures[f].teardown)
			tcase->fixtures[f].teardown();
	fflush(NULL);
	outcome->reached_end = true;
	_exit(EXIT_SUCCESS);
}

static bool fail(const char *suite, const struct entry *entry, int i, const char *what)
{
	printf("FAIL %s: %s:%d: %s\n", suite, entry->test->name, i, what);
	return false;
}

/* Whether the test ended as it should; if not, says how it ended. */
static bool judge(const char *suite, const struct entry *entry, int i, int status)
{
	char what[sizeof(outcome->message) + 256];

	if (outcome->failed) {
		snprintf(what, sizeof(what), "%s:%d: %s", outcome->file, outcome->line,
			 outcome->message);
		return fail(suite, entry, i, what);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == entry->signal)
		return true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return fail(suite, entry, i, "time is up");
	if (WIFSIGNALED(status)) {
		snprintf(what, sizeof(what), "ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
		return fail(suite, entry, i, what);
	}
	if (entry->signal) {
		snprintf(what, sizeof(what), "did not end by signal %d", entry->signal);
		return fail(suite, entry, i, what);
	}
	return outcome->reached_end || fail(suite, entry, i, "ended early");
}

static bool passes(const char *suite, const TCase *tcase, const struct entry *entry, int i)
{
	int status;

	memset(outcome, 0, offsetof(struct outcome, message) + 1);
	fflush(NULL);

	pid_t child = fork();

	need(child >= 0, "cannot fork");
	if (child == 0)
		run_test(tcase, entry, i);
	need(waitpid(child, &status, 0) == child, "lost a process");
	kill(-child, SIGKILL);
	return judge(suite, entry, i, status);
}

static void run_entry(const char *suite, const TCase *tcase, const struct entry *entry,
		      struct check_counts *counts)
{
	for (int i = entry->start; i < entry->end; i++) {
		if (passes(suite, tcase, entry, i))
			counts->passed++;
		else
			counts->failed++;
	}
}

static void run_case(const char *suite, const TCase *tcase, const char *except,
		     struct check_counts *counts)
{
	for (unsigned t = 0; t < tcase->test_count; t++) {
		const struct entry *entry = &tcase->tests[t];

		if (except && strcmp(entry->test->name, except) == 0)
			printf("left out: %s: %s\n", suite, except);
		else
			run_entry(suite, tcase, entry, counts);
	}
}

void check_run(Suite *suite, const char *except, struct check_counts *counts)
{
	if (!outcome) {
		outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		need(outcome != MAP_FAILED, "no memory");
	}
	for (unsigned c = 0; c < suite->case_count; c++) {
		run_case(suite->name, suite->cases[c], except, counts);
		free(suite->cases[c]);
	}
	free(suite);
}
