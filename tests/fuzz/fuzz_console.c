/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Fuzzes what a guest reaches through its ports: the bus with the serial port and the boot stages, and the parser of the
 * console lines that come out. The input is a list of accesses; the console's part of it is text, so that a corpus is
 * readable: `@` and three bytes (kind and size, port, value) are an access, every other byte is written to the port.
 */
#include <pthread.h>
#include <string.h>

#include <pagevisor/ports.h>

#include "fuzz/fuzz_check.h"
#include "kind/registry.h"
#include "machine/device/boot_stages.h"
#include "machine/device/io_bus.h"
#include "machine/device/serial.h"

struct machine {
	struct io_bus bus;
	struct serial serial;
	struct boot_stages stages;
	struct console_report report;
};

static void take_line(void *context, const char *text)
{
	struct machine *machine = context;
	struct console_report *report = &machine->report;

	FUZZ_CHECK(strnlen(text, SERIAL_LINE_MAX) < SERIAL_LINE_MAX);
	for (const char *at = text; *at; at++)
		FUZZ_CHECK((*at >= ' ' && *at <= '~') || *at == '\t');
	guest_read_console(report, text);
	FUZZ_CHECK(report->count <= CONSOLE_FAILURES_MAX);
}

static void check_report(const struct console_report *report)
{
	for (unsigned i = 0; i < report->count; i++) {
		const struct console_failure *failure = &report->failures[i];

		FUZZ_CHECK(console_event_name(failure->event) != NULL);
		FUZZ_CHECK(memchr(failure->rule, '\0', sizeof(failure->rule)) &&
			   memchr(failure->text, '\0', sizeof(failure->text)));
	}
}

/* Ports around the devices, and any other. */
static uint16_t choose_port(uint8_t choice)
{
	static const uint16_t firsts[] = {PORT_SERIAL - 4, PORT_BOOT_STAGE - 2, UINT16_MAX - 3, 0};

	return (uint16_t)(firsts[choice >> 6] + choice % 16);
}

static void access_port(struct machine *machine, const uint8_t *access)
{
	static const unsigned sizes[] = {1, 2, 4, 4};
	unsigned size = sizes[access[0] >> 1 & 3];
	uint16_t port = choose_port(access[1]);
	const uint8_t written[4] = {access[2], access[0], access[1], access[2]};
	uint8_t read[5] = {0, 0, 0, 0, 0x5a};

	if (access[0] & 1) {
		io_bus_write(&machine->bus, port, written, size);
		return;
	}
	if (!io_bus_read(&machine->bus, port, read, size))
		FUZZ_CHECK(read[size - 1] == 0xff);
	FUZZ_CHECK(read[4] == 0x5a);
	for (unsigned i = size; i < 4; i++)
		FUZZ_CHECK(read[i] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine machine = {0};

	serial_init(&machine.serial, take_line, &machine);
	serial_attach(&machine.serial, &machine.bus);
	boot_stages_attach(&machine.stages, &machine.bus);
	for (; size > 0; data++, size--) {
		if (*data == '@' && size > 3) {
			access_port(&machine, data + 1);
			data += 3;
			size -= 3;
		} else {
			FUZZ_CHECK(io_bus_write(&machine.bus, PORT_SERIAL, data, 1));
		}
	}
	serial_flush(&machine.serial);
	check_report(&machine.report);
	for (unsigned stage = 0; stage < STAGE_COUNT; stage++)
		boot_stages_at(&machine.stages, stage);
	pthread_mutex_destroy(&machine.serial.lock);
	return 0;
}
