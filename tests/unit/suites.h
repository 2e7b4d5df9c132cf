/* SPDX-License-Identifier: MPL-2.0 */
/* The suites of the unit tests: one for each test_NAME.c; main.c lists those that run. */
#ifndef TESTS_UNIT_SUITES_H
#define TESTS_UNIT_SUITES_H

#include <check.h>

/* pagemeta/ */
Suite *slot_suite(void);
Suite *slot_abort_suite(void);
Suite *mapping_suite(void);
Suite *meta_type_suite(void);
Suite *region_suite(void);
Suite *region_limit_suite(void);
Suite *memory_map_suite(void);
Suite *reclaim_suite(void);
Suite *early_memory_suite(void);
Suite *early_alloc_suite(void);
Suite *meta_init_suite(void);
Suite *meta_init_errors_suite(void);
Suite *meta_check_suite(void);
Suite *frame_suite(void);
Suite *frame_drop_suite(void);
Suite *padding_suite(void);
Suite *handle_suite(void);
Suite *unique_suite(void);
Suite *unique_reset_suite(void);
Suite *buddy_suite(void);
Suite *frame_alloc_suite(void);
Suite *managed_ranges_suite(void);
Suite *frame_add_suite(void);
Suite *frame_give_suite(void);
Suite *frame_blocks_suite(void);
Suite *block_threads_suite(void);
Suite *run_model_suite(void);
Suite *frame_zeroed_suite(void);
Suite *deferred_put_suite(void);
Suite *deferred_threads_suite(void);
Suite *segment_suite(void);
Suite *segment_alloc_suite(void);
Suite *segment_parts_suite(void);
Suite *untyped_suite(void);
Suite *frame_list_suite(void);
Suite *list_cursor_suite(void);
Suite *threads_suite(void);
Suite *contention_suite(void);
Suite *list_threads_suite(void);
Suite *segment_threads_suite(void);
Suite *unique_threads_suite(void);
Suite *differential_suite(void);
Suite *litmus_suite(void);

/* vmm/ */
Suite *elf_image_suite(void);
Suite *elf_image_32_suite(void);
Suite *elf_image_file_suite(void);
Suite *symbols_suite(void);
Suite *start_info_suite(void);
Suite *acpi_tables_suite(void);
Suite *guest_memory_suite(void);
Suite *core_dump_suite(void);
Suite *vm_name_suite(void);
Suite *attach_protocol_suite(void);
Suite *attach_suite(void);
Suite *pause_suite(void);
Suite *kind_suite(void);
Suite *kind_commands_suite(void);
Suite *page_search_suite(void);
Suite *kind_find_suite(void);
Suite *guest_view_suite(void);
Suite *tally_slots_suite(void);
Suite *guest_regions_suite(void);
Suite *trace_reader_suite(void);
Suite *trace_writer_suite(void);
Suite *guest_symbols_suite(void);
Suite *expression_suite(void);
Suite *find_suite(void);
Suite *map_image_suite(void);
Suite *picture_files_suite(void);
Suite *check_suite(void);
Suite *check_free_lists_suite(void);
Suite *check_tables_suite(void);
Suite *frame_entries_suite(void);
Suite *findings_suite(void);
Suite *top_suite(void);
Suite *slot_reader_suite(void);
Suite *snapshot_suite(void);
Suite *control_suite(void);
Suite *incremental_suite(void);
Suite *fleet_suite(void);
Suite *capture_suite(void);
Suite *diff_suite(void);
Suite *slot_copy_reader_suite(void);
Suite *devices_suite(void);
Suite *number_text_suite(void);
Suite *printable_suite(void);
Suite *domain_xml_suite(void);
Suite *domain_process_suite(void);
Suite *bounded_call_suite(void);
Suite *btf_check_suite(void);
Suite *type_layout_suite(void);
Suite *field_change_suite(void);
Suite *frame_watch_suite(void);
Suite *allocator_counts_suite(void);
Suite *stress_suite(void);
Suite *console_report_suite(void);

/* The parts of guest/ that run on the host */
Suite *page_table_suite(void);
Suite *boot_info_suite(void);
Suite *guest_rcu_suite(void);
Suite *qmp_suite(void);
Suite *slot_copy_walk_suite(void);
Suite *qemu_end_suite(void);
Suite *memory_tree_suite(void);

#endif
