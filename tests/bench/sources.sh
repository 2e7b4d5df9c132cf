#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The ways to read a QEMU guest's memory, side by side (sources.c), over one guest of 1 GiB: a domain of this script's
# own libvirtd, with a QMP socket besides libvirt's. Without libvirt, a QEMU, and one way less. Usage: sources.sh
# [BUILD]
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../libvirt_lib.sh
. "$(dirname "$0")/../libvirt_lib.sh"

BENCH=$BUILD/bench-sources
MEMORY=1G
DOMAIN=bench
SETTINGS="workload=churn time_ms=3600000"

# A domain with an additional QMP socket.
with_qmp()
{
	sed "s|</qemu:commandline>|<qemu:arg value='-qmp'/><qemu:arg value='unix:$1,server=on,wait=off'/>&|"
}

in_domain()
{
	make_libvirt_files
	start_libvirtd || return
	domain_xml "$DOMAIN" --memory "$MEMORY" --cpus 1 | with_qmp "$LIBVIRT/qmp" |
		virsh --quiet create /dev/stdin || return
	"$BENCH" "$(domain_pid "$DOMAIN")" "$LIBVIRT/qmp" "$LIBVIRT/dump" "$LIBVIRT_DEFAULT_URI" "$DOMAIN"
}

in_qemu()
{
	qemu-system-x86_64 -accel tcg -machine microvm,memory-backend=mem \
		-object "memory-backend-memfd,id=mem,size=$MEMORY,share=on" -m "$MEMORY" -kernel "$GUEST" \
		-append "$SETTINGS" -nodefaults -display none -no-reboot -qmp "unix:$WORK/qmp,server=on,wait=off" &
	running_pid=$!
	"$BENCH" "$running_pid" "$WORK/qmp" "$WORK/dump"
}

if ! command -v qemu-system-x86_64 >/dev/null; then
	echo "ways to a QEMU guest's memory: not tried here: no qemu-system-x86_64"
elif [ -z "$(libvirt_problem)" ]; then
	in_domain
else
	echo "virDomainMemoryPeek: not tried here: $(libvirt_problem)"
	in_qemu
fi
