/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Metadata types: what a frame is used for, and what is kept about it in its slot.
 *
 * A type is declared once, at file scope, and is then known to the library, the kernel and the observing host:
 *
 *     struct inode_page_meta { uint64_t inode; uint32_t index; };
 *     META_TYPE(inode_page, .is_untyped = true);
 *
 * META_TYPE(name) takes its layout from `struct name_meta` and refuses, at compile time, a layout that does not fit a
 * slot. The arguments after the name are initialisers of struct meta_type. Descriptors gather in the linker section
 * "meta_types", so the set of types is an array and nothing has to be registered at run time.
 *
 * The host shows the members of a type by name; it takes the names from the guest's BTF. So members are limited to what
 * BTF can describe: fixed-width integers, enumerations, arrays and structs of them, but no _Atomic (the build refuses
 * it). A member that holders change while the frame is shared is one word of type shared_u32 or shared_u64, accessed
 * with the __atomic builtins: the host marks it as one that may change between two reads of the same incarnation of a
 * frame.
 */
#ifndef PAGEMETA_META_TYPE_H
#define PAGEMETA_META_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pagevisor/abi.h>
#include <pagevisor/slot.h>
#include <pagevisor/type.h>

#include "must_use.h"

struct frame_reader;

struct meta_type {
	char name[32];
	/*
	 * Called when the last reference goes, with a private copy of the metadata and a reader
	 * over the frame's bytes. It may put other frames; their drops are queued, never nested.
	 * May be NULL.
	 */
	void (*on_drop)(void *meta, struct frame_reader *bytes);
	uint16_t size;
	uint16_t align;
	bool is_untyped; /* the frame's bytes may be read and written from outside */
	uint8_t link_place; /* META_LINK_PLACE() of the link that lists use, for an observer; 0: none */
	bool is_permanent; /* its frames are never dropped: the last put aborts */
	uint8_t role;      /* enum type_role, for an observer */
	uint8_t reserved[16];
};

/* The host reads these bytes as struct type_descriptor. */
ABI_ASSERT(sizeof(struct meta_type) == sizeof(struct type_descriptor), "descriptor is ABI");
ABI_ASSERT(offsetof(struct meta_type, on_drop) == offsetof(struct type_descriptor, on_drop_va),
	   "descriptor is ABI");
ABI_ASSERT(offsetof(struct meta_type, size) == offsetof(struct type_descriptor, size),
	   "descriptor is ABI");
ABI_ASSERT(offsetof(struct meta_type, is_untyped) == offsetof(struct type_descriptor, is_untyped),
	   "descriptor is ABI");
ABI_ASSERT(offsetof(struct meta_type, link_place) == offsetof(struct type_descriptor, link_place),
	   "descriptor is ABI");
ABI_ASSERT(offsetof(struct meta_type, is_permanent) ==
		   offsetof(struct type_descriptor, is_permanent),
	   "descriptor is ABI");
ABI_ASSERT(offsetof(struct meta_type, role) == offsetof(struct type_descriptor, role),
	   "descriptor is ABI");

/* Whether a member of struct type_meta is a link of frame lists. */
#define META_IS_LINK(type, member)                                                                 \
	_Generic(((struct type##_meta *)0)->member, struct list_link : 1, default : 0)

/*
 * Where the link of a type lies in the slot, in bytes. Does not compile unless it is a struct list_link in whole words:
 * a packed struct may put it elsewhere, where writing a link would change its neighbours.
 */
#define META_LINK_OFFSET(type, member)                                                             \
	(offsetof(struct type##_meta, member) +                                                    \
	 0 * sizeof(struct {                                                                       \
		 _Static_assert(META_IS_LINK(type, member),                                        \
				#type "." #member ": a link is a struct list_link");               \
		 _Static_assert(offsetof(struct type##_meta, member) % sizeof(uint64_t) == 0,      \
				#type "." #member ": a link begins at a whole word");              \
		 _Static_assert(sizeof(struct type##_meta) <= SLOT_STORAGE_SIZE,                   \
				#type "." #member ": metadata exceeds 48 bytes");                  \
		 char none;                                                                        \
	 }))

/* For link_place, which an observer reads: the storage word of the link, plus one. */
#define META_LINK_PLACE(type, member) (1 + META_LINK_OFFSET(type, member) / sizeof(uint64_t))

#define META_TYPE(type, ...) META_TYPE_OF(type, struct type##_meta, ##__VA_ARGS__)

/*
 * As META_TYPE, for several types that share one layout. The typedef ties the type's name to its layout in the BTF; the
 * pointer only makes the compiler emit the typedef, and the linker drops it.
 */
#define META_TYPE_OF(type, layout, ...)                                                            \
	ABI_ASSERT(sizeof(layout) <= SLOT_STORAGE_SIZE, #type ": metadata exceeds 48 bytes");      \
	ABI_ASSERT(_Alignof(layout) <= SLOT_ALIGN_MAX, #type ": alignment exceeds 32 bytes");      \
	ABI_ASSERT(sizeof(#type) <= sizeof(((struct meta_type *)0)->name),                         \
		   #type ": name exceeds 31 characters");                                          \
	extern const struct meta_type meta_type_##type;                                            \
	const struct meta_type meta_type_##type __attribute__((                                    \
		section("meta_types"), used, aligned(sizeof(struct meta_type)))) = {               \
		.name = #type, .size = sizeof(layout), .align = _Alignof(layout), ##__VA_ARGS__};  \
	typedef layout TYPE_LAYOUT(type);                                                          \
	static TYPE_LAYOUT(type) *const meta_layout_of_##type                                      \
		__attribute__((section("meta_layouts"), used)) = 0

/*
 * Calls take a pointer to the type's own struct, so another struct does not compile. META_COPIED(type, meta, call)
 * makes `call` with meta_copy_, a copy of *meta whose padding is zero: whatever lay in the caller's padding stays out
 * of the slot, which others can read. A struct without padding is not copied, and costs nothing. A compiler without
 * the builtin (clang before 20) leaves padding as the caller has it.
 */
#if __has_builtin(__builtin_clear_padding)
#define meta_clear_padding(object) __builtin_clear_padding(object)
#else
#define meta_clear_padding(object) ((void)(object))
#endif

#define META_COPIED(type, meta, call)                                                              \
	__extension__({                                                                            \
		struct type##_meta meta_copy_ = *(meta);                                           \
                                                                                                   \
		meta_clear_padding(&meta_copy_);                                                   \
		call;                                                                              \
	})

/* Bounds of the section, set by the linker. */
extern const struct meta_type __start_meta_types[];
extern const struct meta_type __stop_meta_types[];

static inline size_t meta_type_count(void)
{
	return (size_t)(__stop_meta_types - __start_meta_types);
}

/* The position of a type among all types. */
static inline size_t meta_type_index(const struct meta_type *type)
{
	return (size_t)(type - __start_meta_types);
}

/* Whether a slot's vtable_ptr points at a type, and not into the wild. */
static inline bool meta_type_is_valid(uint64_t vtable_ptr)
{
	uint64_t offset = vtable_ptr - (uint64_t)(uintptr_t)__start_meta_types;

	return offset < meta_type_count() * sizeof(struct meta_type) &&
	       offset % sizeof(struct meta_type) == 0;
}

#endif
