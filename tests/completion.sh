#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Completion: subcommands, options, their values, VMs and files; as bash's function is called by readline, and by the Tab
# key of bash, zsh and fish on a terminal (of tmux). Usage: completion.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=../docs/completion/pagevisor.bash
. "$ROOT/docs/completion/pagevisor.bash"

SOCKET=$WORK/tmux
STAGE=$WORK/stage

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
	offers "of no command, an option" "pagevisor --" --help --version
	for name in "${names[@]}"; do
		# shellcheck disable=SC2046 # words
		offers "all options of $name" "pagevisor $name --" $(long_options "$name")
	done
}

test_values()
{
	offers "one option" "pagevisor run --work" --workload=
	offers "an option after others" "pagevisor run -c 2 --memory=1G --ti" --time= --timeout=
	offers "alternatives" "pagevisor map --by " type state refs resident migratetype
	offers "after =" "pagevisor map --by=st" state
	offers "after the letter" "pagevisor map -b r" refs resident
	offers "breakdowns of top" "pagevisor top --by p" process pageblock
	offers "after letters" "pagevisor find -cn "
	offers "after the letter's value" "pagevisor map -bstate --by " type state refs resident migratetype
	offers "after --, no options" "pagevisor stress -- --"
	offers "a value that nobody knows" "pagevisor run --seed "
	# shellcheck disable=SC2046 # words
	offers "workloads" "pagevisor run --workload " \
		$(sed -nE 's/^WORKLOAD\(([a-z0-9_]+),.*/\1/p' "$ROOT"/guest/*/*.c)
	offers "one workload" "pagevisor run -w to" torn
	offers "a scenario" "pagevisor stress mix sho" shortage
	offers "a scenario of the host" "pagevisor stress mix rec" reclaim
	offers "an option of the guest" "pagevisor run --append ling" linger=
	# shellcheck disable=SC2046 # words
	offers "the words that it takes" "pagevisor run --workload fault --append fault=" \
		$(sed -nE 's/^OPTION_WORD_OF\(fault, ([a-z_]+),.*/\1/p' "$ROOT"/guest/*/*.c)
	offers "after =" "pagevisor run --append=fault=page" page_fault
	offers "the next one of several" 'pagevisor run --append fault=hang\ fault=doub' double_put
	offers "a number of the guest's" "pagevisor run --append linger="
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
	offers "an expression first" "pagevisor find o"
	offers "after an expression" "pagevisor find 'type == anon' o" one.pvc
	offers "one VM is enough" "pagevisor stat one.pvc t"
	offers "where there is none" "pagevisor ps "
	cd "$ROOT" || exit 1
}

# The installed files have the names that the shells look for, and the command finds the workloads.
test_installed()
{
	LIMIT=$BUILD_LIMIT run_command env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$ROOT" --no-print-directory \
		DESTDIR="$STAGE" PREFIX=/usr install
	PAGEVISOR=$STAGE/usr/bin/pagevisor offers "workloads of what is installed" "pagevisor run -w to" torn
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
	last_command=("the screen of $shell")
	: >"$ERR"
	if within screen_shows "$2"; then
		pass "$shell: $1"
	else
		fail "$shell: $1" "the screen does not come to show this: $2"
	fi
	keys C-u
}

# What each shell needs to find the installed files, as it would in /usr. Prints the command that starts it.
start_of()
{
	local share=$STAGE/usr/share

	mkdir -p "$WORK/$1"
	case $1 in
	bash)
		printf '%s\n' ". '$share/bash-completion/completions/pagevisor'" "PS1='> '" >"$WORK/bash/rc"
		echo "bash --noprofile --rcfile '$WORK/bash/rc' -i"
		;;
	zsh)
		# shellcheck disable=SC2016 # for zsh
		printf '%s\n' "fpath=('$share/zsh/site-functions' \$fpath)" "autoload -U compinit" "compinit -u -D" \
			"PS1='> '" 'bindkey -e' >"$WORK/zsh/.zshrc"
		echo "env ZDOTDIR='$WORK/zsh' zsh -d -i"
		;;
	fish)
		echo "env XDG_DATA_DIRS='$share:/usr/share' HOME='$WORK/fish' XDG_CONFIG_HOME='$WORK/fish'" \
			"fish --private -C 'function fish_prompt; echo \"> \"; end; set -g fish_autosuggestion_enabled 0; set -g fish_greeting'"
		;;
	esac
}

test_terminal()
{
	local shell=$1

	if ! command -v tmux "$shell" >/dev/null; then
		skip "the Tab key of $shell" "no tmux, or no $shell, here"
		return
	fi
	tmux -S "$SOCKET" -f /dev/null new-session -d -x 100 -y 30 -c "$WORK/files" \
		"exec env PATH='$STAGE/usr/bin:$PATH' LC_ALL=C.UTF-8 $(start_of "$shell")"
	# Keys that come before the prompt would be echoed beside it.
	within screen_shows '^> *$'
	keys "pagevisor wat" Tab x
	becomes "Tab completes a command" '^> pagevisor watch x'
	keys "pagevisor map --by=st" Tab x
	becomes "a value after =" '^> pagevisor map --by=state x'
	keys "pagevisor map --by ref" Tab x
	becomes "a value" '^> pagevisor map --by refs x'
	keys "pagevisor run --work" Tab to Tab x
	becomes "an option, then its value" '^> pagevisor run --workload=torn x'
	keys "pagevisor run --kernel=k" Tab x
	becomes "a file after =" '^> pagevisor run --kernel=kernel.elf x'
	keys "pagevisor diff on" Tab tw Tab x
	becomes "files" '^> pagevisor diff one.pvc two.pvc x'
	keys "pagevisor find 'type == anon' tw" Tab x
	becomes "after quotes" "^> pagevisor find 'type == anon' two.pvc x"
	tmux -S "$SOCKET" kill-server
}

# Domains may be called anything. ps --names lists them by the files that libvirt keeps while they run.
test_domains()
{
	local run=$XDG_RUNTIME_DIR/libvirt/qemu/run session=libvirt:qemu:///session#
	local -x LC_ALL=C.UTF-8

	mkdir -p "$run"
	# shellcheck disable=SC1083,SC2016 # names, not to be expanded
	touch "$run"/{'a b ä','x$(id)','"quoted"',"it's",$'hidden\a'}.xml
	mkdir "$WORK/domains"
	cd "$WORK/domains" || exit 1
	touch 'a capture.pvc'
	COMP_WORDBREAKS=' ='
	offers "all domains" "pagevisor stat lib" "$session"{'a\ b\ ä','x\$\(id\)','\"quoted\"',"it\\'s"}
	offers "a name with spaces" "pagevisor stat ${session}a\\ b" "${session}a\\ b\\ ä"
	offers "in double quotes" "pagevisor stat \"${session}a b" "${session}a b ä"
	offers "in double quotes, what the shell would obey" "pagevisor stat \"${session}x" "${session}x\\\$(id)"
	offers "in single quotes" "pagevisor stat '${session}x" "${session}x\$(id)"
	offers "in single quotes, a name with one" "pagevisor stat '${session}it"
	COMP_WORDBREAKS=' =:' offers "after colons" "pagevisor stat ${session}a" '///session#a\ b\ ä'
	offers "a capture with a space" "pagevisor stat a" 'a\ capture.pvc'
	offers "a file with a space" "pagevisor run --kernel a\\ c" "a capture.pvc"
	cd "$ROOT" || exit 1
	rm -r "$XDG_RUNTIME_DIR/libvirt"
	# Where libvirt keeps them when there is no such directory.
	mkdir -p "$WORK/.cache/libvirt/qemu/run"
	touch "$WORK/.cache/libvirt/qemu/run/homely.xml"
	expect "without XDG_RUNTIME_DIR" 0 "out:^${session}homely" -- \
		env -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME HOME="$WORK" "$PAGEVISOR" ps --names
}

# Processes that are called as QEMUs are. ps --names does not ask what they are.
test_qemus()
{
	local i pids=() wanted=() fake=$WORK/qemu-system-x86_64
	local -x PAGEVISOR_LIST=qemu

	cp "$(command -v bash)" "$fake"
	mkfifo "$WORK/forever"
	exec 8<>"$WORK/forever"
	for ((i = 0; i < 200; i++)); do
		"$fake" -c 'read -r <&8' qemu -name "many-$$-$i" &
		pids+=($!)
		wanted+=("many-$$-$i")
	done
	within test -e "/proc/${pids[199]}/exe"
	offers "QEMUs by their names" "pagevisor stat many-$$-" "${wanted[@]}"
	COMP_WORDBREAKS=' =' complete_line "pagevisor stat qemu:"
	check "QEMUs by their processes" [ "$(printf 'qemu:%s\n' "${pids[@]}" | sort | comm -23 - "$OUT" | wc -l)" -eq 0 ]
	count_calls "${pids[@]}"
	offers "but none to stop" "pagevisor stop many-$$-"
	offers "nor by its process" "pagevisor stop qemu:"
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
	exec 8>&-
}

# count_calls PID...: of completion, while these QEMUs run: two files of each are read, and no process is asked.
count_calls()
{
	local calls=$WORK/calls processes=(/proc/[0-9]*) pattern

	if is_sanitized || ! command -v strace >/dev/null || ! strace -o /dev/null true 2>"$ERR"; then
		skip "what completion asks for" "no strace here that may trace"
		return
	fi
	pattern=$(IFS='|' && echo "$*")
	expect "completion under strace" 0 "out:^many-$$-199" -- strace -f -qq -o "$calls" "$PAGEVISOR" complete stat "many-$$-"
	check "it reads two files of each QEMU" [ "$(grep -cE "openat\\([0-9]+, \"($pattern)/" "$calls")" -eq $((2 * $#)) ]
	check "it makes a few calls for each process" [ "$(wc -l <"$calls")" -le $((12 * ${#processes[@]} + 1000)) ]
	check "it asks no process" [ "$(grep -cE '(connect|ptrace|process_vm_readv|sendto|sendmsg)\(' "$calls")" -eq 0 ]
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
	offers "a VM to stop" "pagevisor stop d" demo-1.a
	offers "a VM after an option" "pagevisor top --interval 1 " demo-1.a
	COMP_WORDBREAKS=' =:' offers "its process" "pagevisor stat pid:" "$running_pid"
	COMP_WORDBREAKS=' =' offers "without colons" "pagevisor stat pid:" "pid:$running_pid"
	# Nobody is asked: a VM that does not answer is offered like any other.
	kill -STOP "$running_pid"
	PAGEVISOR_TIMEOUT=100000 offers "a VM that does not answer" "pagevisor stat d" demo-1.a
	kill -KILL "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
	offers "no VM that is dead" "pagevisor stat d"
}

test_commands
test_values
test_files
test_installed
test_terminal bash
test_terminal zsh
test_terminal fish
test_domains
test_qemus
need_vm "completion of VMs"
test_vms
finish
