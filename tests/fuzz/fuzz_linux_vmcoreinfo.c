/* SPDX-License-Identifier: MPL-2.0 */
/* Fuzzes the parser of what Linux kernels tell dump tools. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_check.h"
#include "kind/linux/vmcoreinfo.h"

/* Each name in brackets is looked up, as every kind. */
static void look_up(const struct vmcoreinfo *info)
{
	char name[VMCOREINFO_SIZE + 1];
	uint64_t value;
	int64_t number;

	for (const char *open = info->text; (open = strchr(open, '(')); open++) {
		size_t length = strcspn(open + 1, ")\n");

		memcpy(name, open + 1, length);
		name[length] = '\0';
		vmcoreinfo_symbol(info, name, &value);
		vmcoreinfo_offset(info, name, &value);
		vmcoreinfo_size(info, name, &value);
		vmcoreinfo_length(info, name, &value);
		vmcoreinfo_number(info, name, &number);
	}
	vmcoreinfo_kernel_offset(info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmcoreinfo *info = malloc(sizeof(*info));
	struct error err;

	if (vmcoreinfo_parse(data, size, info, &err) < 0) {
		fuzz_check_error(&err);
	} else {
		FUZZ_CHECK(strlen(info->text) == info->length && info->length <= size);
		FUZZ_CHECK(info->build_id_size <= VMCOREINFO_BUILD_ID_SIZE);
		fuzz_check_line(info->release, sizeof(info->release));
		look_up(info);
	}
	free(info);
	return 0;
}
