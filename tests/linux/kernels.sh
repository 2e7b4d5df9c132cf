#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Downloads Debian's stock kernels of several series and unpacks them under a directory; nothing is installed, and apt works on lists
# of its own there. The kernels come from the mirror that this machine's own packages come from. Made once; a directory that is
# removed is made again, with the kernels of that day.
# Usage: kernels.sh DIRECTORY SUITE...
#
# Leaves in DIRECTORY/SUITE: vmlinuz, modules/, version (the package's); nothing of a suite that cannot be had. Exit status 77: none
# can be had here.
set -euo pipefail

DIRECTORY=$1
shift
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
META=linux-image-cloud-amd64
# A disk in RAM; a balloon. What is built in, or is no file of its own in that release, is not found.
MODULES="brd virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_balloon"
NOT_TO_BE_HAD=77

give_up()
{
	echo "$1" >&2
	exit "$NOT_TO_BE_HAD"
}

# Where this machine's apt finds Debian.
mirror()
{
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1
}

set_up_apt()
{
	local apt=$PWD/apt uri suite

	command -v apt-get dpkg-deb >/dev/null || give_up "no apt here"
	uri=$(mirror)
	# A new machine has no package lists yet.
	if [ -z "$uri" ] && [ "$(id -u)" -eq 0 ]; then
		apt-get update -q >apt.log 2>&1 || true
		uri=$(mirror)
	fi
	[ -n "$uri" ] || give_up "this machine's apt knows no mirror of Debian; apt-get update may help"
	[ -e "$KEYRING" ] || give_up "no $KEYRING"
	mkdir -p "$apt"/{parts,preferences,state/lists/partial,cache/archives/partial}
	: >"$apt/status"
	for suite in "$@"; do
		echo "deb [signed-by=$KEYRING] $uri $suite main"
	done >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
		Dir::State "$apt/state";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache";
		Dir::Etc::SourceList "$apt/sources.list";
		Dir::Etc::SourceParts "$apt/parts";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "$apt/preferences";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
	END
	export APT_CONFIG=$apt/apt.conf
}

# Some machines' configuration has apt build its cache anew for each command.
apt_cache()
{
	apt-cache -o Dir::Cache::pkgcache=pkgcache.bin "$@"
}

apt_get()
{
	apt-get -o Dir::Cache::pkgcache=pkgcache.bin -q "$@"
}

# depends PACKAGE[=VERSION]: the parts of a kernel that it depends on, in the same form.
depends()
{
	apt_cache show "$1" | sed -n 's/^Depends: //p' | head -n 1 | tr ',' '\n' |
		sed -nE 's/^ *(linux-(image|binary|modules)-[0-9][^ ]*)( \(= ([^)]*)\))?.*/\1=\4/p' | sed 's/=$//'
}

# download PACKAGE: it and what it depends on, in this directory.
download()
{
	local package

	apt_get download "$1"
	for package in $(depends "$1"); do
		download "$package"
	done
}

unpack()
{
	local package module file

	for package in ./*.deb; do
		dpkg-deb -x "$package" unpacked
	done
	# Newer packages keep it beside the modules.
	find unpacked/boot unpacked/usr/lib/modules -name 'vmlinuz*' -type f -exec mv {} vmlinuz \; -quit 2>/dev/null || true
	mkdir modules
	for module in $MODULES; do
		file=$(find unpacked -name "$module.ko*" -print -quit)
		case $file in
		*.xz) xz -dc "$file" >"modules/$module.ko" ;;
		?*) cp "$file" modules/ ;;
		esac
	done
	rm -rf unpacked ./*.deb
	[ -e vmlinuz ]
}

# get_kernel SUITE
get_kernel()
{
	local version package

	version=$(apt_cache madison "$META" | awk -v suite="$1/main" '$6 == suite || $5 == suite { print $3; exit }')
	[ -n "$version" ] || {
		echo "$1 has no $META" >&2
		return 1
	}
	package=$(depends "$META=$version")
	rm -rf "$1.new"
	mkdir "$1.new"
	(cd "$1.new" && download "$package" >download.log 2>&1 && unpack) || {
		tail -n 3 "$1.new/download.log" >&2
		echo "$package cannot be had" >&2
		return 1
	}
	echo "$version" >"$1.new/version"
	echo "$MODULES" >"$1.new/wanted"
	rm -rf "$1"
	mv "$1.new" "$1"
	echo "downloaded $package"
}

mkdir -p "$DIRECTORY"
cd "$DIRECTORY"
missing=()
for suite in "$@"; do
	[ "$(cat "$suite/wanted" 2>/dev/null)" = "$MODULES" ] || missing+=("$suite")
done
[ ${#missing[@]} -gt 0 ] || exit 0
set_up_apt "$@"
# A suite that is gone does not keep the others from being had.
apt_get update >apt.log 2>&1 || tail -n 3 apt.log >&2
for suite in "${missing[@]}"; do
	get_kernel "$suite" || true
done
for suite in "$@"; do
	[ ! -e "$suite/version" ] || exit 0
done
give_up "no kernel of Debian can be had"
