# SPDX-License-Identifier: MPL-2.0
# Lists the blocks of commands of a document, a record on each line, with tabs: KIND LINE TEXT. KIND is "run" (TEXT: what
# the host has to have), "shown" (TEXT: why), "command", "output" (a line of it), "file" (TEXT: its name),
# "content" (a line of it), "unmarked", "indented".

function record(kind, line, text) { printf "%s\t%d\t%s\n", kind, line, text }

/^<!-- (run|shown|file)[: ]/ && !inside {
	mark = $0
	sub(/^<!-- /, "", mark)
	sub(/ -->$/, "", mark)
	next
}

/^<!-- example: / && !inside { example = 1; next }

/^```/ && inside { inside = running = filling = 0; mark = ""; next }

filling { record("content", NR, $0); next }

/^```/ {
	inside = 1
	if (example)
		example = 0
	else if (mark ~ /^shown: ./)
		record("shown", NR, substr(mark, 8))
	else if (mark ~ /^file: ./) {
		filling = 1
		record("file", NR, substr(mark, 7))
	} else if (mark ~ /^run/) {
		running = 1
		record("run", NR, substr(mark, 6))
	} else
		record("unmarked", NR, "")
	next
}

!inside && /^(    |\t)\$ / { record("indented", NR, "") }

running && continued {
	continued = /\\$/
	sub(/\\$/, "")
	command = command " " $0
	if (!continued)
		record("command", first, command)
	next
}

running && /^\$ / {
	first = NR
	command = substr($0, 3)
	continued = sub(/\\$/, "", command)
	if (!continued)
		record("command", NR, command)
	next
}

running { record("output", NR, $0) }
