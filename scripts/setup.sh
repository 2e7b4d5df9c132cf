#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
#
# Makes sure that the Debian packages of a set are installed: build, run, test, lint or deb. As root it installs what is
# missing; otherwise it prints the one command to type. Running guests needs nothing where /dev/kvm is usable, and QEMU
# elsewhere.
set -eu

packages_build="
gcc
libc6-dev
binutils
pahole
pkg-config
liburcu-dev
libjson-c-dev
libbpf-dev
libpng-dev
libseccomp-dev
libzstd-dev
libncurses-dev
libvirt-dev
"
packages_test="$packages_build
check
cpio
e2fsprogs
fish
g++
gcc-aarch64-linux-gnu
gcc-riscv64-linux-gnu
gdb
jq
libc6-dev-arm64-cross
libc6-dev-riscv64-cross
libvirt-clients
libvirt-daemon
libvirt-daemon-driver-qemu
mandoc
python3-jsonschema
qemu-system-x86
qemu-utils
qemu-user
spin
strace
tmux
xz-utils
zsh
"
packages_deb="$packages_build
debhelper
mmdebstrap
"
packages_lint="clang-format shellcheck"

case "${1:-}" in
build) wanted=$packages_build ;;
test) wanted=$packages_test ;;
lint) wanted=$packages_lint ;;
deb) wanted=$packages_deb ;;
run)
	wanted=""
	{ [ -r /dev/kvm ] && [ -w /dev/kvm ]; } || command -v qemu-system-x86_64 >/dev/null ||
		wanted=qemu-system-x86
	;;
*)
	echo "usage: $0 build|run|test|lint|deb" >&2
	exit 2
	;;
esac

# Sets $missing.
look_for_missing()
{
	missing=""
	for package in $wanted; do
		status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
		[ "$status" = "install ok installed" ] || missing="$missing $package"
	done
}

look_for_missing
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "Packages are missing. Type this, then make again:" >&2
	echo "    sudo apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

# make -j may run this for two sets at once. apt-get fails while another one runs, so they take turns. The lock, on this
# file, is released when the script ends. After waiting, look again.
exec 9<"$0"
flock 9
look_for_missing
[ -n "$missing" ] || exit 0

echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
# Also waits for other users of apt-get, such as a daily update.
install="apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends"
# shellcheck disable=SC2086 # a command and a list of packages
$install $missing >/dev/null 2>&1 9<&- || {
	apt-get update -q 9<&-
	$install $missing 9<&-
}
