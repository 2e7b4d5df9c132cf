/* SPDX-License-Identifier: MPL-2.0 */
/* Time by the TSC: see clock.h. */
#include "arch/clock.h"

#include "arch/privileged.h"
#include "boot/boot_info.h"

uint64_t tsc_khz;

/*
 * The 8254's channel 0, counting down from 65536 (Intel 82C54 data sheet). Channel 2 would be the
 * classical choice, but its gate is in a port that microvm machines do not have.
 */
#define PIT_HZ           1193182
#define PIT_CHANNEL0     0x40
#define PIT_COMMAND      0x43
#define PIT_RATE         0x34 /* channel 0, low byte then high byte, mode 2 */
#define PIT_LATCH0       0x00
#define CALIBRATION_MS   10
#define CALIBRATION_STEP (PIT_HZ * CALIBRATION_MS / 1000)
#define PROBES_MAX       1000000
#define READING_PART     16 /* of the time that is measured a reading may take one part in so many */

/* What is assumed of a machine that has no timer either. */
#define FALLBACK_KHZ 1000000

static uint16_t read_pit(void)
{
	port_write8(PIT_COMMAND, PIT_LATCH0);
	uint8_t low = port_read8(PIT_CHANNEL0);

	return (uint16_t)(low | port_read8(PIT_CHANNEL0) << 8);
}

static uint64_t calibrate(void)
{
	port_write8(PIT_COMMAND, PIT_RATE);
	port_write8(PIT_CHANNEL0, 0);
	port_write8(PIT_CHANNEL0, 0);

	uint16_t first = read_pit();
	uint64_t start = read_tsc();

	for (unsigned probe = 0; probe < PROBES_MAX; probe++) {
		uint64_t before = read_tsc();
		uint16_t now = read_pit();
		uint64_t after = read_tsc();
		uint16_t elapsed = (uint16_t)(first - now);

		if (elapsed < CALIBRATION_STEP)
			continue;
		/* A host that is busy elsewhere between the two readings would make the TSC look slow, or fast. */
		if (after - before < (before - start) / READING_PART)
			return (before - start) * PIT_HZ / 1000 / elapsed;
		first = read_pit();
		start = read_tsc();
	}
	return FALLBACK_KHZ;
}

void clock_init(void)
{
	tsc_khz = boot_option_number("tsc_khz", 0);
	if (tsc_khz == 0)
		tsc_khz = calibrate();
}
