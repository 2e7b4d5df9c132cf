# SPDX-License-Identifier: MPL-2.0
#
# Checks the includes of vmm/ against the table of rooms in vmm/README.md, and that no includes of vmm/ or pagemeta/ close
# a circle. Input: the table's file, then lines "INCLUDER INCLUDED" of files that exist, both with paths from the top.
# Prints a line for each violation; nothing when there is none. Rows of the table are | `room/` | contents | rooms that it knows |, from the bottom up.

function room_of(path, parts)
{
	split(path, parts, "/")
	return parts[1] == "vmm" && parts[2] !~ /\./ ? parts[2] : ""
}

# A source and its header are one module.
function module_of(path)
{
	sub(/\.[ch]$/, "", path)
	return path
}

function names_of(text)
{
	gsub(/[`\/]/, "", text)
	gsub(/[ \t]*,[ \t]*/, " ", text)
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	return text
}

function add_edge(a, b)
{
	a = module_of($1)
	b = module_of($2)
	if (a != b && !((a, b) in edge)) {
		edge[a, b] = $1 " includes " $2
		next_of[a] = next_of[a] " " b
		all[a] = 1
	}
}

# A row of the table. A room may include itself, the rooms that it knows, and whatever those may include.
function add_room(row, cell, known, count, i, other)
{
	split(row, cell, "|")
	name = names_of(cell[2])
	known = names_of(cell[4])
	rank[name] = ++rooms
	may[name, name] = 1
	allowed[name] = name "/"
	if (known == "all")
		known = order
	count = split(known, list, " ")
	for (i = 1; i <= count; i++) {
		if (!(list[i] in rank) || list[i] == name) {
			print "vmm/README.md: " name "/ is to know " list[i] "/, which does not stand below it in the table"
			continue
		}
		for (other in rank)
			if ((list[i], other) in may && !((name, other) in may)) {
				may[name, other] = 1
				allowed[name] = allowed[name] " " other "/"
			}
	}
	order = order " " name
}

FNR == 1 { file++ }
file == 1 && /^\| `[a-z]+\/` \|.*\|.*\|$/ { add_room($0) }
file == 1 { next }

$1 ~ /^pagemeta\// && $2 ~ /^pagemeta\// { add_edge() }

{
	from = room_of($1)
	to = room_of($2)
	if (from == "" || to == "")
		next
	if (!(from in rank) || !(to in rank)) {
		stranger = from in rank ? to : from
		if (!named[stranger]++)
			print "vmm/" stranger "/ is not in the table of vmm/README.md"
		next
	}
	if (!((from, to) in may)) {
		print $1 " includes " $2 ": " from "/ may include " allowed[from] " and what lies below them; move what both need down, or have the caller hand it in"
		next
	}
	add_edge()
}

# Depth first; `path` holds the modules on the way. True when a cycle was found and printed.
function visit(module, path, count, targets, i, at, step, circle, n)
{
	state[module] = 1
	path = path " " module
	count = split(next_of[module], targets, " ")
	for (i = 1; i <= count; i++) {
		if (state[targets[i]] == 2)
			continue
		if (state[targets[i]] == 1) {
			n = split(path, circle, " ")
			for (at = 1; circle[at] != targets[i]; at++)
				;
			printf "a circle:"
			for (; at < n; at++)
				printf " %s;", edge[circle[at], circle[at + 1]]
			print " " edge[module, targets[i]] ": an interface knows none of its implementations, and whoever knows them all is a file of its own above them"
			return 1
		}
		if (visit(targets[i], path))
			return 1
	}
	state[module] = 2
	return 0
}

END {
	if (!rooms)
		print "vmm/README.md has no table of rooms"
	for (module in all)
		if (!state[module] && visit(module, ""))
			break
}
