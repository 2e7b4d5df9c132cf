/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The descriptors of metadata types, as the host sees them: an array at types_va of the info page. A slot's vtable_ptr
 * is the address of the descriptor of its frame's type. pagemeta/meta_type.h has the guest's view of the same bytes.
 * The numbers are usable from assembly.
 */
#ifndef PAGEVISOR_TYPE_H
#define PAGEVISOR_TYPE_H

#define META_TYPES_MAX       48
#define TYPE_DESCRIPTOR_SIZE 64

#ifndef __ASSEMBLER__

#include <stdint.h>

#include <pagevisor/abi.h>

/* The typedef by which the guest's BTF ties a type's name to the struct that is its metadata. */
#define TYPE_LAYOUT(type)  meta_layout_##type
#define TYPE_LAYOUT_PREFIX "meta_layout_"

/* Members that holders change while the frame is shared are of these types; BTF keeps the names. */
typedef uint32_t shared_u32;
typedef uint64_t shared_u64;

#define TYPE_SHARED_U32 "shared_u32"
#define TYPE_SHARED_U64 "shared_u64"

struct type_descriptor {
	char name[32]; /* NUL-terminated */
	uint64_t on_drop_va;
	uint16_t size; /* of the metadata, in bytes */
	uint16_t align;
	uint8_t is_untyped;
	uint8_t link_place;   /* 1 + the storage word of a struct list_link; 0: the type has none */
	uint8_t is_permanent; /* its frames are never freed, and nobody need hold a reference */
	uint8_t reserved[17];
};

ABI_OFFSET(struct type_descriptor, name, 0);
ABI_OFFSET(struct type_descriptor, on_drop_va, 32);
ABI_OFFSET(struct type_descriptor, size, 40);
ABI_OFFSET(struct type_descriptor, align, 42);
ABI_OFFSET(struct type_descriptor, is_untyped, 44);
ABI_OFFSET(struct type_descriptor, link_place, 45);
ABI_OFFSET(struct type_descriptor, is_permanent, 46);
ABI_SIZE(struct type_descriptor, TYPE_DESCRIPTOR_SIZE);

#endif /* __ASSEMBLER__ */
#endif
