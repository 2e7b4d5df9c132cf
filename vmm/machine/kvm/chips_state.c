/* SPDX-License-Identifier: MPL-2.0 */
/* The state of KVM's interrupt controllers, PIT and clock: see chips_state.h. */
#include "machine/kvm/chips_state.h"

#include <errno.h>

#include "machine/kvm/kvm.h"
#include "machine/kvm/state_parts.h"

static const uint32_t irqchips[] = {KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE,
				    KVM_IRQCHIP_IOAPIC};

#define IRQCHIPS (sizeof(irqchips) / sizeof(irqchips[0]))

static int get_irqchip(int vm_fd, uint32_t number, struct machine_state *state, struct error *err)
{
	struct kvm_irqchip chip = {.chip_id = number};
	int result = KVM_CALL(vm_fd, KVM_GET_IRQCHIP, &chip, err);

	return result < 0
		       ? result
		       : machine_state_add(state, STATE_IRQCHIP, number, &chip, sizeof(chip), err);
}

int chips_state_get(int vm_fd, struct machine_state *state, struct error *err)
{
	struct kvm_pit_state2 pit = {0};
	struct kvm_clock_data clock = {0};
	int result = 0;

	for (unsigned i = 0; result >= 0 && i < IRQCHIPS; i++)
		result = get_irqchip(vm_fd, irqchips[i], state, err);
	if (result >= 0)
		result = KVM_CALL(vm_fd, KVM_GET_PIT2, &pit, err);
	if (result >= 0)
		result = machine_state_add(state, STATE_PIT, 0, &pit, sizeof(pit), err);
	if (result >= 0)
		result = KVM_CALL(vm_fd, KVM_GET_CLOCK, &clock, err);
	const uint64_t now = clock.clock;

	if (result >= 0)
		result = machine_state_add(state, STATE_CLOCK, 0, &now, sizeof(now), err);
	return result < 0 ? result : 0;
}

int chips_state_check(const struct machine_state *state, struct error *err)
{
	for (unsigned i = 0; i < IRQCHIPS; i++) {
		const struct kvm_irqchip *chip =
			machine_part_find(state, STATE_IRQCHIP, irqchips[i], sizeof(*chip));

		if (!chip || chip->chip_id != irqchips[i])
			return error_set(err, -EPROTO,
					 "the part for interrupt controller %u is broken",
					 irqchips[i]);
	}
	if (!machine_part_find(state, STATE_PIT, 0, sizeof(struct kvm_pit_state2)) ||
	    !machine_part_find(state, STATE_CLOCK, 0, sizeof(uint64_t)))
		return error_set(err, -EPROTO, "the part for the PIT or the clock is broken");
	return 0;
}

int chips_state_set(int vm_fd, const struct machine_state *state, struct error *err)
{
	const void *pit = machine_part_find(state, STATE_PIT, 0, sizeof(struct kvm_pit_state2));
	const uint64_t *now = machine_part_find(state, STATE_CLOCK, 0, sizeof(*now));
	const struct kvm_clock_data clock = {.clock = *now};
	int result = 0;

	for (unsigned i = 0; result >= 0 && i < IRQCHIPS; i++)
		result = KVM_CALL(vm_fd, KVM_SET_IRQCHIP,
				  machine_part_find(state, STATE_IRQCHIP, irqchips[i],
						    sizeof(struct kvm_irqchip)),
				  err);
	if (result >= 0)
		result = KVM_CALL(vm_fd, KVM_SET_PIT2, pit, err);
	if (result >= 0)
		result = KVM_CALL(vm_fd, KVM_SET_CLOCK, &clock, err);
	return result < 0 ? result : 0;
}
