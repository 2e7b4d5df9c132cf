#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
#
# Makes a Debian package of the files that git tracks or would track, or, without git, of all but build/. It goes to
# build/deb/. Usage: deb.sh
set -eu

cd "$(dirname "$0")/.."
place=build/deb
tree=$place/pagevisor

rm -rf "$place"
mkdir -p "$tree"
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	git ls-files -co --exclude-standard
else
	find . -path ./build -prune -o -type f -print
fi | while read -r file; do
	[ ! -f "$file" ] || echo "$file"
done | tar -c -T - | tar -x -C "$tree"
# dpkg wants it at the top, where people need not see it.
mv "$tree/packaging/debian" "$tree/debian"

# Started by make, whose variables and jobs are not for this make.
cd "$tree"
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage --build=binary --no-sign --jobs="$(nproc)"
cd - >/dev/null
rm -rf "$tree"
ls "$place"/*.deb
