# SPDX-License-Identifier: MPL-2.0
#
# Collects the verdicts of all benchmarks into one table: verdict.h has the format of their rows. The input is the output of
# all.sh, whose lines `== SECTION` say which benchmark follows; a line `-- TABLE ...` is the heading of rows, and so is a
# line with `, medians of`.

function keep(group, text)
{
	lines[group] = lines[group] "  " section (table != "" ? ", " table : "") ": " text "\n"
	count[group]++
}

# The name of a row: all before the first two spaces.
function name_of(line)
{
	sub(/^ +/, "", line)
	sub(/  .*/, "", line)
	return line
}

function print_group(group, title)
{
	if (count[group])
		printf "%s\n%s", title, lines[group]
}

BEGIN {
	tail = " -?[0-9.]+ \\[-?[0-9.]+, -?[0-9.]+\\] [<>]=[0-9.]+ (met|MISSED|not settled)$"
}

/^== / { section = substr($0, 4); sub(/:.*/, "", section); table = ""; next }
/^-- / { table = name_of(substr($0, 4)); next }
/, medians of/ { table = $0; sub(/, medians of.*/, "", table); next }
/: not tried here: / { sub(/: not tried here: /, " (", $0); keep("not tried", name_of($0) ")"); next }
/: failed: / { sub(/: failed: /, " (", $0); keep("failed", $0 ")"); next }

$0 ~ tail {
	match($0, tail)
	figures = substr($0, RSTART + 1)
	group = figures ~ / met$/ ? "met" : figures ~ / MISSED$/ ? "missed" : "not settled"
	sub(/ (met|MISSED|not settled)$/, "", figures)
	keep(group, name_of($0) "  " figures)
}

END {
	print_group("met", "met")
	print_group("missed", "missed")
	print_group("not settled", "not settled: the interval spans the bar")
	print_group("not tried", "not tried here")
	print_group("failed", "failed")
	printf "%d met, %d missed, %d not settled, %d not tried here, %d failed\n", count["met"], count["missed"],
		count["not settled"], count["not tried"], count["failed"]
}
