/* SPDX-License-Identifier: MPL-2.0 */
/* Time by the TSC: see clock.h. */
#include "arch/clock.h"

#include <stdbool.h>

#include "arch/privileged.h"
#include "boot/option.h"

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
#define READING_PART     16 /* a reading may take one part in this many of the measured time */

/* Assumed for a machine without this timer. */
#define FALLBACK_KHZ 1000000

static uint16_t read_pit(void)
{
	port_write8(PIT_COMMAND, PIT_LATCH0);
	uint8_t low = port_read8(PIT_CHANNEL0);

	return (uint16_t)(low | port_read8(PIT_CHANNEL0) << 8);
}

/* The timer's count, and the TSC around it. */
struct reading {
	uint64_t before, after;
	uint16_t count;
};

static struct reading read_both(void)
{
	struct reading reading = {.before = read_tsc()};

	reading.count = read_pit();
	reading.after = read_tsc();
	return reading;
}

/* Whether the TSC at a reading is known well enough for that span. */
static bool is_sharp(const struct reading *reading, uint64_t span)
{
	return reading->after - reading->before < span / READING_PART;
}

/*
 * A busy host may pause the guest. A pause within a reading makes the time of that reading uncertain. A pause between
 * two readings may let the count wrap, after 55 ms, and the TSC then looks several times as fast as it is. Such a pause
 * is most of the measured time.
 */
static uint64_t calibrate(void)
{
	port_write8(PIT_COMMAND, PIT_RATE);
	port_write8(PIT_CHANNEL0, 0);
	port_write8(PIT_CHANNEL0, 0);

	struct reading first = read_both(), last = first;
	uint64_t longest = 0; /* from one reading to the next */

	for (unsigned probe = 0; probe < PROBES_MAX; probe++) {
		struct reading now = read_both();
		uint16_t elapsed = (uint16_t)(first.count - now.count);
		uint64_t span = now.before - first.before;

		if (now.after - last.before > longest)
			longest = now.after - last.before;
		last = now;
		if (elapsed < CALIBRATION_STEP)
			continue;
		if (longest < span / 2 && is_sharp(&first, span) && is_sharp(&now, span))
			return span * PIT_HZ / 1000 / elapsed;
		first = now;
		longest = 0;
	}
	return FALLBACK_KHZ;
}

OPTION(tsc_khz, .name = OPTION_TSC_KHZ, .value = OPTION_TAKES_NUMBER, .max = UINT64_MAX,
       .flags = OPTION_FROM_HOST, .unit = "kHz", .help = "of the TSC; 0: the guest measures it");

void clock_init(void)
{
	tsc_khz = option_take_number(&option_tsc_khz);
	if (tsc_khz == 0)
		tsc_khz = calibrate();
}
