# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
#
# Linux guests for tests: Debian's stock kernels, downloaded once into build/linux, in QEMU's TCG, with an agent as their first
# process (linux/agent.c). A script sources this after lib.sh, and after background_lib.sh if it calls boot_linux.

LINUX=$ROOT/tests/linux
KERNELS=$ROOT/build/linux
NO_KERNELS=77 # linux/kernels.sh: none can be had
qmp=$WORK/qmp
console=$WORK/console
serial=$WORK/serial

# get_linux SUITE...: downloads kernels that are not there. Sets $linux_problem: why no Linux guest can run here; or nothing, and
# $status, which is not 0 if something broke.
# shellcheck disable=SC2154 # run_command sets status
get_linux()
{
	local program

	linux_problem=
	for program in qemu-system-x86_64 mke2fs cpio xz python3; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || linux_problem="no $program here"
	done
	[ -z "$linux_problem" ] || return 0
	LIMIT=$BUILD_LIMIT run_command "$LINUX/kernels.sh" "$KERNELS" "$@"
	case $status in "$NO_KERNELS" | 124) linux_problem="no kernels: $(tail -n 1 "$ERR")" ;; esac
}

# need_linux NAME SUITE...: ends the script successfully when no Linux guest can run here.
need_linux()
{
	local name=$1

	shift
	get_linux "$@"
	skip_all_for "$name" "$linux_problem"
	cat "$OUT"
	judge "kernels" 0
}

# has_linux SUITE: whether its kernel is there, with an initramfs of this build's agent; a kernel that is not is skipped.
has_linux()
{
	if [ ! -e "$KERNELS/$1/version" ]; then
		skip "$1" "no kernel to be had"
		return 1
	fi
	expect "$1: initramfs" 0 -- "$LINUX/initramfs.sh" "$BUILD/linux-agent" "$KERNELS/$1"
}

# ask COMMAND...: of the guest's QMP, each with its arguments as JSON behind it.
ask()
{
	"$LINUX/ask.py" "$qmp" "$@"
}

# A line on the guest's console.
type_line()
{
	python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"\n")' "$serial"
}

# has_booted N: for the N-th time.
has_booted()
{
	[ "$(grep -c 'agent: ready' "$console")" -ge "$1" ]
}

# boot_linux SUITE MEMORY WORDS OPTION...: starts a guest, with words on its kernel's command line and options of QEMU, whose process is
# the background's `qemu`; returns whether it is ready in time. INITRAMFS is another than the suite's.
boot_linux()
{
	local folder=$KERNELS/$1 memory=$2 words=$3

	shift 3
	rm -f "$qmp" "$console" "$serial"
	start qemu qemu-system-x86_64 -accel tcg,thread=multi -cpu max,la57=off -smp 2 -m "$memory" -nodefaults -no-user-config \
		-display none -chardev "socket,id=serial,path=$serial,server=on,wait=off,logfile=$console" -serial chardev:serial \
		-qmp "unix:$qmp,server=on,wait=off" -kernel "$folder/vmlinuz" -initrd "${INITRAMFS:-$folder/initramfs.cpio}" \
		-append "console=ttyS0 panic=-1 $words" "$@"
	LIMIT=$BUILD_LIMIT within has_booted 1
}

# shared_ram SIZE MACHINE: the options for RAM that others may map.
shared_ram()
{
	echo "-object memory-backend-memfd,id=ram,share=on,size=$1 -machine $2,memory-backend=ram"
}
