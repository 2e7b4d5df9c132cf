#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The example of docs/own-type.md: it is short, it builds as printed, it runs, and the host sees its type. Usage:
# own_type.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

DOCUMENT=$ROOT/docs/own-type.md
EXAMPLE=guest/workload/hello.c
LINES_MAX=30
TREE=$WORK/tree

# The fenced block that follows the marker.
extract()
{
	awk -v marker="<!-- example: $EXAMPLE -->" '
		$0 == marker { found = 1; next }
		found && /^```/ { if (inside) exit; inside = 1; next }
		inside { print }
	' "$DOCUMENT"
}

is_short()
{
	local lines

	lines=$(wc -l <"$WORK/example.c")
	[ "$lines" -ge 1 ] && [ "$lines" -le "$LINES_MAX" ]
}

# Started by make test, whose variables and jobs are not for this make.
BUILD_EXAMPLE=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$TREE" --no-print-directory -j2
	all WERROR=1)

# The types that the example declares, one on each line.
types()
{
	sed -n 's/^META_TYPE\(_OF\)\?(\([a-z0-9_]*\).*/\2/p' "$WORK/example.c"
}

test_run()
{
	local problem patterns=() type

	problem=$(vm_problem)
	if [ -n "$problem" ]; then
		skip "the example runs" "$problem"
		return
	fi
	for type in $(types); do
		patterns+=("out:\"$type\":[1-9]")
	done
	expect "the example runs, and its type is counted" 0 'out:"finding_count":0' \
		"${patterns[@]}" -- "$TREE/build/pagevisor" run --workload hello --ops 1000 --json
}

if [ ! -r "$DOCUMENT" ]; then
	fail "the document has an example" "cannot read $DOCUMENT"
	finish
fi
extract >"$WORK/example.c"
check "the document has an example of at most $LINES_MAX lines" is_short || finish
check "the example declares a type" grep -q '^META_TYPE' "$WORK/example.c" || finish
copy_tree "$TREE"
cp "$WORK/example.c" "$TREE/$EXAMPLE"
LIMIT=$BUILD_LIMIT expect "the example builds" 0 -- "${BUILD_EXAMPLE[@]}" || finish
test_run
finish
