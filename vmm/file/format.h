/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The capture file, *.pvc: a snapshot of a guest's memory on disk.
 *
 *     header | section table | sections, in the table's order | end marker
 *
 * All numbers are little-endian and of fixed width. There are no gaps: each part starts where the one before it ends,
 * so every byte of a file belongs to something that is checked. CRC-32C covers the header, the table, and the sections
 * except the pages' data. That data is one zstd frame for each chunk of guest memory, with zstd's content checksum
 * (XXH64) enabled. This checksum covers the decompressed data, and so the decompressor as well; it costs no second pass
 * and needs no other library. Readers refuse frames without it.
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
#define CAPTURE_VERSION   1

/* Maximum size in bytes of the guest memory in one chunk; chunks are whole pages. */
#define CAPTURE_CHUNK_MAX (UINT32_C(1) << 20)

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

/* Each type that is not optional occurs once, in this order. */
enum capture_section_type {
	CAPTURE_SECTION_MAP = 1,    /* struct capture_region[]: the guest's RAM, sorted */
	CAPTURE_SECTION_FACTS = 2,  /* struct capture_facts */
	CAPTURE_SECTION_DATA = 3,   /* the frames of the chunks, one after another */
	CAPTURE_SECTION_CHUNKS = 4, /* struct capture_chunk[]: sorted by address */
};

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

struct capture_chunk {
	uint64_t pa;
	uint32_t size;   /* bytes of guest memory; whole pages, within one region */
	uint32_t stored; /* bytes of the frame in the data section */
};

_Static_assert(offsetof(struct capture_chunk, size) == 8, "the file format is fixed");
_Static_assert(sizeof(struct capture_chunk) == 16, "the file format is fixed");

struct capture_end {
	uint64_t magic;
	uint64_t file_size;
};

_Static_assert(sizeof(struct capture_end) == 16, "the file format is fixed");

#endif
