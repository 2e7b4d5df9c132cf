#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Makes what the machine with SVM boots: Debian's stock kernel, downloaded and unpacked under build/ and not installed,
# and the modules that it needs to find the host's files and to provide /dev/kvm. Made once. MODULES and INIT name others, for
# another guest with the same kernel. Usage: [MODULES="NAME..."] [INIT=FILE] image.sh DIRECTORY
#
# Leaves in DIRECTORY: vmlinuz, initramfs.cpio (run.sh adds the script), name (the kernel package's name).
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

# KVM; the bus, the file system of the host and the layer over it. Modules built into the kernel have no file.
MODULES=${MODULES:-irqbypass kvm ccp kvm-amd virtio virtio_ring virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev
	fscache netfs 9pnet 9pnet_virtio 9p overlay}
INIT=${INIT:-$HERE/init.c}

kernel_package()
{
	apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1
}

# A new machine has no package lists yet, and old lists may name packages that are gone.
find_package()
{
	package=$(kernel_package)
	if [ -z "$package" ] && [ "$(id -u)" -eq 0 ]; then
		apt-get update -q
		package=$(kernel_package)
	fi
	[ -n "$package" ] || {
		echo "apt knows no linux-image-amd64; apt-get update may help" >&2
		exit 1
	}
}

download()
{
	rm -f ./*.deb
	apt-get download -q "$package" || {
		[ "$(id -u)" -eq 0 ] || return 1
		apt-get update -q
		find_package
		apt-get download -q "$package"
	}
}

# Keeps only the kernel and the modules of the package.
unpack()
{
	local module file

	rm -rf unpacked modules
	dpkg-deb -x ./*.deb unpacked
	mkdir modules
	for module in $MODULES; do
		file=$(find unpacked/lib/modules -name "$module.ko*" -print -quit)
		[ -z "$file" ] || cp "$file" "modules/$module.ko"
	done
	echo "$package" >name
	mv unpacked/boot/vmlinuz-* vmlinuz
	rm -rf unpacked ./*.deb
}

pack()
{
	rm -rf initramfs
	mkdir initramfs
	cp -r modules initramfs/
	# Static: it runs before any library is available.
	gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -I "$HERE" "$INIT" "$HERE/modules.c" -o initramfs/init
	# The kernel opens it for its first process.
	mkdir initramfs/dev
	mknod initramfs/dev/console c 5 1 2>/dev/null || true
	(cd initramfs && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >initramfs.cpio
}

if [ ! -e vmlinuz ]; then
	find_package
	echo "Downloading $package, to be unpacked under $PWD"
	download >download.log 2>&1 || {
		tail -n 3 download.log >&2
		exit 1
	}
	unpack
fi
for file in "$INIT" "$HERE/modules.c" "$HERE/image.sh"; do
	if [ ! initramfs.cpio -nt "$file" ]; then
		pack
		break
	fi
done
