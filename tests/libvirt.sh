#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Guests under libvirt, with a libvirtd of the test's own: see libvirt_lib.sh. Usage: libvirt.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt_lib.sh
. "$(dirname "$0")/libvirt_lib.sh"

LIMIT=${LIMIT:-60}

# boots NAME READY OPTION...: from definition to the guest's own end, which libvirt takes for a crash.
boots()
{
	local name=$1 ready=$2

	shift 2
	check "$name: created" domain_start "$name" --ops 20000 "$@" || return
	check "$name: ready" wait_until "$name is ready" domain_says "$name" "$ready" &&
		check "$name: ends" wait_until "$name has ended" domain_is_gone "$name"
}

ready()
{
	echo "^ready: ring 0, $1 cpus, [0-9]+ slots for $2 MiB, all checked"
}

test_machines()
{
	local machine cpus

	for machine in pc q35 microvm; do
		for cpus in 1 2; do
			boots "$machine-$cpus" "$(ready "$cpus" '6[0-9]')" --machine "$machine" \
				--cpus "$cpus" --memory 64M
		done
	done
	boots "pc-4" "$(ready 4 '12[0-9]')" --machine pc --cpus 4 --memory 128M --backing file
	boots "private" "$(ready 1 '6[0-9]')" --memory 64M --cpus 1 --backing private
}

# The guest's command line as QEMU got it, to the byte.
has_argument()
{
	tr '\0' '\n' <"/proc/$(domain_pid "$1")/cmdline" | grep -qxF -e "$2"
}

test_text()
{
	local text="a=<b>&amp;\"c\" d='e' f=ä%s"

	check "text: created" domain_start text --memory 16M --cpus 1 --append "$text" || return
	check "text: comes through" has_argument text \
		"ring=0 workload=churn seed=1 ops=0 time_ms=0 $text"
	virsh --quiet destroy text >/dev/null
}

need_libvirtd "libvirt"
test_machines
test_text
finish
