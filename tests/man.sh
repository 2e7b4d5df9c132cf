#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The manual page: it is well-formed, and describes each subcommand and option as --help does, with none missing and
# none too many. Usage: man.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

PAGE=${PAGE:-$ROOT/docs/pagevisor.1}

# Subcommands, from the command's own list.
commands()
{
	"$PAGEVISOR" help | sed -nE 's/^  ([a-z][a-z0-9-]*) .*/\1/p'
}

# The same, without those that have no options.
commands_of_help()
{
	commands | grep -vx -e help -e version
}

# The subcommands for which the page has a heading.
commands_of_page()
{
	awk '/^\.Sh / { inside = $2 == "COMMANDS" } inside && /^\.Ss / { print $2 }' "$PAGE"
}

# The prefixes of VM names, such as "qemu:".
prefixes_of_page()
{
	awk '/^\.S[sh] / { inside = /Names of VMs/ } inside && /^\.It Ns [a-z]+: / { print $3 }' "$PAGE" | sort -u
}

# options_of_help COMMAND: "-a --append=TEXT" in a line for each option.
options_of_help()
{
	"$PAGEVISOR" "$1" --help | sed -nE 's/^ {2,6}(-[^ ,], )?(--[a-z0-9-]+[^ ]*).*/\1\2/p' | sed 's/,//' |
		grep -v -e '--help$' -e '--usage$' | sort
}

# options_of_page COMMAND: the same, from the page's items below that heading.
options_of_page()
{
	awk -v name="$1" '/^\.S[sh] / { inside = $1 == ".Ss" && $2 == name } inside && /^\.It Fl / { print }' "$PAGE" |
		sed -e 's/^\.It //' -e 's/Fl \\-/--/g' -e 's/Fl /-/g' -e 's/ Ns = Ns Ar /=/' -e 's/ , / /' | sort
}

# same WHAT WANTED FOUND: whether two texts are equal; prints the differences.
same()
{
	printf '%s\n' "$2" >"$WORK/wanted"
	printf '%s\n' "$3" >"$WORK/found"
	last_command=(diff "<what --help says>" "<what the page says>")
	status=0
	: >"$ERR"
	diff "$WORK/wanted" "$WORK/found" >"$OUT" || status=$?
	judge "$1" 0
}

test_source()
{
	local problems

	if ! command -v mandoc >/dev/null; then
		skip "mandoc finds nothing wrong" "no mandoc here"
		return
	fi
	problems=$(mandoc -T lint -W warning "$PAGE" 2>&1)
	same "mandoc finds nothing wrong" "" "$problems"
	expect "the page can be read" 0 'out:PAGEVISOR\(1\)' -- mandoc -T html "$PAGE"
}

test_commands()
{
	local name

	check "there are commands" [ "$(commands | wc -l)" -ge 10 ]
	same "the page has all commands" "$(commands_of_help | sort)" "$(commands_of_page | sort)"
	for name in $(commands_of_help); do
		same "the page has the options of $name" "$(options_of_help "$name")" "$(options_of_page "$name")"
		"$PAGEVISOR" "$name" --help >"$WORK/help" 2>&1
		expect "help $name" 0 -- "$PAGEVISOR" help "$name"
		check "help $name is $name --help" cmp -s "$OUT" "$WORK/help"
	done
	for prefix in $(prefixes_of_page); do
		expect "help of VMs has $prefix" 0 "out:[ ,]$prefix" -- "$PAGEVISOR" stat --help
	done
	expect "help of an unknown command" 2 'err:^pagevisor: no command "nothing"; try pagevisor help$' -- \
		"$PAGEVISOR" help nothing
	expect "help help" 0 'out:^usage: pagevisor COMMAND' -- "$PAGEVISOR" help help
}

# Environment variables that the sources read, and exit statuses.
test_surroundings()
{
	same "the page has all variables" \
		"$(grep -rhoE 'getenv\("[A-Z_]+"\)' "$ROOT/vmm" | cut -d '"' -f 2 | sort -u)" \
		"$(sed -n 's/^\.It Ev //p' "$PAGE" | sort -u)"
	same "the page has all exit statuses" \
		"$(cpp -P "$ROOT/vmm/cli/exit_status.h" | grep -oE 'STATUS_[A-Z_]+ = [0-9]+' | cut -d ' ' -f 3 | sort -n)" \
		"$(awk '/^\.Sh / { inside = $2 == "EXIT" } inside && /^\.It / { print $2 }' "$PAGE" | sort -n)"
	same "the page has all workloads" \
		"$(sort "$BUILD/workloads")" \
		"$(awk '/^\.Sh / { inside = $2 == "WORKLOADS" } inside && /^\.It / { print $2 }' "$PAGE" | sort)"
}

test_source
test_commands
test_surroundings
finish
