/* SPDX-License-Identifier: MPL-2.0 */
/*
 * An output-only serial port: as much of a 16550 UART as a kernel's early console needs. Output is delivered line by
 * line. There is never any input, and no interrupt is raised.
 */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/device/console_limit.h"
#include "machine/device/io_bus.h"

#define SERIAL_LINE_MAX 256

struct serial {
	pthread_mutex_t lock;                          /* several vCPUs may write */
	void (*line)(void *context, const char *text); /* a line without its newline, printable */
	void *context;
	size_t length;
	char text[SERIAL_LINE_MAX];
	struct console_limit limit; /* none at first */
	uint8_t line_control;
	uint8_t scratch;
};

void serial_init(struct serial *serial, void (*line)(void *context, const char *text),
		 void *context);

/* Limits the output to so many bytes a second, 0: not at all. Before there is output. */
void serial_limit(struct serial *serial, uint64_t bytes_per_second);

/* Bytes that the limit has dropped. Call it when there is no more output. */
uint64_t serial_dropped(const struct serial *serial);

/* Adds the port to the bus at PORT_SERIAL. */
void serial_attach(struct serial *serial, struct io_bus *bus);

/* Adds output from another source, as if the guest had written it to the port. Any thread. */
void serial_put(struct serial *serial, const char *text, size_t length);

/* What a port is saved as: its registers, and the line that has not ended. */
struct serial_state {
	uint32_t length; /* less than SERIAL_LINE_MAX */
	uint8_t line_control;
	uint8_t scratch;
	uint16_t reserved;
	char text[SERIAL_LINE_MAX]; /* printable */
};

/* Any thread. */
void serial_save(struct serial *serial, struct serial_state *state);

/* Whether it may be loaded; its bytes are hostile. */
bool serial_state_is_valid(const struct serial_state *state);

/* Before there is output. The unfinished line has not been delivered by this port, and counts for no limit. */
void serial_load(struct serial *serial, const struct serial_state *state);

/* Delivers an unfinished line. */
void serial_flush(struct serial *serial);

#endif
