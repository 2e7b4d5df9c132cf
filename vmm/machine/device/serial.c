/* SPDX-License-Identifier: MPL-2.0 */
/* An output-only serial port: see serial.h. */
#include "machine/device/serial.h"

#include <string.h>

#include <pagevisor/ports.h>

#include "base/clock.h"

/* Registers by offset and the bits used here (National Semiconductor PC16550D data sheet). */
#define REG_DATA         0 /* transmit; low byte of the divisor when DLAB is set */
#define REG_LINE_CONTROL 3
#define REG_LINE_STATUS  5
#define REG_MODEM_STATUS 6
#define REG_SCRATCH      7
#define LCR_DLAB         0x80
#define LSR_ALWAYS_EMPTY 0x60 /* transmitter and its holding register are empty */
#define MSR_READY        0xb0 /* carrier, data set ready, clear to send */

static void flush_locked(struct serial *serial)
{
	if (serial->length == 0)
		return;
	serial->text[serial->length] = '\0';
	serial->length = 0;
	serial->line(serial->context, serial->text);
}

static bool is_printable(char c)
{
	return (c >= ' ' && c <= '~') || c == '\t';
}

/* The text goes to people's terminals: unprintable characters become question marks. */
static void put_char(struct serial *serial, char c)
{
	if (!console_limit_take(&serial->limit)) {
		/* What passes later is not the end of this line. */
		flush_locked(serial);
		return;
	}
	if (c == '\r')
		return;
	if (c == '\n') {
		if (serial->length == 0)
			serial->line(serial->context, "");
		flush_locked(serial);
		return;
	}
	if (serial->length == SERIAL_LINE_MAX - 1)
		flush_locked(serial);
	serial->text[serial->length++] = is_printable(c) ? c : '?';
}

static void serial_write(void *context, uint16_t offset, uint8_t value)
{
	struct serial *serial = context;

	pthread_mutex_lock(&serial->lock);
	switch (offset) {
	case REG_DATA:
		if (!(serial->line_control & LCR_DLAB))
			put_char(serial, (char)value);
		break;
	case REG_LINE_CONTROL:
		serial->line_control = value;
		break;
	case REG_SCRATCH:
		serial->scratch = value;
		break;
	}
	pthread_mutex_unlock(&serial->lock);
}

static uint8_t serial_read(void *context, uint16_t offset)
{
	struct serial *serial = context;
	uint8_t value = 0;

	pthread_mutex_lock(&serial->lock);
	switch (offset) {
	case REG_LINE_CONTROL:
		value = serial->line_control;
		break;
	case REG_LINE_STATUS:
		value = LSR_ALWAYS_EMPTY;
		break;
	case REG_MODEM_STATUS:
		value = MSR_READY;
		break;
	case REG_SCRATCH:
		value = serial->scratch;
		break;
	}
	pthread_mutex_unlock(&serial->lock);
	return value;
}

void serial_init(struct serial *serial, void (*line)(void *context, const char *text),
		 void *context)
{
	*serial = (struct serial){.line = line, .context = context};
	pthread_mutex_init(&serial->lock, NULL);
}

void serial_limit(struct serial *serial, uint64_t bytes_per_second)
{
	console_limit_init(&serial->limit, bytes_per_second, clock_now_ns());
}

uint64_t serial_dropped(const struct serial *serial)
{
	return serial->limit.dropped;
}

void serial_attach(struct serial *serial, struct io_bus *bus)
{
	io_bus_add(bus, &(struct io_device){
				.first = PORT_SERIAL,
				.count = PORT_SERIAL_COUNT,
				.read = serial_read,
				.write = serial_write,
				.context = serial,
			});
}

void serial_put(struct serial *serial, const char *text, size_t length)
{
	pthread_mutex_lock(&serial->lock);
	for (size_t i = 0; i < length; i++)
		put_char(serial, text[i]);
	pthread_mutex_unlock(&serial->lock);
}

void serial_save(struct serial *serial, struct serial_state *state)
{
	*state = (struct serial_state){0};
	pthread_mutex_lock(&serial->lock);
	state->length = (uint32_t)serial->length;
	state->line_control = serial->line_control;
	state->scratch = serial->scratch;
	memcpy(state->text, serial->text, serial->length);
	pthread_mutex_unlock(&serial->lock);
}

bool serial_state_is_valid(const struct serial_state *state)
{
	if (state->length >= SERIAL_LINE_MAX)
		return false;
	for (uint32_t i = 0; i < state->length; i++)
		if (!is_printable(state->text[i]))
			return false;
	return true;
}

void serial_load(struct serial *serial, const struct serial_state *state)
{
	pthread_mutex_lock(&serial->lock);
	serial->length = state->length;
	serial->line_control = state->line_control;
	serial->scratch = state->scratch;
	memcpy(serial->text, state->text, state->length);
	pthread_mutex_unlock(&serial->lock);
}

void serial_flush(struct serial *serial)
{
	pthread_mutex_lock(&serial->lock);
	flush_locked(serial);
	pthread_mutex_unlock(&serial->lock);
}
