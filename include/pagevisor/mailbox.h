/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The mailbox: words through which the host and a running guest communicate, at mailbox_pa of the info page.
 *
 * Only its owner writes a word, and all words in a cache line have the same owner. So a write by the host never takes a
 * line that the guest writes, and neither side can tear the other's words. A word is aligned to its size, and each
 * access to it is one atomic operation. Every word is zero until its owner writes it; zero means nothing to do.
 *
 *     line   owner   what
 *     0      guest   the head: constant from STAGE_ENTERED on, written before the page is published
 *     1-3    host    requests
 *     4-7    guest   answers
 *
 *     word      owner   order     meaning
 *     version   guest   constant  MAILBOX_VERSION; another version has other words
 *     size      guest   constant  bytes of the mailbox; no words lie past its end
 *     stop      host    relaxed   nonzero: end the workload in good order. It publishes nothing: no earlier write of
 *                                 the host need be visible with it. The guest polls it, relaxed.
 *     restores  host    relaxed   moves each time the guest goes on from a file, before its first instruction there: the
 *                                 bytes of frames that were free when it was saved are lost
 *     seed      host    relaxed   of random choices from the last move of `restores` on; 0: they go on as they were. It is
 *                                 written with `restores`, so both are visible from the first instruction on.
 *     filled_pa guest   release   where the guest counts the slots of the metadata array that it has filled: 64 bits,
 *                                 relaxed. There will be one for each frame below max_paddr of the info page.
 *     panic_pa  guest   release   the guest has panicked: its struct panic_record (panic.h), complete
 *
 * To add a word, take one of its owner's reserved words and give it a row above. A mailbox that grows keeps all words
 * where they are. A request is stored with release, after the data that it refers to, and loaded with acquire. The same
 * holds for an answer.
 */
#ifndef PAGEVISOR_MAILBOX_H
#define PAGEVISOR_MAILBOX_H

#include <stdint.h>

#include <pagevisor/abi.h>

#define MAILBOX_VERSION 1
#define MAILBOX_LINE    64 /* bytes of a cache line, to which the mailbox is aligned */

struct mailbox {
	uint32_t version;
	uint32_t size;
	uint64_t reserved_head[7];

	uint32_t stop;
	uint32_t restores;
	uint64_t seed;
	uint64_t reserved_host[22];

	uint64_t filled_pa;
	uint64_t panic_pa;
	uint64_t reserved_guest[30];
} __attribute__((aligned(MAILBOX_LINE)));

ABI_OFFSET(struct mailbox, version, 0);
ABI_OFFSET(struct mailbox, size, 4);
ABI_OFFSET(struct mailbox, stop, 1 * MAILBOX_LINE);
ABI_OFFSET(struct mailbox, restores, 1 * MAILBOX_LINE + 4);
ABI_OFFSET(struct mailbox, seed, 1 * MAILBOX_LINE + 8);
ABI_OFFSET(struct mailbox, filled_pa, 4 * MAILBOX_LINE);
ABI_OFFSET(struct mailbox, panic_pa, 4 * MAILBOX_LINE + 8);
ABI_SIZE(struct mailbox, 8 * MAILBOX_LINE);

#endif
