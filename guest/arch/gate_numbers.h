/* SPDX-License-Identifier: MPL-2.0 */
/* The ring-0 gate: its vector and its requests. Usable from assembly. */
#ifndef GUEST_GATE_NUMBERS_H
#define GUEST_GATE_NUMBERS_H

/*
 * The vector of the overflow exception, which no instruction of 64-bit code raises. On hosts whose KVM emulates ring 0,
 * only `int $3` and `int $4` work in ring 3. Any other vector is a general protection fault in the host, whose
 * instruction emulator supports `int` in real mode only and raises an invalid opcode.
 */
#define GATE_VECTOR 4

#define GATE_HALT         0 /* hlt */
#define GATE_WRITE_STRING 1 /* rsi: bytes, rcx: count, rdx: port */

#endif
