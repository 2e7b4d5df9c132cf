/* SPDX-License-Identifier: MPL-2.0 */
/* Application processors: see smp.h. */
#include "arch/smp.h"

#include <string.h>

#include <pagemeta_platform.h>

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/privileged.h"
#include "boot/entry.h"
#include "boot/madt.h"
#include "panic.h"

/* How long a processor may take to arrive, and when a second start-up message is sent to one that has not arrived. */
#define ARRIVAL_TIMEOUT_MS 20000 /* a busy host may leave a vCPU waiting for seconds */
#define SECOND_SIPI_MS     20

/* Read by the start-up code: the processor that is being started. One at a time. */
struct cpu *starting_cpu;

static struct cpu application_cpus[MAX_CPUS - 1];

static void (*run_function)(unsigned cpu); /* set once by smp_run */

extern const char ap_trampoline[];
extern const char ap_trampoline_end[];

static volatile uint32_t *lapic_register(unsigned offset)
{
	return platform_phys_to_virt(paddr(LAPIC_BASE + offset));
}

static uint32_t own_apic_id(void)
{
	return *lapic_register(LAPIC_ID) >> LAPIC_ID_SHIFT;
}

static void send_message(uint32_t apic_id, uint32_t message)
{
	*lapic_register(LAPIC_ICR_HIGH) = apic_id << LAPIC_ID_SHIFT;
	*lapic_register(LAPIC_ICR_LOW) = message;
	while (*lapic_register(LAPIC_ICR_LOW) & LAPIC_PENDING)
		cpu_relax();
}

/* Waits until the processor has arrived or the time is up. Acquire: pairs with ap_main's release. */
static bool wait_for_arrival(struct cpu *cpu, uint64_t milliseconds)
{
	uint64_t end = read_tsc() + milliseconds * tsc_khz;

	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
		if (read_tsc() > end)
			return false;
		cpu_relax();
	}
	return true;
}

static bool is_running(uint32_t apic_id)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpu_table[i]->apic_id == apic_id)
			return true;
	return false;
}

static void start_cpu(uint32_t apic_id)
{
	struct cpu *cpu = &application_cpus[cpu_count - 1];
	const uint32_t startup = ICR_STARTUP | ICR_ASSERT | AP_TRAMPOLINE >> PAGE_SHIFT;

	cpu_prepare(cpu, cpu_count, apic_id);
	/* Release: the start-up code on the other processor finds what was prepared. */
	__atomic_store_n(&starting_cpu, cpu, __ATOMIC_RELEASE);
	send_message(apic_id, ICR_INIT | ICR_ASSERT);
	send_message(apic_id, startup);
	if (!wait_for_arrival(cpu, SECOND_SIPI_MS)) {
		send_message(apic_id, startup);
		if (!wait_for_arrival(cpu, ARRIVAL_TIMEOUT_MS))
			panic("the processor with APIC id %u did not start", apic_id);
	}
	cpu_table[cpu_count++] = cpu;
}

void smp_start(void)
{
	uint32_t apic_ids[MAX_CPUS];
	unsigned count = madt_read(apic_ids, MAX_CPUS);

	memcpy(platform_phys_to_virt(paddr(AP_TRAMPOLINE)), ap_trampoline,
	       (size_t)(ap_trampoline_end - ap_trampoline));
	boot_cpu.apic_id = own_apic_id();
	*lapic_register(LAPIC_SPURIOUS) |= LAPIC_ENABLE;
	for (unsigned i = 0; i < count; i++)
		if (!is_running(apic_ids[i]) && cpu_count < MAX_CPUS)
			start_cpu(apic_ids[i]);
}

/* Entered from boot/start.S on each application processor. */
_Noreturn void ap_main(void)
{
	struct cpu *cpu = this_cpu();
	void (*function)(unsigned cpu);

	__atomic_store_n(&cpu->online, 1, __ATOMIC_RELEASE);
	/* Acquire: pairs with the release in smp_run. */
	while (!(function = __atomic_load_n(&run_function, __ATOMIC_ACQUIRE)))
		cpu_relax();
	function(cpu->index);
	__atomic_store_n(&cpu->finished, 1, __ATOMIC_RELEASE);
	for (;;)
		privileged_halt();
}

void smp_run(void (*function)(unsigned cpu))
{
	__atomic_store_n(&run_function, function, __ATOMIC_RELEASE);
	function(0);
	/* Acquire: pairs with each processor's release; its counters are final then. */
	for (unsigned i = 1; i < cpu_count; i++)
		while (!__atomic_load_n(&cpu_table[i]->finished, __ATOMIC_ACQUIRE))
			cpu_relax();
}
