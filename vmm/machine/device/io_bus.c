/* SPDX-License-Identifier: MPL-2.0 */
/* Port I/O: see io_bus.h. */
#include "machine/device/io_bus.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void io_bus_add(struct io_bus *bus, const struct io_device *device)
{
	assert(bus->count < IO_DEVICES_MAX);
	bus->devices[bus->count++] = *device;
}

static const struct io_device *find(const struct io_bus *bus, uint16_t port)
{
	for (unsigned i = 0; i < bus->count; i++) {
		const struct io_device *device = &bus->devices[i];

		if (port >= device->first && port - device->first < device->count)
			return device;
	}
	return NULL;
}

/* Wider accesses are split into bytes, as on the ISA bus; each byte may reach another device. */
bool io_bus_write(const struct io_bus *bus, uint16_t port, const void *data, unsigned size)
{
	const uint8_t *bytes = data;
	bool claimed = false;

	for (unsigned i = 0; i < size; i++, port++) {
		const struct io_device *device = find(bus, port);

		if (!device)
			continue;
		claimed = true;
		if (device->write)
			device->write(device->context, (uint16_t)(port - device->first), bytes[i]);
	}
	return claimed;
}

bool io_bus_read(const struct io_bus *bus, uint16_t port, void *data, unsigned size)
{
	uint8_t *bytes = data;
	bool claimed = false;

	memset(data, 0xff, size);
	for (unsigned i = 0; i < size; i++, port++) {
		const struct io_device *device = find(bus, port);

		if (!device)
			continue;
		claimed = true;
		if (device->read)
			bytes[i] = device->read(device->context, (uint16_t)(port - device->first));
	}
	return claimed;
}
