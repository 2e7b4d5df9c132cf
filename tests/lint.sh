#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# What can be said about the sources without running them: format, include directions, licence lines,
# lengths, scripts, and a build from nothing with warnings as errors. Usage: lint.sh
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh" "$(dirname "$0")"

LINES_MAX=600
LIMIT=300

cd "$ROOT" || exit 1

# What git has or would have; a file may be listed that is already gone.
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
mapfile -t scripts < <(sources '*.sh')

if [ ${#c_files[@]} -eq 0 ]; then
	fail "sources" "git lists none: lint works in a checkout"
	finish
fi

# none NAME REASON: passes when stdin is empty, else shows it.
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

# The file that an include means: beside its includer, else as the build searches; nothing for the
# system's. Looks on the other side last, where the compiler does not, to name what should not be used.
resolve()
{
	local from=$1 name=$2 side=${1%%/*} place

	for place in "$(dirname "$from")" . include "$side" "$side/platform" guest vmm tests; do
		if [ -e "$place/$name" ]; then
			realpath --relative-to=. "$place/$name"
			return
		fi
	done
}

# may_include FOLDER FOLDER: include <- pagemeta <- {guest, vmm} <- tests.
may_include()
{
	case $1:$2 in
	*:include | pagemeta:pagemeta | guest:pagemeta | guest:guest | vmm:pagemeta | vmm:vmm) ;;
	scripts:vmm | tests:*) ;;
	*) return 1 ;;
	esac
}

# Of the platform's header each side has its own, and pagemeta has either.
wrong_includes()
{
	local file name target

	grep -H '^ *# *include' "${preprocessed[@]}" |
		sed -nE 's/^([^:]*): *# *include +["<]([^">]*)[">].*/\1 \2/p' |
		grep -v ' pagemeta_\(platform\|tracing\).h$' |
		while read -r file name; do
			target=$(resolve "$file" "$name")
			[ -z "$target" ] || may_include "${file%%/*}" "${target%%/*}" ||
				echo "$file includes $target"
		done
}

without_licence()
{
	local file

	for file in "$@"; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MPL-2.0' || echo "$file"
	done
}

# Below the licence line a comment says what the file is for.
without_header_comment()
{
	local file

	for file in "${c_files[@]}"; do
		sed -n 2p "$file" | grep -q '^/\*' || echo "$file"
	done
}

not_formatted()
{
	local file

	for file in "${c_files[@]}"; do
		clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || echo "$file"
	done
}

too_long()
{
	wc -l "$@" | awk -v max="$LINES_MAX" '$2 != "total" && $1 > max { print $2 ": " $1 " lines" }'
}

test_sources()
{
	not_formatted | none "clang-format" "make format changes it"
	wrong_includes | none "include directions" "an include that goes the wrong way"
	without_licence "${code_files[@]}" | none "licence lines" "no SPDX line in the first three"
	without_header_comment | none "header comments" "no comment below the licence line"
	too_long "${code_files[@]}" | none "no file past $LINES_MAX lines" "too long"
	grep -nE '[ 	]+$' "${code_files[@]}" | none "no trailing white space" "white space at the end"
	expect "each header compiles alone" 0 -- tests/compile_fail.sh tests
	expect "shellcheck" 0 -- shellcheck "${scripts[@]}"
}

# In a copy of what git has or would have: what the build needs and git ignores is missed here.
copy_tree()
{
	local tree=$WORK/$1 file

	sources | while read -r file; do
		install -D "$file" "$tree/$file"
	done
}

# build NAME VARIABLE...: from nothing, warnings as errors. Started by make lint, whose variables and
# jobs are not for the make in here.
build()
{
	local name=$1

	shift
	copy_tree "$name"
	expect "build with $name, warnings are errors" 0 -- env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		make -C "$WORK/$name" --no-print-directory -j2 -k all WERROR=1 "$@"
}

test_builds()
{
	build gcc
	if command -v clang >/dev/null; then
		# Its own assembler does not know all that the test guests and the boot code use.
		build clang CC="clang -fno-integrated-as"
	else
		skip "build with clang" "no clang here"
	fi
}

test_sources
test_builds
finish
