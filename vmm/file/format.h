/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The capture file, *.pvc: a snapshot of a guest's memory on disk, and of its machine's state if it is a saved VM.
 *
 *     header | section table | sections, in the table's order | end marker
 *
 * All numbers are little-endian and of fixed width. There are no gaps: each part starts where the one before it ends,
 * so every byte of a file belongs to something that is checked. CRC-32C covers the header, the table, and the sections
 * except the pages' data. Each chunk of guest memory is stored by itself, and its entry in the list says where: one
 * chunk can be read without the others. It is either plain, with a CRC-32C in its entry, or one zstd frame with zstd's
 * content checksum (XXH64) enabled. This checksum covers the decompressed data, and so the decompressor as well; it
 * costs no second pass. Readers refuse frames without it.
 *
 * Version 1 had no machine, and neither a place nor plain chunks: see struct capture_chunk_1.
 */
#ifndef VMM_CAPTURE_FORMAT_H
#define VMM_CAPTURE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "capture files are read and written in memory layout, which must be little-endian, as on x86-64"
#endif

#define CAPTURE_MAGIC     UINT64_C(0x7275747061637670) /* "pvcaptur", little-endian */
#define CAPTURE_END_MAGIC UINT64_C(0x646e657061637670) /* "pvcapend" */
#define CAPTURE_VERSION   2

/* Maximum size in bytes of the guest memory in one chunk; chunks are whole pages. */
#define CAPTURE_CHUNK_MAX (UINT32_C(1) << 20)

/*
 * In a saved VM no chunk lies across a multiple of this guest address: what one access of a restored guest needs is read
 * in few chunks, none of which is larger.
 */
#define CAPTURE_BLOCK (UINT32_C(1) << 16)

#define CAPTURE_SECTIONS_MAX 16
#define CAPTURE_CHUNKS_MAX   (UINT32_C(1) << 22)

/* A guest's RAM lies below CAPTURE_ADDRESS_END, the limit of x86-64, and is at most CAPTURE_RAM_MAX bytes. */
#define CAPTURE_ADDRESS_END (UINT64_C(1) << 52)
#define CAPTURE_RAM_MAX     (UINT64_C(1) << 40)

struct capture_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size; /* sizeof(struct capture_header) */
	uint32_t section_count;
	uint32_t section_entry_size; /* sizeof(struct capture_section) */
	uint64_t file_size;          /* including the end marker */
	uint32_t table_checksum;
	uint32_t header_checksum; /* of the header, with this field 0 */
	uint64_t reserved[3];     /* 0 */
};

_Static_assert(offsetof(struct capture_header, section_count) == 16, "the file format is fixed");
_Static_assert(offsetof(struct capture_header, file_size) == 24, "the file format is fixed");
_Static_assert(offsetof(struct capture_header, header_checksum) == 36, "the file format is fixed");
_Static_assert(sizeof(struct capture_header) == 64, "the file format is fixed");

/* Each type that is not optional occurs once, in this order. Version 1 ends with the chunks. */
enum capture_section_type {
	CAPTURE_SECTION_MAP = 1,    /* struct capture_region[]: the guest's RAM, sorted */
	CAPTURE_SECTION_FACTS = 2,  /* struct capture_facts */
	CAPTURE_SECTION_DATA = 3,   /* the stored bytes of the chunks, one after another */
	CAPTURE_SECTION_CHUNKS = 4, /* struct capture_chunk[]: sorted by address */
	/* memory/machine_state.h: the parts of the machine. Empty: the file is a mere capture. */
	CAPTURE_SECTION_MACHINE = 5,
};

#define CAPTURE_SECTION_LAST CAPTURE_SECTION_MACHINE

/* A reader that does not know the type skips the section. Optional sections follow the others. */
#define CAPTURE_SECTION_OPTIONAL (UINT32_C(1) << 0)

struct capture_section {
	uint32_t type;
	uint32_t flags;
	uint64_t offset; /* from the start of the file */
	uint64_t size;
	uint32_t checksum; /* of the section; 0 for CAPTURE_SECTION_DATA */
	uint32_t reserved; /* 0 */
};

_Static_assert(offsetof(struct capture_section, offset) == 8, "the file format is fixed");
_Static_assert(offsetof(struct capture_section, checksum) == 24, "the file format is fixed");
_Static_assert(sizeof(struct capture_section) == 32, "the file format is fixed");

struct capture_region {
	uint64_t base;
	uint64_t size;
};

_Static_assert(sizeof(struct capture_region) == 16, "the file format is fixed");

/* All RAM that held data; without it, only the memory that describes the frames. */
#define CAPTURE_ALL_MEMORY (UINT32_C(1) << 0)

#define CAPTURE_HAS_INFO (UINT32_C(1) << 1) /* info_pa is the address of the guest's info page */

/* Frames that the guest does not use have no data, whatever they held. */
#define CAPTURE_WITHOUT_FREE (UINT32_C(1) << 2)

#define CAPTURE_FLAGS_1 (CAPTURE_ALL_MEMORY | CAPTURE_HAS_INFO) /* of version 1 */
#define CAPTURE_FLAGS   (CAPTURE_FLAGS_1 | CAPTURE_WITHOUT_FREE)

/* Texts are NUL-terminated and NUL-padded; readers make them printable. */
struct capture_facts {
	uint64_t info_pa;
	uint64_t time_s; /* seconds since 1970, UTC */
	uint64_t paused_ns;
	uint64_t pages_running;
	uint64_t pages_paused;
	uint64_t duration_ns;
	uint32_t flags;
	uint32_t method;    /* enum snapshot_method */
	uint32_t cpu_count; /* vCPUs; 0: unknown */
	uint32_t reserved;  /* 0 */
	char vm_name[64];
	char host_kernel[64]; /* system, release and machine of the host, without its host name */
	char host_cpu[64];
	char program[64]; /* the program that wrote the file */
};

_Static_assert(offsetof(struct capture_facts, flags) == 48, "the file format is fixed");
_Static_assert(offsetof(struct capture_facts, vm_name) == 64, "the file format is fixed");
_Static_assert(offsetof(struct capture_facts, program) == 256, "the file format is fixed");
_Static_assert(sizeof(struct capture_facts) == 320, "the file format is fixed");

#define CAPTURE_CHUNK_PLAIN (UINT32_C(1) << 0) /* stored as it is, not as a zstd frame */

struct capture_chunk {
	uint64_t pa;
	uint32_t size;     /* bytes of guest memory; whole pages, within one region */
	uint32_t stored;   /* bytes in the data section */
	uint64_t offset;   /* of the first of them, from the start of the file */
	uint32_t checksum; /* CRC-32C of a plain chunk, else 0 */
	uint32_t flags;
};

_Static_assert(offsetof(struct capture_chunk, size) == 8, "the file format is fixed");
_Static_assert(offsetof(struct capture_chunk, offset) == 16, "the file format is fixed");
_Static_assert(offsetof(struct capture_chunk, flags) == 28, "the file format is fixed");
_Static_assert(sizeof(struct capture_chunk) == 32, "the file format is fixed");

/* The first fields of a chunk, which is a zstd frame: in a file of version 1. */
struct capture_chunk_1 {
	uint64_t pa;
	uint32_t size;
	uint32_t stored;
};

_Static_assert(sizeof(struct capture_chunk_1) == 16, "the file format is fixed");

struct capture_end {
	uint64_t magic;
	uint64_t file_size;
};

_Static_assert(sizeof(struct capture_end) == 16, "the file format is fixed");

#endif
