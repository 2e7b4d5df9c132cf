# SPDX-License-Identifier: MPL-2.0
# Usage: shape.awk WANTED OUTPUT. Each line of WANTED has to occur in OUTPUT, in this order, but for numbers, sizes, times,
# addresses, bars and pictures; without a line "..." between them, nothing may lie between two lines. Says what is missing.

# A number and its unit are one word, whatever the unit: 5.44 k is 5440, and 1.2 ms may have been 800 us.
function shape(text,    words, nouns, count, i, result) {
	gsub(/0x[0-9a-f]+/, "ADDRESS", text)
	gsub(/[0-9]+(\.[0-9]+)?/, "#", text)
	gsub(/-#/, "#", text)
	# One of a thing is as good as several.
	count = split("reference generation look check change event round", nouns, " ")
	for (i = 1; i <= count; i++)
		gsub(nouns[i] "s", nouns[i], text)
	# A frame may be busy at any moment.
	gsub(/ # busy,/, "", text)
	# A machine of QEMU has holes below 1 MiB, ours has none.
	sub(/# of RAM, # holes and devices:/, "#:", text)
	# A row of a map.
	sub(/ [^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ][^ ]+$/, " MAP", text)
	count = split(text, words, " ")
	result = ""
	for (i = 1; i <= count; i++) {
		if (words[i] == "-")
			words[i] = "#"
		if (words[i] ~ /^\+?#$/ && words[i + 1] ~ /^([kMGT](\/s)?|([KMGT]i)?B|bytes|ns|us|ms|s|min|h)[,;)]?$/) {
			words[i + 1] = unit_shape(words[i + 1])
			words[i] = ""
		}
		if (words[i] != "")
			result = result " " words[i]
	}
	return substr(result, 2)
}

# "k," is a number with a comma, "k/s" a rate, "ms" a time.
function unit_shape(unit,    tail) {
	tail = ""
	if (unit ~ /[,;)]$/) {
		tail = substr(unit, length(unit))
		unit = substr(unit, 1, length(unit) - 1)
	}
	if (unit ~ /^[kMGT]$/)
		return "#" tail
	if (unit ~ /\/s$/)
		return "#/s" tail
	return (unit ~ /s$|min|h/ && unit != "bytes" ? "TIME" : "SIZE") tail
}

$1 == "hole" { next }

FNR == NR { wanted[++count] = $0; next }

{ output[++lines] = shape($0) }

END {
	gap = 0
	at = 1
	for (i = 1; i <= count; i++) {
		if (wanted[i] == "...") {
			gap = 1
			continue
		}
		text = shape(wanted[i])
		while (at <= lines && output[at] != text && gap)
			at++
		if (at > lines || output[at] != text) {
			printf "not there: %s\ninstead:   %s\n", text, at <= lines ? output[at] : "the end"
			exit 1
		}
		at++
		gap = 0
	}
	if (at <= lines && !gap && count) {
		printf "more than was wanted: %s\n", output[at]
		exit 1
	}
}
