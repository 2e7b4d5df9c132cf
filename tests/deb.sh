#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The Debian package: it is made from the sources alone, and installed, used and purged in a fresh minimal system of this
# host's release. Needs root, and a mirror. Usage: deb.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

SYSTEM=$WORK/system

# What runs a command as root of that system.
INSIDE=(unshare --mount --pid --fork --mount-proc="$SYSTEM/proc" chroot "$SYSTEM" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin
	LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"})

# A capture to look at, of a guest that this build ran.
make_capture()
{
	"$PAGEVISOR" run --name captured --memory 16M --time 0 --quiet >"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within has_stage captured running && "$PAGEVISOR" capture "$WORK/guest.pvc" captured >/dev/null
	kill "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
}

test_package()
{
	local built

	LIMIT=$BUILD_LIMIT expect "make deb" 0 'out:^build/deb/pagevisor_.*\.deb$' -- \
		env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory deb || finish
	package=$(echo "$ROOT"/build/deb/pagevisor_*.deb)
	built=$("$PAGEVISOR" version | sed -n 's/^pagevisor //p')
	check "its version is the command's" [ "$(dpkg-deb -f "$package" Version)" = "$built" ]
	check "it depends on the libraries" [ "$(dpkg-deb -f "$package" Depends | grep -oE 'libjson-c5|liburcu8|libc6 ' | wc -l)" -eq 3 ]
	if command -v lintian >/dev/null; then
		expect "lintian" 0 '!out:^[EW]:' -- lintian --fail-on error,warning --allow-root "$package"
	else
		skip "lintian" "not installed here"
	fi
}

test_system()
{
	local suite

	suite=$(sed -n "s/^VERSION_CODENAME=//p" /etc/os-release)
	# Its lists of packages stay, for apt in there.
	LIMIT=$BUILD_LIMIT expect "a minimal system" 0 -- \
		mmdebstrap --variant=minbase --skip=cleanup/apt --dpkgopt=force-unsafe-io "$suite" "$SYSTEM" || finish
	cp -L /etc/resolv.conf "$SYSTEM/etc/resolv.conf"
	cp "$package" "$SYSTEM/tmp/pagevisor.deb"
	LIMIT=$BUILD_LIMIT expect "apt installs it with what it depends on" 0 -- \
		"${INSIDE[@]}" apt-get install -y -q --no-install-recommends /tmp/pagevisor.deb || finish
	rm "$SYSTEM/tmp/pagevisor.deb"
}

test_installed()
{
	local file

	expect "version" 0 'out:^build +[0-9a-f]{40}$' -- "${INSIDE[@]}" pagevisor version
	expect "all libraries are there" 0 'out:^zstd +[0-9]' -- "${INSIDE[@]}" pagevisor version --verbose
	check "the guest has its symbols" cmp -s <(nm "$GUEST") <(nm "$SYSTEM/usr/lib/pagevisor/pagevisor-guest.elf")
	expect "the guest is found" 0 'out:^torn' -- "${INSIDE[@]}" pagevisor complete run --workload ''
	for file in man/man1/pagevisor.1.gz man/man1/pagevisor-find.1.gz bash-completion/completions/pagevisor \
		zsh/vendor-completions/_pagevisor fish/vendor_completions.d/pagevisor.fish; do
		check "installed: $file" [ -s "$SYSTEM/usr/share/$file" ]
	done
	if [ -s "$WORK/guest.pvc" ]; then
		cp "$WORK/guest.pvc" "$SYSTEM/root/guest.pvc"
		expect "a capture can be read" 0 'out:meta_page' -- "${INSIDE[@]}" pagevisor stat /root/guest.pvc
	else
		skip "a capture can be read" "$(vm_problem)"
	fi
}

test_purge()
{
	expect "apt purges it" 0 -- "${INSIDE[@]}" apt-get purge -y -q pagevisor
	find "$SYSTEM" -xdev -name '*pagevisor*' >"$OUT"
	check "nothing stays behind" line_count "$OUT" 0
}

if [ "$(id -u)" -ne 0 ]; then
	skip "the Debian package" "only root can make a system to install it in"
	finish
fi
[ -n "$(vm_problem)" ] || make_capture
test_package
test_system
test_installed
test_purge
finish
