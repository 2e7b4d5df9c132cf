# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
#
# Background processes with names, and VMs among them. A script sources this after lib.sh. When the script ends, it ends
# what it started.

SOCKETS=$XDG_RUNTIME_DIR/pagevisor

# Background processes by the names that start gave them.
declare -A pids=()

kill_all()
{
	[ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	clean_up
}
trap kill_all EXIT

# start NAME COMMAND...: runs it in the background; its output goes to $WORK/NAME.
start()
{
	local name=$1

	shift
	rm -f "$WORK/$name"
	"$@" >"$WORK/$name" 2>&1 </dev/null &
	pids[$name]=$!
}

# stop NAME: kills it at once.
stop()
{
	kill -KILL "${pids[$1]}"
	wait "${pids[$1]}" 2>/dev/null
	unset "pids[$1]"
}

# await NAME: waits until it ends; sets $status, $OUT and $ERR for judge.
# shellcheck disable=SC2034 # judge reads them
await()
{
	last_command=("$1" "in the background")
	status=124
	if within is_over "${pids[$1]}"; then
		status=0
		wait "${pids[$1]}" || status=$?
	fi
	unset "pids[$1]"
	cp "$WORK/$1" "$OUT"
	: >"$ERR"
}

# socket_of NAME: of a VM that start_vm has started.
socket_of()
{
	echo "$SOCKETS/$1.${pids[$1]}.sock"
}

# start_vm NAME OPTION...: starts a VM; returns when its workload runs.
start_vm()
{
	local name=$1

	shift
	start "$name" "$PAGEVISOR" run --name "$name" --memory 64M "$@"
	within has_stage "$name" running || fail "$name starts" "it did not get to running"
}

# end_vm NAME: the VM must end in good order, with no finding.
end_vm()
{
	kill -INT "${pids[$1]}"
	await "$1"
	judge "$1 ends in good order" 0 'ended well' 'findings  none'
}

says_line()
{
	grep -q "$2" "$WORK/$1"
}

# await_line NAME PATTERN: whether a background command prints a matching line before the time is up.
await_line()
{
	within says_line "$1" "$2"
}
