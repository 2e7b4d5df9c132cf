#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Bash completion: subcommands, options, their values, VMs and files; called as readline does, and by the Tab key of a
# shell on a terminal (of tmux). Usage: completion.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=../docs/pagevisor.bash
. "$ROOT/docs/pagevisor.bash"

SOCKET=$WORK/tmux

end_all()
{
	tmux -S "$SOCKET" kill-server 2>/dev/null
	clean_up
}
trap end_all EXIT

# complete_line LINE: writes the completions at the end of LINE to $OUT, one on each line.
complete_line()
{
	COMPREPLY=()
	COMP_LINE=$1
	COMP_POINT=${#1}
	last_command=(complete "$1")
	status=0
	_pagevisor "$PAGEVISOR" >"$WORK/noise" 2>"$ERR"
	cat "$WORK/noise" >>"$ERR"
	printf '%s\n' "${COMPREPLY[@]}" | grep . | sort >"$OUT"
}

# offers NAME LINE CANDIDATE...: exactly these must be offered, and nothing printed.
offers()
{
	local name=$1 line=$2

	shift 2
	complete_line "$line"
	check "$name" [ "$(cat "$OUT"; cat "$ERR")" = "$(printf '%s\n' "$@" | grep . | sort)" ]
}

commands()
{
	"$PAGEVISOR" help | sed -nE 's/^  ([a-z][a-z0-9-]*) .*/\1/p'
}

# long_options COMMAND: those in its help, with = where they take a value.
long_options()
{
	"$PAGEVISOR" "$1" --help | sed -nE 's/^ {2,6}(-., )?(--[a-z0-9-]+=?).*/\2/p'
}

test_commands()
{
	local name

	mapfile -t names < <(commands)
	check "there are commands" [ ${#names[@]} -ge 10 ]
	offers "all commands" "pagevisor " "${names[@]}"
	offers "one command" "pagevisor wat" watch
	# shellcheck disable=SC2046 # words
	offers "several" "pagevisor s" $(commands | grep "^s")
	offers "none" "pagevisor nothing"
	offers "of help" "pagevisor help wat" watch
	offers "of no command" "pagevisor nothing --"
	for name in "${names[@]}"; do
		case $name in help | version) continue ;; esac
		# shellcheck disable=SC2046 # words
		offers "all options of $name" "pagevisor $name --" $(long_options "$name")
	done
}

test_values()
{
	offers "one option" "pagevisor run --work" --workload=
	offers "an option after others" "pagevisor run -c 2 --memory=1G --ti" --time= --timeout=
	offers "alternatives" "pagevisor map --by " type state refs
	offers "after =" "pagevisor map --by=st" state
	offers "after the letter" "pagevisor map -b r" refs
	offers "a value that nobody knows" "pagevisor run --seed "
	# shellcheck disable=SC2046 # words
	offers "workloads" "pagevisor run --workload " \
		$(sed -nE 's/^WORKLOAD\(([a-z0-9_]+),.*/\1/p' "$ROOT"/guest/*/*.c)
	offers "one workload" "pagevisor run -w to" torn
	offers "a scenario" "pagevisor stress mix sho" shortage
	offers "a planted fault" "pagevisor stress --plant=wrong" wrong_type
}

test_files()
{
	mkdir -p "$WORK/files/folder"
	touch "$WORK/files/"{kernel.elf,one.pvc,two.pvc}
	cd "$WORK/files" || exit 1
	offers "a file of an option" "pagevisor run --kernel k" kernel.elf
	offers "after =" "pagevisor map --png=o" one.pvc
	offers "a file to write" "pagevisor capture " kernel.elf one.pvc two.pvc folder
	touch folder/three.pvc
	offers "captures for VMs" "pagevisor stat " one.pvc two.pvc
	offers "the folder of one" "pagevisor stat fo" folder/
	offers "one in a folder" "pagevisor stat folder/" folder/three.pvc
	offers "the second of two" "pagevisor diff one.pvc tw" two.pvc
	offers "after an expression" "pagevisor find 'type == anon' o" one.pvc
	offers "where there is none" "pagevisor ps "
	cd "$ROOT" || exit 1
}

# The installed file has the name that bash-completion looks for, and finds the workloads.
test_installed()
{
	local stage=$WORK/stage

	LIMIT=$BUILD_LIMIT run_command env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory \
		DESTDIR="$stage" PREFIX=/usr install
	check "it is installed" cmp -s "$stage/usr/share/bash-completion/completions/pagevisor" "$ROOT/docs/pagevisor.bash"
	PAGEVISOR=$stage/usr/bin/pagevisor offers "workloads of what is installed" "pagevisor run -w to" torn
}

keys()
{
	tmux -S "$SOCKET" send-keys "$@"
}

screen_shows()
{
	tmux -S "$SOCKET" capture-pane -p >"$OUT" && grep -Eq -e "$1" "$OUT"
}

# becomes NAME PATTERN: waits until a line of the terminal matches.
becomes()
{
	last_command=("the screen of bash")
	: >"$ERR"
	if within screen_shows "$2"; then
		pass "$1"
	else
		fail "$1" "the screen does not come to show this: $2"
	fi
	keys C-u
}

test_terminal()
{
	if ! command -v tmux >/dev/null; then
		skip "the Tab key" "no tmux here"
		return
	fi
	printf '%s\n' ". '$ROOT/docs/pagevisor.bash'" "PATH=$BUILD:\$PATH" "PS1='> '" >"$WORK/bashrc"
	tmux -S "$SOCKET" -f /dev/null new-session -d -x 100 -y 30 -c "$WORK/files" \
		"exec bash --noprofile --rcfile '$WORK/bashrc' -i"
	# Keys that come before the prompt would be echoed beside it.
	within screen_shows '^> *$'
	keys "pagevisor wat" Tab x
	becomes "Tab completes a command" '^> pagevisor watch x'
	keys "pagevisor map --by=st" Tab x
	becomes "a value after =" '^> pagevisor map --by=state x'
	keys "pagevisor run --work" Tab to Tab x
	becomes "an option, then its value" '^> pagevisor run --workload=torn x'
	keys "pagevisor diff on" Tab tw Tab x
	becomes "files" '^> pagevisor diff one.pvc two.pvc x'
}

start_vm()
{
	"$PAGEVISOR" run --name "$1" --memory 16M --time 0 --quiet >"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within has_stage "$1" running && return
	fail "a VM to name" "it does not run"
	finish
}

test_vms()
{
	mkdir "$WORK/empty"
	cd "$WORK/empty" || exit 1
	start_vm demo-1.a
	offers "a VM" "pagevisor stat d" demo-1.a
	offers "a VM after a frame" "pagevisor watch 0x0 demo" demo-1.a
	offers "a VM after an option" "pagevisor top --interval 1 " demo-1.a
	COMP_WORDBREAKS=' =:' offers "its process" "pagevisor stat pid:" "$running_pid"
	COMP_WORDBREAKS=' =' offers "without colons" "pagevisor stat pid:" "pid:$running_pid"
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
	offers "no VM that is dead" "pagevisor stat d"
}

test_commands
test_values
test_files
test_installed
test_terminal
need_vm "completion of VMs"
test_vms
finish
