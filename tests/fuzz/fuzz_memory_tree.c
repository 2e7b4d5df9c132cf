/* SPDX-License-Identifier: MPL-2.0 */
/* Fuzzes the parsers of what QEMU's monitor prints: `info mtree -f` and `info registers -a`. */
#include <stdlib.h>

#include "fuzz/fuzz_check.h"
#include "machine/qemu/registers.h"
#include "qmp/vcpu_registers.h"
#include "source/qemu/memory_tree.h"

#define BACKENDS 2
#define VCPUS    3

static const char *const backends[BACKENDS] = {"pc.ram", "m"};

static void read_tree(const char *text)
{
	struct memory_tree tree;
	struct error err;

	if (memory_tree_parse(text, backends, BACKENDS, &tree, &err) < 0) {
		fuzz_check_error(&err);
		return;
	}
	FUZZ_CHECK(tree.count > 0 && tree.count <= MEMORY_REGIONS_MAX);
	for (unsigned i = 0; i < tree.count; i++) {
		const struct tree_ram *ram = &tree.ram[i];

		FUZZ_CHECK(ram->size > 0 && ram->size - 1 <= UINT64_MAX - ram->base);
		FUZZ_CHECK(ram->size - 1 <= UINT64_MAX - ram->offset);
		FUZZ_CHECK(ram->backend < BACKENDS);
	}
}

static void read_registers(const char *text)
{
	struct machine_state state = {0};
	struct error err;

	if (vcpu_registers_parse(text, &state, &err) < 0)
		fuzz_check_error(&err);
	else
		FUZZ_CHECK(state.size > sizeof(struct machine_registers));
	machine_state_free(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct symbols none = {0};
	char *text = fuzz_text(data, size), positions[200];
	uint64_t cr3[VCPUS];

	read_tree(text);
	registers_describe(text, &none, positions, sizeof(positions));
	if (*positions)
		fuzz_check_line(positions, sizeof(positions));
	FUZZ_CHECK(vcpu_registers_parse_cr3(text, cr3, VCPUS) <= VCPUS);
	read_registers(text);
	free(text);
	return 0;
}
