/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The commands on sources at rest, most of them captures of a second kind of guest (ledger_kind.h). They show what the
 * kind provides. What it does not provide has no column and no member, and a command that asks for it is refused with
 * one line. Last, single looks that meet a reset of a guest that runs.
 */
#include "unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/exit_status.h"
#include "file/capture.h"
#include "kind/registry.h"
#include "memory/rcu.h"
#include "sandbox/sandbox.h"
#include "source/capture_source.h"
#include "source/source_snapshot.h"
#include "unit/ledger_kind.h"

static char directory[] = "/tmp/pagevisor-test.XXXXXX";
static char first[64], second[64];
static struct error err;

/* The output of a command. */
static char out[1 << 16], problems[4096];

static const struct source_ops ops = {0};

/* Captures only the memory that describes the frames, as `capture` does for a VM. */
static void capture(struct ledger *ledger, const char *path)
{
	const struct snapshot_options options = {0};
	const struct capture_vm vm = {"ledger", 0, true, paddr(LEDGER_PAGE)};
	struct source source = {.ops = &ops,
				.name = "ledger",
				.has_all_memory = true,
				.memory = ledger->memory,
				.hints = {.has_info = true, .info = paddr(LEDGER_PAGE)}};
	struct capture_written written;
	struct snapshot snapshot;

	ck_assert_msg(source_snapshot(&source, SNAPSHOT_METADATA, &options, &snapshot, &err) == 0,
		      "%s", err.text);
	ck_assert_msg(capture_write(&snapshot, &vm, NULL, path, NULL, &written, &err) == 0, "%s",
		      err.text);
	snapshot_close(&snapshot);
}

static void setup(void)
{
	struct ledger ledger;

	/* A command would say so. */
	sandbox_turn_off();
	strcpy(directory, "/tmp/pagevisor-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(first, sizeof(first), "%s/a.pvc", directory);
	snprintf(second, sizeof(second), "%s/b.pvc", directory);
	urcu_memb_register_thread();
	ledger_make(&ledger);
	ledger_fill(&ledger);
	capture(&ledger, first);
	*ledger_at(&ledger, 11) = ledger_record(LEDGER_VACANT, 0, 0);
	*ledger_at(&ledger, LEDGER_FIRST) = ledger_record(LEDGER_HELD, LEDGER_GOLD, 2);
	ledger.page->boot = 0;
	capture(&ledger, second);
	ledger_free(&ledger);
	urcu_memb_unregister_thread();
}

static void teardown(void)
{
	unlink(first);
	unlink(second);
	ck_assert_int_eq(rmdir(directory), 0);
	/* Without forks the next tests run in this process. */
	unsetenv("PAGEVISOR_SANDBOX");
}

static void read_back(FILE *file, char *text, size_t size)
{
	fflush(file);
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
}

/* Runs a command with its output in `out` and `problems`. Returns its exit status. */
static int run(int (*command)(int argc, char **argv), const char *const *words)
{
	char copies[8][96] = {"pagevisor"}, *argv[9] = {copies[0]};
	FILE *output = tmpfile(), *refusals = tmpfile();
	int argc = 1, out_fd, err_fd;

	for (; words[argc - 1]; argc++) {
		snprintf(copies[argc], sizeof(copies[0]), "%s", words[argc - 1]);
		argv[argc] = copies[argc];
	}
	fflush(stdout);
	out_fd = dup(STDOUT_FILENO);
	err_fd = dup(STDERR_FILENO);
	dup2(fileno(output), STDOUT_FILENO);
	dup2(fileno(refusals), STDERR_FILENO);
	int status = command(argc, argv);

	fflush(stdout);
	dup2(out_fd, STDOUT_FILENO);
	dup2(err_fd, STDERR_FILENO);
	close(out_fd);
	close(err_fd);
	read_back(output, out, sizeof(out));
	read_back(refusals, problems, sizeof(problems));
	return status;
}

#define RUN(command, ...) run(command_##command, (const char *const[]){__VA_ARGS__, NULL})

static void assert_has(const char *text)
{
	ck_assert_msg(strstr(out, text) != NULL, "no \"%s\" in: %s%s", text, out, problems);
}

static void assert_lacks(const char *text)
{
	ck_assert_msg(strstr(out, text) == NULL, "\"%s\" in: %s", text, out);
}

START_TEST(a_capture_holds_the_guest_and_nothing_else)
{
	struct frame_tally tally;
	struct findings findings;
	struct source source;
	struct guest *guest;
	uint64_t word;

	urcu_memb_register_thread();
	ck_assert_int_eq(capture_source_open(first, &source, &err), 0);
	ck_assert_int_eq(guest_find(&source.memory, &source.hints, &guest, &err), 0);
	ck_assert_ptr_eq(guest->kind, &ledger_kind);
	ck_assert_uint_eq(guest->frame_count, LEDGER_FRAMES);
	ck_assert_int_eq(guest_tally(guest, &tally, &findings), 0);
	ck_assert_uint_eq(tally.states[LEDGER_HELD], 6);
	ck_assert_uint_eq(tally.types[LEDGER_SALT], 2);
	ck_assert_uint_eq(tally.holes, LEDGER_HOLE_COUNT);
	ck_assert_int_eq(
		guest_memory_copy(&source.memory, paddr(LEDGER_OTHER), &word, sizeof(word)), 0);
	ck_assert_uint_eq(word, 0);
	guest_free(guest);
	source_close(&source);
	urcu_memb_unregister_thread();
}
END_TEST

START_TEST(stat_shows_its_states_and_no_references)
{
	ck_assert_int_eq(RUN(stat, first), STATUS_VIOLATION);
	assert_has("captured  20");
	assert_has("Z by pagevisor ");
	assert_has("frames    9000: 8480 vacant, 6 held, 2 void\n"
		   "          gold                      3\n"
		   "          salt                      2\n"
		   "          (never written)         512\n");
	assert_has("frame 0xe000: ledger_state: expected a state, found 6");
	assert_lacks("reference");
	ck_assert_int_eq(RUN(stat, "--json", first), STATUS_VIOLATION);
	assert_has("\"taken_at\":\"20");
	assert_has("{\n  \"schema\":1,\n  \"command\":\"stat\",\n  \"vm\":");
	assert_has("\"kind\":\"ledger\"");
	assert_has("\"held\":6");
	assert_lacks("reference");
	assert_lacks("generation");
}
END_TEST

START_TEST(find_has_no_column_for_references)
{
	ck_assert_int_eq(RUN(find, "type == salt", first), STATUS_OK);
	assert_has("ADDRESS           FRAMES STATE   TYPE        \n"
		   "0xb000                 1 held    salt        \n"
		   "0x1770000              1 held    salt        \n");
	ck_assert_int_eq(RUN(find, "--json", "pfn == 12", first), STATUS_OK);
	assert_has("\"state\":\"held\"");
	assert_lacks("references");
	assert_lacks("generation");
	assert_lacks("vtable");
	ck_assert_int_eq(RUN(find, "ref > 1", first), STATUS_BAD_INPUT);
	ck_assert_str_eq(out, "");
	ck_assert_ptr_nonnull(strstr(problems, "guests of the kind ledger have no ref\n"));
	ck_assert_int_eq(RUN(find, "meta.level == 1", first), STATUS_BAD_INPUT);
	ck_assert_str_eq(out, "");
	ck_assert_ptr_nonnull(strstr(problems, "meta.level: the fields of this guest's types are "
					       "not known: a ledger does not tell its fields\n"));
}
END_TEST

START_TEST(show_has_a_state_a_type_and_a_word)
{
	ck_assert_int_eq(RUN(show, "pfn:10", first), STATUS_OK);
	assert_has("state     held\n"
		   "type      gold\n");
	assert_has("a ledger does not tell its fields");
	assert_lacks("generation");
	assert_lacks("reference");
	assert_lacks("history");
	ck_assert_int_eq(RUN(show, "pfn:12", first), STATUS_OK);
	assert_has("(the frame has none of the guest's types)\n");
	assert_lacks("vtable");
	ck_assert_int_eq(RUN(show, "0xffff888000001000", first), STATUS_REFUSED);
	ck_assert_ptr_nonnull(strstr(problems, "virtual addresses in guests of the kind ledger are "
					       "not known; expected a physical address"));
	ck_assert_int_eq(RUN(show, "--json", "pfn:12", first), STATUS_OK);
	assert_has("\"the frame has none of the guest's types\"");
	ck_assert_int_eq(RUN(show, "pfn:1392", first), STATUS_OK);
	assert_has("state     never written\n");
}
END_TEST

START_TEST(map_by_references_is_refused)
{
	ck_assert_int_eq(RUN(map, "--by", "state", "--json", first), STATUS_OK);
	assert_has("\"held\"");
	ck_assert_int_eq(RUN(map, "--by", "type", "--json", first), STATUS_OK);
	assert_has("\"salt\"");
	ck_assert_int_eq(RUN(map, "--by", "refs", first), STATUS_BAD_INPUT);
	ck_assert_str_eq(problems,
			 "pagevisor: --by refs: guests of kind ledger have no references; expected "
			 "type or state\n");
}
END_TEST

/* The output mentions neither references nor generations, which this kind lacks. */
static void assert_lacks_promises(void)
{
	assert_lacks("reference");
	assert_lacks("recounted");
	assert_lacks("generation");
	assert_lacks("recycled");
}

START_TEST(diff_names_what_changed)
{
	ck_assert_int_eq(RUN(diff, first, second), STATUS_OK);
	assert_has("A         ledger, captured 20");
	assert_has("B         ledger, captured 20");
	assert_has("; 2 changed");
	assert_has("frame 0xb000");
	assert_has("frame 0x1770000");
	assert_has("type                 in A    in B appeared vanished  retyped\n"
		   "gold                    3       4        0        0        1\n"
		   "salt                    2       0        0        1        0\n");
	assert_lacks_promises();
	ck_assert_int_eq(RUN(diff, "--json", first, second), STATUS_OK);
	assert_has("\"vanished\":1");
	assert_has("\"retyped\":1");
	assert_has("\"other\":0");
	assert_lacks_promises();
}
END_TEST

START_TEST(types_and_trace_say_what_there_is_not)
{
	ck_assert_int_eq(RUN(types, first), STATUS_OK);
	assert_has("gold                                8          3\n"
		   "salt                                -          2\n");
	assert_has("a ledger does not tell its fields");
	ck_assert_int_eq(RUN(types, "--json", first), STATUS_OK);
	assert_has("\"metadata_bytes\":8");
	assert_lacks("\"metadata_bytes\":0");
	ck_assert_int_eq(RUN(trace, first), STATUS_REFUSED);
	ck_assert_str_eq(out, "");
	ck_assert_str_eq(problems, "pagevisor: guests of the kind ledger keep no trace\n");
	/* The same for a guest that has not booted that far. */
	ck_assert_int_eq(RUN(trace, second), STATUS_REFUSED);
	ck_assert_str_eq(problems, "pagevisor: guests of the kind ledger keep no trace\n");
	/* A capture of all memory would not help, so the message does not ask for one. */
	ck_assert_int_eq(RUN(check, first), STATUS_REFUSED);
	ck_assert_str_eq(out, "");
	ck_assert_str_eq(problems, "pagevisor: guests of the kind ledger have no rules to check\n");
}
END_TEST

/* A source at rest need not be a capture: no command may read a capture's facts from it. */
START_TEST(a_source_at_rest_that_is_no_capture_is_read)
{
	ck_assert_int_eq(RUN(show, "pfn:32", "crafted:any"), STATUS_OK);
	assert_has("type      meta_page\n");
	ck_assert_int_eq(RUN(check, "crafted:any"), STATUS_OK);
	assert_has("vm        crafted\n");
	ck_assert_int_eq(RUN(watch, "pfn:32", "crafted:any"), STATUS_BAD_INPUT);
	ck_assert_str_eq(problems, "pagevisor: crafted is at rest and does not change; "
				   "pagevisor show shows what it holds about a frame\n");
}
END_TEST

/* The memory may hold no kernel at all, so the message does not mention one. */
START_TEST(a_memory_without_a_guest_is_refused)
{
	ck_assert_int_eq(RUN(stat, "crafted:empty"), STATUS_GUEST);
	ck_assert_str_eq(out, "");
	ck_assert_str_eq(problems,
			 "pagevisor: no guest of a known kind is in the memory of empty\n");
}
END_TEST

/* What was read before and after does not belong together, so a look shows nothing of it. */
static void assert_meets_reset(int status)
{
	ck_assert_int_eq(status, STATUS_GUEST);
	ck_assert_str_eq(out, "");
	ck_assert_str_eq(problems, "pagevisor: the guest has restarted meanwhile: what was read "
				   "does not belong together\n");
}

START_TEST(a_look_that_meets_a_reset_shows_nothing)
{
	static const char *const vms[] = {"crafted:restarting", "crafted:reset"};
	const char *vm = vms[_i];

	assert_meets_reset(RUN(types, vm));
	assert_meets_reset(RUN(types, "--json", vm));
	assert_meets_reset(RUN(map, vm));
	assert_meets_reset(RUN(map, "--json", vm));
	assert_meets_reset(RUN(show, "pfn:32", vm));
	assert_meets_reset(RUN(show, "--json", "pfn:32", vm));
	assert_meets_reset(RUN(trace, vm));
	assert_meets_reset(RUN(trace, "--json", vm));
	assert_meets_reset(RUN(find, "--count", "type == anon", vm));
}
END_TEST

Suite *kind_commands_suite(void)
{
	Suite *suite = suite_create("kind_commands");
	TCase *tcase = tcase_create("kind_commands");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_capture_holds_the_guest_and_nothing_else);
	tcase_add_test(tcase, stat_shows_its_states_and_no_references);
	tcase_add_test(tcase, find_has_no_column_for_references);
	tcase_add_test(tcase, show_has_a_state_a_type_and_a_word);
	tcase_add_test(tcase, map_by_references_is_refused);
	tcase_add_test(tcase, diff_names_what_changed);
	tcase_add_test(tcase, types_and_trace_say_what_there_is_not);
	tcase_add_test(tcase, a_source_at_rest_that_is_no_capture_is_read);
	tcase_add_test(tcase, a_memory_without_a_guest_is_refused);
	tcase_add_loop_test(tcase, a_look_that_meets_a_reset_shows_nothing, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite;
}
