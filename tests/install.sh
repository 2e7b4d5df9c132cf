#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# make install and uninstall: the installed command finds its guest, and no file is left behind. Usage: install.sh
# [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

STAGE=$WORK/stage
PREFIX=/opt/pagevisor
INSTALLED=$STAGE$PREFIX/bin/pagevisor

# Started by make test, whose variables and jobs are not for this make.
STAGED_MAKE=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory
	DESTDIR="$STAGE" PREFIX="$PREFIX")

test_install()
{
	local file

	LIMIT=$BUILD_LIMIT expect "make install" 0 -- "${STAGED_MAKE[@]}" install
	check "the command is installed" [ -x "$INSTALLED" ]
	check "the guest is installed" [ -r "$STAGE$PREFIX/lib/pagevisor/pagevisor-guest.elf" ]
	expect "the manual pages are installed" 0 -- diff -r "$ROOT/docs/man" "$STAGE$PREFIX/share/man/man1"
	for file in bash-completion/completions/pagevisor zsh/site-functions/_pagevisor \
		fish/vendor_completions.d/pagevisor.fish; do
		check "the completion is installed: $file" [ -r "$STAGE$PREFIX/share/$file" ]
	done
	expect "the installed command starts" 0 'out:^pagevisor [0-9]' -- "$INSTALLED" version
}

test_run()
{
	local problem

	problem=$(vm_problem)
	if [ -n "$problem" ]; then
		skip "the installed command finds its guest" "$problem"
		return
	fi
	expect "the installed command finds its guest" 0 'out:ended well' -- \
		"$INSTALLED" run --memory 16M --ops 1000
	ln -s "$INSTALLED" "$WORK/link"
	expect "through a symbolic link, too" 0 'out:ended well' -- \
		"$WORK/link" run --memory 16M --ops 1000
}

test_without_guest()
{
	install -D "$PAGEVISOR" "$WORK/alone/pagevisor"
	expect "a command without its guest" 2 'err:^pagevisor: no pagevisor-guest.elf beside' -- \
		"$WORK/alone/pagevisor" run
	check "a command without its guest: one line" says_one_line
}

test_uninstall()
{
	expect "make uninstall" 0 -- "${STAGED_MAKE[@]}" uninstall
	find "$STAGE" -not -type d >"$OUT"
	find "$STAGE" -name '*pagevisor*' -mindepth 3 >>"$OUT"
	check "nothing stays behind" line_count "$OUT" 0
	expect "make uninstall again" 0 -- "${STAGED_MAKE[@]}" uninstall
}

test_install
test_run
test_without_guest
test_uninstall
finish
