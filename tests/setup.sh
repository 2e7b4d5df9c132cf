#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# scripts/setup.sh on a machine without the packages, over an apt-get and a dpkg-query that only record: two sets at
# once, as requested by make -j. Usage: setup.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

SETUP=$ROOT/scripts/setup.sh
FAKE=$WORK/fake
CALLS=$WORK/calls         # of apt-get, one on each line
INSTALLED=$WORK/installed # one package on each line
export CALLS INSTALLED

# fake PROGRAM <<what it does, for sh
fake()
{
	{
		echo '#!/bin/sh'
		cat
	} >"$FAKE/$1"
	chmod +x "$FAKE/$1"
}

# Like the real one, apt-get fails at once while another one runs.
fake_all()
{
	mkdir -p "$FAKE"
	fake dpkg-query <<-'END'
		for package; do :; done
		grep -qx -e "$package" "$INSTALLED" && printf 'install ok installed'
	END
	fake apt-get <<-'END'
		exec 8>>"$CALLS.lock"
		flock -n 8 || { echo "could not get the lock" >&2; exit 100; }
		echo "$*" >>"$CALLS"
		sleep 0.5
		packages=$*
		printf '%s\n' ${packages##*--no-install-recommends} >>"$INSTALLED"
	END
	# shellcheck disable=SC2016 # expanded in there
	fake id <<<'echo "${USER_ID:-0}"'
}

# start_over PACKAGE...: exactly these are installed.
start_over()
{
	printf '%s\n' "$@" >"$INSTALLED"
	rm -f "$CALLS"
}

test_two_at_once()
{
	start_over gcc
	last_command=(setup build and test)
	status=0
	PATH=$FAKE:$PATH "$SETUP" build >"$OUT" 2>"$ERR" &
	running_pid=$!
	PATH=$FAKE:$PATH "$SETUP" test >>"$OUT" 2>>"$ERR" || status=$?
	wait "$running_pid" || status=$?
	running_pid=
	judge "two sets at once" 0 '!err:.'
	check "no package is installed twice" [ -z "$(sort "$INSTALLED" | uniq -d)" ]
	expect "a third finds all of them" 0 '!out:.' '!err:.' -- env PATH="$FAKE:$PATH" "$SETUP" test
}

test_others()
{
	start_over gcc
	expect "lint" 0 'out:^Installing clang-format shellcheck$' -- env PATH="$FAKE:$PATH" "$SETUP" lint
	start_over clang-format
	expect "not root: the one command to type" 1 'err:^    sudo apt-get install .* shellcheck$' '!err:clang-format' -- \
		env USER_ID=1000 PATH="$FAKE:$PATH" "$SETUP" lint
	check "nothing was installed" [ ! -e "$CALLS" ]
	expect "no such set" 2 'err:^usage: ' -- "$SETUP" everything
}

fake_all
test_two_at_once
test_others
finish
