/* SPDX-License-Identifier: MPL-2.0 */
/* The ring-0 gate: a vector, and what can be asked through it. Usable from assembly. */
#ifndef GUEST_GATE_NUMBERS_H
#define GUEST_GATE_NUMBERS_H

/*
 * The vector of the overflow exception, which no instruction of 64-bit code raises. On hosts whose
 * KVM emulates ring 0 only `int $3` and `int $4` come through from ring 3: any other vector is a
 * general protection fault of the host, whose instruction emulator knows `int` in real mode only
 * and answers with an invalid opcode.
 */
#define GATE_VECTOR 4

#define GATE_HALT         0 /* hlt */
#define GATE_WRITE_STRING 1 /* rsi: bytes, rcx: count, rdx: port */

#endif
