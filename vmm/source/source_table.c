/* SPDX-License-Identifier: MPL-2.0 */
/* The kinds of sources that this program knows: to add one, add its line before the captures'. */
#include <stddef.h>

#include "source/capture_source.h"
#include "source/libvirt/libvirt_vm.h"
#include "source/qemu/qemu_source.h"
#include "source/ram_file.h"
#include "source/source_open.h"
#include "source/vm/own_vm.h"

const struct source_kind all_source_kinds[] = {
	{QEMU_SOURCE_PREFIX, NULL, qemu_source_open},
	{LIBVIRT_PREFIX, NULL, libvirt_vm_open},
	{RAM_FILE_PREFIX, NULL, ram_file_open},
	{OWN_VM_PREFIX, NULL, own_vm_open_named},
	{OWN_VM_PID_PREFIX, NULL, own_vm_open_named},
	{NULL, capture_source_is_name, capture_source_open},
	{NULL, NULL, own_vm_open_named},
};
