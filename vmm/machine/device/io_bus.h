/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Port I/O: which device responds at which port. Devices are added before the VM runs and then stay, so look-ups need
 * no lock. A device with state needs its own locking.
 */
#ifndef VMM_IO_BUS_H
#define VMM_IO_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct io_device {
	uint16_t first; /* port */
	uint16_t count;
	/* Reads one byte; NULL: reads return all ones. */
	uint8_t (*read)(void *context, uint16_t offset);
	/* Writes one byte; NULL: writes are ignored. */
	void (*write)(void *context, uint16_t offset, uint8_t value);
	void *context;
};

#define IO_DEVICES_MAX 8

struct io_bus {
	unsigned count;
	struct io_device devices[IO_DEVICES_MAX];
};

/* Adds a device. The owner of the bus adds at most IO_DEVICES_MAX devices, which do not overlap. */
void io_bus_add(struct io_bus *bus, const struct io_device *device);

/*
 * Perform one access of `size` bytes (1, 2 or 4). False when there is no device at a port; a read of it then returns
 * all ones.
 */
bool io_bus_write(const struct io_bus *bus, uint16_t port, const void *data, unsigned size);
bool io_bus_read(const struct io_bus *bus, uint16_t port, void *data, unsigned size);

#endif
