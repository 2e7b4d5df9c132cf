#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The manual pages: they are well-formed, and describe each subcommand and option as --help does, with none missing and
# none too many. Usage: man.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

PAGES=${PAGES:-$ROOT/docs/man}
PAGE=$PAGES/pagevisor.1

# Subcommands, from the command's own list.
commands()
{
	"$PAGEVISOR" help | sed -nE 's/^  ([a-z][a-z0-9-]*) .*/\1/p'
}

# "NAME what it does" for each command, as the overview has it, and as the commands' own pages do.
summaries_of_page()
{
	awk '/^\.It Xr pagevisor-/ { sub(/pagevisor-/, "", $3); name = $3; getline; print name " " $0 }' "$PAGE" | sort
}

summaries_of_pages()
{
	sed -n 's/^\.Nm pagevisor-//p; s/^\.Nd //p' "$PAGES"/pagevisor-*.1 | paste -d ' ' - - | sort
}

# The same as help has it, and as README.md does.
summaries_of_help()
{
	"$PAGEVISOR" help | sed -nE 's/^  ([a-z][a-z0-9-]*) +/\1 /p' | sort
}

summaries_of_readme()
{
	# shellcheck disable=SC2016 # Markdown
	sed -nE 's/^\| \[`([a-z]+)`\]\([^)]*\) \| (.*) \|$/\1 \2/p' "$ROOT/README.md" | sort
}

# What goes over the edge of a terminal with 80 columns, or goes on at its left below an indented line.
misplaced_lines_of_help()
{
	local name

	{
		"$PAGEVISOR" help
		for name in $(commands); do
			echo
			"$PAGEVISOR" "$name" --help
		done
	} | awk 'length > 79 || (before ~ /^  / && /^[^ ]/) { print } { before = $0 }'
}

# sections_of COMMAND
sections_of()
{
	sed -n 's/^\.Sh //p' "$PAGES/pagevisor-$1.1" | grep -xE 'SYNOPSIS|DESCRIPTION|OPTIONS|EXIT STATUS|EXAMPLES|SEE ALSO'
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

# options_of_page PAGE: the same, from the page's items.
options_of_page()
{
	awk '/^\.Sh / { inside = $2 == "OPTIONS" } inside && /^\.It Fl / { print }' "$1" |
		sed -e 's/^\.It //' -e 's/Fl \\-/--/g' -e 's/Fl /-/g' -e 's/ Ns = Ns Ar /=/' -e 's/ , / /' | sort
}

# arguments_of_help COMMAND: what is no option, as in "EXPRESSION [VM]".
arguments_of_help()
{
	"$PAGEVISOR" "$1" --help | sed -n "s/^Usage: pagevisor $1 \\[OPTION...\\] *//p" | sed 's/|all//'
}

# arguments_of_page COMMAND: the same, from the synopsis.
arguments_of_page()
{
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$PAGES/pagevisor-$1.1" |
		sed -nE '/Ar option/d; s/ \.\.\./.../; s/^\.Op Ar (.*)/[\1]/p; s/^\.Ar (.*)/\1/p' | paste -sd ' '
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
	local page

	if ! command -v mandoc >/dev/null; then
		skip "mandoc finds nothing wrong" "no mandoc here"
		return
	fi
	same "mandoc finds nothing wrong" "" "$(mandoc -T lint -W warning "$PAGES"/*.1 2>&1)"
	for page in "$PAGES"/*.1; do
		expect "$(basename "$page") can be read" 0 'out:PAGEVISOR[-A-Z]*\(1\)' -- mandoc -T html "$page"
	done
	# mandoc does not know where pages are.
	same "references lead to a page" "" "$(sed -nE 's/.*\.Xr (pagevisor[a-z-]*) 1.*/\1/p' "$PAGES"/*.1 | sort -u |
		while read -r page; do [ -e "$PAGES/$page.1" ] || echo "$page"; done)"
}

test_commands()
{
	local name sections

	sections=$(printf '%s\n' SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'SEE ALSO')
	check "there are commands" [ "$(commands | wc -l)" -ge 10 ]
	same "each command has a page" "$(commands | sort)" \
		"$(cd "$PAGES" && printf '%s\n' pagevisor-*.1 | sed 's/pagevisor-//; s/\.1$//' | sort)"
	same "the overview has all commands" "$(summaries_of_pages)" "$(summaries_of_page)"
	same "help has the same words" "$(summaries_of_help)" "$(summaries_of_page)"
	same "so has README.md" "$(summaries_of_readme)" "$(summaries_of_page | grep -v -e '^help ' -e '^version ')"
	same "help fits a terminal, column by column" "" "$(misplaced_lines_of_help)"
	for name in $(commands); do
		same "the page of $name is complete" "$sections" "$(sections_of "$name")"
		same "the page of $name has its options" "$(options_of_help "$name")" \
			"$(options_of_page "$PAGES/pagevisor-$name.1")"
		same "the page of $name has its arguments" "$(arguments_of_help "$name")" "$(arguments_of_page "$name")"
		"$PAGEVISOR" "$name" --help >"$WORK/help" 2>&1
		expect "help $name" 0 -- "$PAGEVISOR" help "$name"
		check "help $name is $name --help" cmp -s "$OUT" "$WORK/help"
		expect "$name -h" 0 -- "$PAGEVISOR" "$name" -h
		check "$name -h is $name --help" cmp -s "$OUT" "$WORK/help"
		expect "$name -V" 0 'out:^pagevisor [0-9]' -- "$PAGEVISOR" "$name" -V
	done
	same "the overview has the options before a command" "$(printf '%s\n' '-V --version' '-h --help')" \
		"$(options_of_page "$PAGE" | LC_ALL=C sort)"
	for prefix in $(prefixes_of_page); do
		expect "help of VMs has $prefix" 0 "out:[ ,]$prefix" -- "$PAGEVISOR" stat --help
	done
	expect "help of an unknown command" 2 'err:^pagevisor: no command .nothing.; try pagevisor help$' -- \
		"$PAGEVISOR" help nothing
}

# Environment variables that the sources read, and exit statuses.
test_surroundings()
{
	same "the page has all variables" \
		"$(grep -rhoE 'getenv\("[A-Z_]+"\)' "$ROOT/vmm" | cut -d '"' -f 2 | sort -u)" \
		"$(sed -n 's/^\.It Ev //p' "$PAGE" | sed 's/ , /\n/g' | sort -u)"
	same "the page has all exit statuses" \
		"$(cpp -P "$ROOT/vmm/cli/exit_status.h" | grep -oE 'STATUS_[A-Z_]+ = [0-9]+' | cut -d ' ' -f 3 | sort -n)" \
		"$(awk '/^\.Sh / { inside = $2 == "EXIT" } inside && /^\.It / { print $2 }' "$PAGE" | sort -n)"
	same "the page has all workloads" \
		"$("$PAGEVISOR" run --workload help | sed -nE '/^with all/q; s/^  ([a-z_]+) .*/\1/p' | sort)" \
		"$(awk '/^\.Sh / { inside = $2 == "WORKLOADS" } inside && /^\.It / { print $2 }' "$PAGES/pagevisor-run.1" | sort)"
}

test_source
test_commands
test_surroundings
finish
