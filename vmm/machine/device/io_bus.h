/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Port I/O: which device answers at which port. Devices are added before the VM runs and then stay,
 * so look-ups need no lock; a device that keeps state brings its own.
 */
#ifndef VMM_IO_BUS_H
#define VMM_IO_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct io_device {
	uint16_t first; /* port */
	uint16_t count;
	/* A read of one byte; NULL: reads give all ones. */
	uint8_t (*read)(void *context, uint16_t offset);
	/* A write of one byte; NULL: writes are ignored. */
	void (*write)(void *context, uint16_t offset, uint8_t value);
	void *context;
};

#define IO_DEVICES_MAX 8

struct io_bus {
	unsigned count;
	struct io_device devices[IO_DEVICES_MAX];
};

/* The bus's owner adds at most IO_DEVICES_MAX devices that do not overlap. */
void io_bus_add(struct io_bus *bus, const struct io_device *device);

/*
 * One access of `size` bytes (1, 2 or 4). False when no device is there; a read then gives all
 * ones.
 */
bool io_bus_write(const struct io_bus *bus, uint16_t port, const void *data, unsigned size);
bool io_bus_read(const struct io_bus *bus, uint16_t port, void *data, unsigned size);

#endif
