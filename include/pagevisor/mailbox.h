/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The mailbox: words by which the host and a running guest speak to each other, at mailbox_pa of the info page.
 *
 * Each word has one owner, who alone writes it, and each cache line has words of one owner only: what the host writes
 * never takes a line from the guest that the guest writes itself, and neither side can tear the other's words. A word
 * is aligned to its size, and each access to it is one atomic operation. Zero is what every word reads before its owner
 * has written it, and means nothing to do.
 *
 *     line   owner   what
 *     0      guest   the head: constant from STAGE_ENTERED on, written before the page is published
 *     1-3    host    requests
 *     4-7    guest   answers
 *
 *     word      owner   order     meaning
 *     version   guest   constant  MAILBOX_VERSION; another one means other words
 *     size      guest   constant  bytes of the mailbox; a word behind its end is none
 *     stop      host    relaxed   nonzero: end the workload in good order. It stands alone: nothing that the host
 *                                 wrote before has to be seen with it. The guest polls it, relaxed.
 *
 * To add a word, take it from the reserved ones of its owner and give it a row above; a mailbox that grows keeps all
 * words where they are. A request is written after what it is about, with release, and read with acquire; likewise
 * an answer.
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
	uint32_t reserved_word;
	uint64_t reserved_host[23];

	uint64_t reserved_guest[32];
} __attribute__((aligned(MAILBOX_LINE)));

ABI_OFFSET(struct mailbox, version, 0);
ABI_OFFSET(struct mailbox, size, 4);
ABI_OFFSET(struct mailbox, stop, 1 * MAILBOX_LINE);
ABI_OFFSET(struct mailbox, reserved_guest, 4 * MAILBOX_LINE);
ABI_SIZE(struct mailbox, 8 * MAILBOX_LINE);

#endif
