# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
#
# How a row with a bar ends, for scripts: see verdict.h.

# median: of the numbers on stdin, one a line.
median()
{
	sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# ratios FILE FILE: the quotients of their lines, turn by turn.
ratios()
{
	paste "$1" "$2" | awk '{ print ($2 > 0 ? $1 / $2 : 0) }'
}

# verdict OPERATOR BAR: of the ratios on stdin. OPERATOR is <= or >=.
verdict()
{
	sort -g | awk -v operator="$1" -v bar="$2" '
		function meets(value) { return operator == "<=" ? value <= bar : value >= bar }
		{ value[NR] = $1 }
		END {
			cut = NR >= 9 ? 2 : 1
			low = value[cut]
			high = value[NR + 1 - cut]
			word = meets(low) != meets(high) ? "not settled" : meets(low) ? "met" : "MISSED"
			printf "%8.3f [%.3f, %.3f] %s%s %s\n", value[int((NR + 1) / 2)], low, high, operator, bar, word
		}'
}

# not_tried NAME WHY
not_tried()
{
	echo "$1: not tried here: $2"
}
