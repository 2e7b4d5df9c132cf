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

/* The typedef that ties a type's name to its metadata struct in the guest's BTF. */
#define TYPE_LAYOUT(type)  meta_layout_##type
#define TYPE_LAYOUT_PREFIX "meta_layout_"

/* Types of the members that holders change while the frame is shared. BTF keeps these names. */
typedef uint32_t shared_u32;
typedef uint64_t shared_u64;

#define TYPE_SHARED_U32 "shared_u32"
#define TYPE_SHARED_U64 "shared_u64"

/*
 * What a type is used for, where an observer has to know. Names are for people; an observer relies on the role alone. A
 * guest has at most one type of each role, except NONE and RESERVED, and need not have any. The host treats a role that
 * it does not know as NONE.
 */
enum type_role {
	TYPE_ROLE_NONE,
	TYPE_ROLE_META_PAGE,  /* frames of the metadata array itself */
	TYPE_ROLE_KERNEL,     /* frames of the kernel's image, and what it keeps at fixed places */
	TYPE_ROLE_HOLE,       /* no memory: below max_paddr, and in no region of the memory map */
	TYPE_ROLE_RESERVED,   /* not usable as memory, according to the memory map */
	TYPE_ROLE_PAGE_TABLE, /* tables of the kernel's page table: see kernel_table.h */
	TYPE_ROLE_COUNT,
};

struct type_descriptor {
	char name[32]; /* NUL-terminated */
	uint64_t on_drop_va;
	uint16_t size; /* of the metadata, in bytes */
	uint16_t align;
	uint8_t is_untyped;
	uint8_t link_place;   /* 1 + the storage word of a struct list_link; 0: the type has none */
	uint8_t is_permanent; /* its frames are never freed, even when nobody holds a reference */
	uint8_t role;         /* enum type_role */
	uint8_t reserved[16];
};

ABI_OFFSET(struct type_descriptor, name, 0);
ABI_OFFSET(struct type_descriptor, on_drop_va, 32);
ABI_OFFSET(struct type_descriptor, size, 40);
ABI_OFFSET(struct type_descriptor, align, 42);
ABI_OFFSET(struct type_descriptor, is_untyped, 44);
ABI_OFFSET(struct type_descriptor, link_place, 45);
ABI_OFFSET(struct type_descriptor, is_permanent, 46);
ABI_OFFSET(struct type_descriptor, role, 47);
ABI_SIZE(struct type_descriptor, TYPE_DESCRIPTOR_SIZE);

#endif /* __ASSEMBLER__ */
#endif
