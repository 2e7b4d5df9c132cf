/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Runs the unit tests: `unit [-l] [FILTER...]`. A suite runs when its name contains one of the
 * filters, or when there are none; -l lists the names instead. Exits with 1 if a test failed, with
 * 2 if the command line is wrong.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit/fixture.h"
#include "unit/suites.h"

static const struct {
	const char *name;
	Suite *(*create)(void);
} suites[] = {
	{"silence", silence_suite},
	{"slot", slot_suite},
	{"slot_abort", slot_abort_suite},
	{"mapping", mapping_suite},
	{"meta_type", meta_type_suite},
	{"region", region_suite},
	{"region_limit", region_limit_suite},
	{"memory_map", memory_map_suite},
	{"reclaim", reclaim_suite},
	{"early_memory", early_memory_suite},
	{"early_alloc", early_alloc_suite},
	{"meta_init", meta_init_suite},
	{"meta_init_errors", meta_init_errors_suite},
	{"meta_check", meta_check_suite},
	{"frame", frame_suite},
	{"frame_drop", frame_drop_suite},
	{"padding", padding_suite},
	{"handle", handle_suite},
	{"unique", unique_suite},
	{"unique_reset", unique_reset_suite},
	{"deferred_put", deferred_put_suite},
	{"buddy", buddy_suite},
	{"frame_alloc", frame_alloc_suite},
	{"managed_ranges", managed_ranges_suite},
	{"frame_add", frame_add_suite},
	{"frame_give", frame_give_suite},
	{"frame_blocks", frame_blocks_suite},
	{"frame_parked", frame_parked_suite},
	{"frame_hints", frame_hints_suite},
	{"frame_ask", frame_ask_suite},
	{"frame_zeroed", frame_zeroed_suite},
	{"segment", segment_suite},
	{"segment_alloc", segment_alloc_suite},
	{"segment_parts", segment_parts_suite},
	{"untyped", untyped_suite},
	{"frame_list", frame_list_suite},
	{"list_cursor", list_cursor_suite},
	{"threads", threads_suite},
	{"contention", contention_suite},
	{"list_threads", list_threads_suite},
	{"segment_threads", segment_threads_suite},
	{"block_threads", block_threads_suite},
	{"run_model", run_model_suite},
	{"run_report", run_report_suite},
	{"unique_threads", unique_threads_suite},
	{"deferred_threads", deferred_threads_suite},
	{"differential", differential_suite},
	{"litmus", litmus_suite},
	{"elf_image", elf_image_suite},
	{"elf_image_file", elf_image_32_suite},
	{"elf_image_file", elf_image_file_suite},
	{"symbols", symbols_suite},
	{"start_info", start_info_suite},
	{"acpi_tables", acpi_tables_suite},
	{"cpuid_check", cpuid_check_suite},
	{"adopt", adopt_suite},
	{"machine_state", machine_state_suite},
	{"guest_memory", guest_memory_suite},
	{"core_dump", core_dump_suite},
	{"core_file", core_file_suite},
	{"vm_name", vm_name_suite},
	{"attach_protocol", attach_protocol_suite},
	{"attach", attach_suite},
	{"attach_machine", attach_machine_suite},
	{"server_pause", server_pause_suite},
	{"attach_sockets", attach_sockets_suite},
	{"deadline", deadline_suite},
	{"thread_signals", thread_signals_suite},
	{"pause", pause_suite},
	{"kind", kind_suite},
	{"kind_commands", kind_commands_suite},
	{"page_search", page_search_suite},
	{"kind_find", kind_find_suite},
	{"guest_view", guest_view_suite},
	{"tally_slots", tally_slots_suite},
	{"guest_regions", guest_regions_suite},
	{"trace_reader", trace_reader_suite},
	{"trace_writer", trace_writer_suite},
	{"guest_symbols", guest_symbols_suite},
	{"expression", expression_suite},
	{"find", find_suite},
	{"map_image", map_image_suite},
	{"map_part", map_part_suite},
	{"names_and_times", names_and_times_suite},
	{"palette", palette_suite},
	{"picture_files", picture_files_suite},
	{"check", check_suite},
	{"check_free_lists", check_free_lists_suite},
	{"check_tables", check_tables_suite},
	{"frame_entries", frame_entries_suite},
	{"findings", findings_suite},
	{"top", top_suite},
	{"top_rows", top_rows_suite},
	{"slot_reader", slot_reader_suite},
	{"snapshot", snapshot_suite},
	{"control", control_suite},
	{"incremental", incremental_suite},
	{"fleet", fleet_suite},
	{"capture", capture_suite},
	{"capture_reserved", capture_reserved_suite},
	{"capture_data", capture_data_suite},
	{"saved_file", saved_file_suite},
	{"memory_budget", memory_budget_suite},
	{"diff", diff_suite},
	{"slot_copy_reader", slot_copy_reader_suite},
	{"devices", devices_suite},
	{"sandbox", sandbox_suite},
	{"confine", confine_suite},
	{"number_text", number_text_suite},
	{"json", json_suite},
	{"answer", answer_suite},
	{"printable", printable_suite},
	{"name_guess", name_guess_suite},
	{"new_file", new_file_suite},
	{"option_list", option_list_suite},
	{"domain_xml", domain_xml_suite},
	{"domain_process", domain_process_suite},
	{"qemu_list", qemu_list_suite},
	{"vm_candidates", vm_candidates_suite},
	{"bounded_call", bounded_call_suite},
	{"btf_check", btf_check_suite},
	{"type_layout", type_layout_suite},
	{"field_change", field_change_suite},
	{"frame_watch", frame_watch_suite},
	{"watch_order", watch_order_suite},
	{"folded", folded_suite},
	{"life", life_suite},
	{"libvirt_retry", libvirt_retry_suite},
	{"allocator_counts", allocator_counts_suite},
	{"stress", stress_suite},
	{"console_report", console_report_suite},
	{"page_table", page_table_suite},
	{"boot_info", boot_info_suite},
	{"answers", answers_suite},
	{"late_signals", late_signals_suite},
	{"guest_rcu", guest_rcu_suite},
	{"qmp", qmp_suite},
	{"qmp_pause", qmp_pause_suite},
	{"pauser", pauser_suite},
	{"slot_copy_walk", slot_copy_walk_suite},
	{"qemu_end", qemu_end_suite},
	{"memory_tree", memory_tree_suite},
	{"ram_extent", ram_extent_suite},
	{"residency", residency_suite},
	{"ledger", ledger_suite},
	{"claim_history", claim_history_suite},
	{"host_text", host_text_suite},
	{"keeper", keeper_suite},
	{"ask_budget", ask_budget_suite},
	{"keeper_faults", keeper_faults_suite},
	{"keeper_threads", keeper_threads_suite},
	{"keeper_words", keeper_words_suite},
	{"manager", manager_suite},
	{"linux_vmcoreinfo", linux_vmcoreinfo_suite},
	{"linux_space", linux_space_suite},
	{"linux_layout", linux_layout_suite},
	{"linux_class", linux_class_suite},
	{"linux_torn", linux_torn_suite},
	{"linux_kallsyms", linux_kallsyms_suite},
	{"linux_find", linux_find_suite},
	{"linux_sections", linux_sections_suite},
	{"ram_file", ram_file_suite},
	{"page_set", page_set_suite},
	{"breakdown_diff", breakdown_diff_suite},
	{"linux_kpageflags", linux_kpageflags_suite},
	{"linux_check", linux_check_suite},
	{"linux_owners", linux_owners_suite},
	{"linux_page_blocks", linux_page_blocks_suite},
	{"linux_mappers", linux_mappers_suite},
	{"linux_marks", linux_marks_suite},
	{"linux_tables", linux_tables_suite},
	{"linux_property", linux_property_suite},
	{"property", property_suite},
};

#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))

#define EXIT_USAGE 2

/* Time limits only catch hangs, even on a machine ten times slower than it should be. */
#define TIMEOUT_MULTIPLIER "10"

static bool is_selected(const char *name, char *const *filters)
{
	if (!*filters)
		return true;
	for (; *filters; filters++)
		if (strstr(name, *filters))
			return true;
	return false;
}

static int list_suites(char *const *filters)
{
	for (size_t i = 0; i < SUITE_COUNT; i++)
		if (is_selected(suites[i].name, filters))
			puts(suites[i].name);
	return EXIT_SUCCESS;
}

static int run_suites(char *const *filters)
{
	SRunner *runner = NULL;

	/* Suites read the variable when they are created. */
	setenv("CK_TIMEOUT_MULTIPLIER", TIMEOUT_MULTIPLIER, 0);
	for (size_t i = 0; i < SUITE_COUNT; i++) {
		if (!is_selected(suites[i].name, filters))
			continue;
		if (!runner)
			runner = srunner_create(suites[i].create());
		else
			srunner_add_suite(runner, suites[i].create());
	}
	if (!runner) {
		fprintf(stderr, "unit: no suite matches; unit -l lists them\n");
		return EXIT_USAGE;
	}
	if (!can_fork())
		fprintf(stderr, "unit: CK_FORK=no: tests that must abort are left out\n");
	srunner_run_all(runner, CK_ENV);

	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	/* Tests that abort on purpose must not leave core files. */
	const struct rlimit no_core = {0};
	bool list = false;
	int option;

	setrlimit(RLIMIT_CORE, &no_core);
	while ((option = getopt(argc, argv, "l")) != -1) {
		if (option != 'l') {
			fprintf(stderr, "usage: unit [-l] [FILTER...]\n");
			return EXIT_USAGE;
		}
		list = true;
	}
	return list ? list_suites(argv + optind) : run_suites(argv + optind);
}
