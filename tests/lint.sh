#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Checks the sources without running them: format, include directions, licence lines, lengths, scripts, and a build from
# scratch with warnings as errors. Usage: lint.sh
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh" "$(dirname "$0")"

LINES_MAX=600
LIMIT=$BUILD_LIMIT

cd "$ROOT" || exit 1

# Files that git tracks or would track; a listed file may have been deleted.
sources()
{
	local file

	git ls-files -co --exclude-standard -- "$@" | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

mapfile -t c_files < <(sources '*.c' '*.h')
mapfile -t code_files < <(sources '*.c' '*.h' '*.S' '*.ld' '*.sh' '*.mk' Makefile '*/Makefile')
mapfile -t preprocessed < <(sources '*.c' '*.h' '*.S' '*.ld')
# By their names or first lines; shellcheck does not know zsh and fish.
mapfile -t scripts < <(sources | xargs awk '
	FNR == 1 { if (FILENAME ~ /\.(sh|bash)$/ || /^#! ?\/.*[\/ ](ba|da)?sh( |$)/) print FILENAME; nextfile }')

if [ ${#c_files[@]} -eq 0 ]; then
	fail "sources" "git lists none: lint works in a checkout"
	finish
fi

# none NAME REASON: passes when stdin is empty, otherwise prints it.
none()
{
	cat >"$OUT"
	: >"$ERR"
	last_command=(lint "$1")
	status=$(wc -l <"$OUT")
	if [ "$status" -eq 0 ]; then
		pass "$1"
	else
		fail "$1" "$2:"
	fi
}

# Includes that break the direction include <- pagemeta <- {guest, vmm} <- tests. The included file is the one beside
# its includer, otherwise the one in the build's search path. The remaining sides, where the compiler does not search,
# come last, to name a file that must not be used. A file found nowhere is the system's. Guest and host have their own
# versions of the platform headers; pagemeta sees either.
wrong_includes()
{
	{
		sources | sed 's/$/ :/'
		grep -H '^ *# *include' "${preprocessed[@]}" |
			sed -nE 's/^([^:]*): *# *include +["<]([^">]*)[">].*/\1 \2/p' |
			grep -v ' pagemeta_\(platform\|tracing\|rcu\).h$'
	} | awk '
		function may_include(from, to) {
			return to == "include" || from == to || from == "tests" || from == "scripts" && to == "vmm" ||
				to == "pagemeta" && (from == "guest" || from == "vmm")
		}
		# Removes DIR/.. from the path.
		function plain(path) {
			while (sub(/[^\/.][^\/]*\/\.\.\//, "", path)) ;
			return path
		}
		$2 == ":" { exists[$1] = 1; next }
		{
			folder = $1; sub(/\/[^\/]*$/, "", folder)
			side = $1; sub(/\/.*/, "", side)
			places = split(folder "/|" "|include/|" side "/|" side "/platform/|guest/|vmm/|tests/", place, "|")
			for (i = 1; i <= places; i++) {
				target = plain(place[i] $2)
				if (!(target in exists)) continue
				other = target; sub(/\/.*/, "", other)
				if (!may_include(side, other)) print $1 " includes " target
				break
			}
		}'
}

# includes FOLDER: its files' includes of other files of it, as lines "INCLUDER INCLUDED".
includes()
{
	sources "$1/*.[ch]" | xargs grep -H '^ *# *include' |
		sed -nE "s/^([^:]*): *# *include +[\"<]([^\">]*)[\">].*/\\1 $1\\/\\2/p" |
		while read -r from to; do
			[ ! -f "$to" ] || echo "$from $to"
		done
}

# Names that only the kind with this ABI, and code that writes slots for memory management, may use: see
# vmm/kind/README.md.
KIND_ABI='pagevisor/(slot|info|allocator|trace|symbols|type|segment|mailbox|list_link|kernel_table)\.h|pagemeta/'
KIND_NAMES='struct (meta_slot|guest_info|guest_view|type_descriptor|type_view|cpu_counters|allocator_descriptor|trace_ring|trace_entry|symbol_table)|enum ref_class|REF_CLASS_|slot_state_'
KIND_PLACES='^vmm/(kind/pagevisor|manage|platform)/'

kind_leaks()
{
	local folder kind

	sources 'vmm/*.[ch]' | grep -vE "$KIND_PLACES" | xargs grep -nE \
		"^ *# *include +[\"<]($KIND_ABI)|\\b($KIND_NAMES)\\b"
	# A kind's folder is its own; the table of kinds alone knows them all.
	for folder in vmm/kind/*/; do
		kind=$(basename "$folder")
		[ "$kind" != fields ] || continue
		sources 'vmm/*.[ch]' | grep -vE "^vmm/kind/($kind/|registry_table\.c)" |
			xargs grep -n "^ *# *include \"kind/$kind/"
	done
}

# JSON that does not come from base/json.h, which keeps the rules of docs/json.md. What speaks to QEMU has other rules.
raw_json()
{
	sources 'vmm/*.[ch]' | grep -vE '^vmm/(base/json\.[ch]|(qmp|machine|source)/.*)$' | xargs grep -nE \
		'json_object_new_(u?int|u?int64|double|double_s|boolean|string|string_len|null)\b|json_object_(object_add|to_json_string)'
}

# What the library includes beside its own files, headers that every compiler brings, its platform's, and those of
# include/ that its guide lists.
library_includes()
{
	local own

	own=$(grep -oE 'include/pagevisor/[a-z_]+\.h' pagemeta/PORTING.md | sort -u | sed 's|include/||' | paste -sd '|')
	sources 'pagemeta/*.[ch]' | xargs grep -nE '^ *# *include +<' |
		grep -vE "<(stdbool|stddef|stdint|pagemeta_(platform|tracing|rcu)|${own//.h/})\.h>"
}

# Code for one kind of machine, outside of the trace.
library_machine_code()
{
	sources 'pagemeta/*.[ch]' | grep -vE '/(trace|static_branch)\.[ch]$' |
		xargs grep -nE '__builtin_(ia32|arm|aarch64|riscv)_|\b(__)?asm(__)?\b|intrin\.h|__(x86_64|aarch64|riscv)\b'
}

without_licence()
{
	local file

	for file in "$@"; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MPL-2.0' || echo "$file"
	done
}

# The comment below the licence line says what the file is for.
without_header_comment()
{
	local file

	for file in "${c_files[@]}"; do
		sed -n 2p "$file" | grep -q '^/\*' || echo "$file"
	done
}

not_formatted()
{
	printf '%s\n' "${c_files[@]}" | xargs -P "$(nproc)" -n 20 clang-format --dry-run -Werror 2>&1 |
		sed -n 's/^\([^:]*\):[0-9]*:.*error:.*/\1/p' | sort -u
}

too_long()
{
	wc -l "$@" | awk -v max="$LINES_MAX" '$2 != "total" && $1 > max { print $2 ": " $1 " lines" }'
}

test_sources()
{
	not_formatted | none "clang-format" "make format changes it"
	wrong_includes | none "include directions" "an include that goes the wrong way"
	awk -f tests/rooms.awk vmm/README.md <(includes vmm && includes pagemeta) |
		none "rooms of vmm, circles" "an include that climbs, or closes a circle"
	kind_leaks | none "kinds of guests" "what only vmm/kind/pagevisor may know"
	raw_json | none "JSON has its types from base/json.h" "JSON made by hand"
	library_includes | none "the library includes nothing of the host" "a header that no platform needs to have"
	library_machine_code | none "the library runs on any machine" "code for one"
	without_licence "${code_files[@]}" | none "licence lines" "no SPDX line in the first three"
	without_header_comment | none "header comments" "no comment below the licence line"
	too_long "${code_files[@]}" | none "no file past $LINES_MAX lines" "too long"
	grep -nE 'CLOCK_REALTIME|pthread_timedjoin_np|sem_timedwait|mutex_timedlock|gettimeofday\(' vmm/*/*.c vmm/*/*/*.c |
		none "waits on the monotonic clock" "the wall clock"
	grep -nE '[ 	]+$' "${code_files[@]}" | none "no trailing white space" "white space at the end"
	expect "each header compiles alone" 0 -- tests/compile_fail.sh tests
	expect "shellcheck" 0 -- shellcheck "${scripts[@]}"
}

# Works in a copy of the files that git tracks or would track, so a file that the build needs but git ignores is missing
# here.
copy_sources()
{
	local tree=$WORK/$1 file

	sources | while read -r file; do
		install -D "$file" "$tree/$file"
	done
}

# build NAME VARIABLE...: from scratch, warnings as errors. Started by make lint, whose variables and jobs are not for
# this make.
build()
{
	local name=$1

	shift
	copy_sources "$name"
	expect "build with $name, warnings are errors" 0 -- env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		make -C "$WORK/$name" --no-print-directory -j2 -k all WERROR=1 "$@"
}

test_builds()
{
	build gcc
	if command -v clang >/dev/null; then
		# Clang's own assembler lacks some features that the test guests and the boot code use.
		build clang CC="clang -fno-integrated-as"
	else
		skip "build with clang" "no clang here"
	fi
}

test_sources
test_builds
finish
