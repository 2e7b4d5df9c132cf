/* SPDX-License-Identifier: MPL-2.0 */
/* I/O ports through which the guest talks to its VMM, ours or QEMU. Usable from assembly. */
#ifndef PAGEVISOR_PORTS_H
#define PAGEVISOR_PORTS_H

#define PORT_SERIAL       0x3f8 /* 16550 UART, first serial port */
#define PORT_SERIAL_COUNT 8

/* The port of the power-on self test. The guest writes its boot stage here, as one byte. */
#define PORT_BOOT_STAGE 0x80

/*
 * The bell of the process that manages the guest's memory (keeper.h): a byte, any. QEMU has no device there and ignores
 * the write.
 */
#define PORT_KEEPER_BELL 0xf8

/*
 * QEMU's isa-debug-exit: a write ends the run, and QEMU's exit status is (value << 1) | 1. Our VMM
 * listens on the same port and takes the value as it is.
 */
#define PORT_EXIT       0xf4
#define PORT_EXIT_COUNT 4

#define GUEST_EXIT_OK     0x10 /* QEMU exits with 33 */
#define GUEST_EXIT_FAILED 0x11 /* one of the guest's own checks failed; QEMU exits with 35 */
#define GUEST_EXIT_PANIC  0x12 /* the kernel panicked or met an exception; QEMU exits with 37 */

#define GUEST_EXIT_USAGE 0x13 /* an option of the command line is wrong; QEMU exits with 39 */

#define QEMU_EXIT_STATUS(value) ((value) << 1 | 1)

#endif
