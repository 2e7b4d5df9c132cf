#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# pagevisor top on a terminal (of tmux) over a working guest: what it shows, keys, sizes, and that it always leaves the
# terminal as it was; in a pipe and on unusable terminals. Usage: top.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

SOCKET=$WORK/tmux
: >"$OUT"
: >"$ERR"

tmux_()
{
	tmux -S "$SOCKET" -f /dev/null "$@"
}

end_all()
{
	tmux_ kill-server 2>/dev/null
	clean_up
}
trap end_all EXIT

need_tmux()
{
	command -v tmux >/dev/null && return
	skip "top on a terminal" "no tmux here"
	finish
}

start_vm()
{
	"$PAGEVISOR" run --name shown --memory 64M --time 0 --quiet >"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within has_stage shown running && return
	fail "a guest to look at" "it does not run"
	finish
}

stop_vm()
{
	kill -INT "$running_pid"
	wait "$running_pid" 2>/dev/null
	running_pid=
}

# on_terminal TERM COLUMNS LINES COMMAND...: records its status, and the terminal's settings before and after it.
on_terminal()
{
	local kind=$1 columns=$2 lines=$3

	shift 3
	rm -f "$WORK"/{before,after,status}
	cat >"$WORK/job" <<-EOF
		export TERM=$kind LC_ALL=C.UTF-8
		stty -g >"$WORK/before"
		$*
		echo \$? >"$WORK/status"
		stty -g >"$WORK/after"
		echo "it is over"
		exec sleep 1000
	EOF
	tmux_ new-session -d -x "$columns" -y "$lines" "exec bash '$WORK/job'"
	tmux_ set -g escape-time 0
}

keys()
{
	tmux_ send-keys "$@"
}

# shows PATTERN: whether a line of the screen matches now.
shows()
{
	tmux_ capture-pane -p >"$OUT"
	grep -Eq -e "$1" "$OUT"
}

shows_not()
{
	! shows "$1"
}

# sees NAME PATTERN...: waits until the screen shows all of them.
sees()
{
	local name=$1 pattern

	shift
	last_command=("the screen of top")
	for pattern in "$@"; do
		within shows "$pattern" && continue
		fail "$name" "the screen does not come to show this: $pattern"
		return 1
	done
	pass "$name"
}

# goes NAME PATTERN: waits until it vanishes from the screen.
goes()
{
	last_command=("the screen of top")
	if within shows_not "$2"; then
		pass "$1"
	else
		fail "$1" "the screen goes on to show this: $2"
	fi
}

# ends_plainly NAME STATUS: top has ended with that status, and the terminal is as it was, except for what was written
# on it.
ends_plainly()
{
	local name=$1

	last_command=("the screen of top")
	within test -s "$WORK/after"
	check "$name: exit status $2" [ "$(cat "$WORK/status" 2>/dev/null)" = "$2" ]
	check "$name: the terminal's modes are back" cmp -s "$WORK/before" "$WORK/after"
	check "$name: so are screen and cursor" \
		[ "$(tmux_ display-message -p '#{alternate_on}#{cursor_flag}')" = 01 ]
	sees "$name: the next line is a line of its own" '^it is over$'
	tmux_ kill-session
}

# ends NAME STATUS: the same, on a terminal that can restore its old screen.
ends()
{
	within test -s "$WORK/after"
	last_command=("the screen of top")
	check "$1: its picture has gone" shows_not 'TYPES|scan'
	ends_plainly "$@"
}

# Whether the names in the panel of types are sorted.
are_sorted()
{
	tmux_ capture-pane -p | awk '/^MAP/ { exit } inside && /^..[a-z]/ { print $1 ~ /^.$/ ? $2 : $1 } /^TYPES/ { inside = 1 }' >"$WORK/names"
	[ "$(wc -l <"$WORK/names")" -ge 4 ] && LC_ALL=C sort -c "$WORK/names" 2>/dev/null
}

# The lines of the picture that change from sample to sample.
figures()
{
	tmux_ capture-pane -p | sed -n '1,12p'
}

test_not_a_terminal()
{
	expect "no terminal" 2 'err:^pagevisor: top needs a terminal; use pagevisor stat' -- \
		"$PAGEVISOR" top
	check "no terminal: one line" says_one_line
	expect "--batch 0" 2 'err:--batch 0: expected a number from 1' -- "$PAGEVISOR" top --batch 0
	expect "--json on the screen" 2 'err:--json needs --batch' -- "$PAGEVISOR" top --json
	expect "--interval 0" 2 'err:--interval 0: expected at least 0.05 s' -- "$PAGEVISOR" top --interval 0
	expect "two VMs" 2 'err:one VM is enough' -- "$PAGEVISOR" top one two
	expect "--batch without VMs" 1 'err:no VM is running' -- "$PAGEVISOR" top --batch 1
}

# Each slot in each line of JSON has one state, or was given up.
frames_add_up()
{
	sed -nE 's/.*"tally":\{"total_frames":([0-9]+),.*"by_state":\{"unused":([0-9]+),"busy":([0-9]+),"shared":([0-9]+),"unique":([0-9]+),"host":([0-9]+),"illegal":([0-9]+)[,}].*"given_up":([0-9]+)[,}].*/\1 \2 \3 \4 \5 \6 \7 \8/p' "$OUT" |
		awk '{ lines++; if ($1 != $2 + $3 + $4 + $5 + $6 + $7 + $8) wrong++ } END { exit !lines || wrong }'
}

test_batch()
{
	expect_soon "--batch" 0 'out:^vm        shown, running$' 'out:^rates     steps [1-9]' \
		'out:^          meta_page +256 +\+0$' 'out:^          kernel_page_table +[1-9]' 'out:^references 1: [1-9]' \
		'out:^free      about [1-9][0-9]* frames' 'out:^          depot +[0-9]+$' \
		'out:^          cache of cpu 1 +[0-9]+$' 'out:, 0 given up$' -- "$PAGEVISOR" top --batch 3 --interval 0.1
	check "--batch: as many as were asked for" [ "$(grep -c '^vm ' "$OUT")" -eq 3 ]
	check "--batch: plain text" is_plain_text "$OUT"
	check "--batch: counts end in one column" [ "$(sed -nE 's/^(          ([a-z_]+|blocks of [0-9]+[KMG]|cache of cpu [0-9]+) +[0-9]+)( .*)?$/\1/p' "$OUT" |
		awk '{ print length }' | sort -u | wc -l)" -eq 1 ]
	expect_soon "--batch --json" 0 '!err:.' 'out:^{"schema":1,"record":"sample","at_seconds":.*"stage":"running",.*"given_up":0[},]' \
		'out:"rates":{"steps_per_second":[1-9]' 'out:"tally":{"total_frames":16384,' \
		'out:"by_type":{.*"meta_page":256[,}]' \
		'out:"changes_by_type":{.*"meta_page":0[,}]' \
		'out:"free":{"free_frames":[1-9][0-9]*,"blocks":\[{"block_bytes":4096,"block_count":[0-9]+}' \
		'out:"cached_frames":\[[0-9]+,[0-9]+\]' 'out:"shared_by_references":{"1":[1-9]' -- \
		"$PAGEVISOR" top --batch 3 --json --interval 0.1
	check "--batch --json: a line for each, and the end" line_count "$OUT" 4
	check "--batch --json: rates from the second on" [ "$(grep -c '"rates":' "$OUT")" -eq 2 ]
	check "--batch --json: the frames add up" frames_add_up
	expect_soon "--batch --by class" 0 '!err:.' 'out:^held +[0-9.]+ MiB by the host' 'out:^ +MiB +change +a second  class$' \
		'out:^ +[0-9.]+ +([-+][0-9.]+[KM] +)*meta_page$' 'out:^ +64\.0 .* in all, with [0-9]+ others$' '!out:^references' -- \
		"$PAGEVISOR" top --batch 2 --by class --limit 5 --interval 0.1
	expect_soon "--batch --by class --json" 0 '!err:.' 'out:"breakdown":{"by":"class","took_seconds":[0-9.]+,"growth_seconds":0\.' \
		'out:"name":"meta_page","bytes":1048576,"growth_bytes":0}' 'out:"held_by_host":{"held_frames":[1-9]' -- \
		"$PAGEVISOR" top --batch 2 --by class --json --interval 0.1
	expect "--by what is for Linux" 2 "err:guests of the kind pagevisor have no memory by file: that is for Linux's; all have --by class$" \
		'!out:.' -- "$PAGEVISOR" top --batch 2 --by file
	check "--by what is for Linux: one line" says_one_line
	expect "--batch and a full disk" 1 'err:^pagevisor: cannot write the output' -- \
		sh -c 'exec "$@" >/dev/full' sh "$PAGEVISOR" top --batch 1
}

test_picture()
{
	sees "a title" '^ *pagevisor top  shown  64 MiB, 2 vCPUs, running, .* every 1 s *$'
	sees "types" '^TYPES by count ' '^ +meta_page +256 ' '^ +anon +[1-9]' '^ +kernel_page_table +[1-9]'
	sees "states and references" ' STATES +REFERENCES' ' unused +[1-9]' ' 65\+ +0'
	sees "rates, with the second look" '^a second +steps [1-9].* allocated [1-9]'
	sees "what it costs" '^scan +16.4 k slots in .* retried, [0-9]+ given up'
	sees "a map" '^MAP by type, a cell is 64K' '^  *32M '
	sees "keys" '^q quit '
}

test_keys()
{
	keys s
	sees "s sorts by name" '^TYPES by name'
	check "names are in order" within are_sorted
	keys d
	sees "d sorts by change" '^TYPES by change'
	keys c
	sees "c sorts by count" '^TYPES by count'
	keys m
	sees "m colours by state, and says how" '^MAP by state, a cell is 64K .* shared .* unused *$'
	keys m
	sees "and by references" '^MAP by references, a cell is 64K .* 1 .* 2 .* unused *$'
	keys + +
	sees "+ looks more often" 'every 0.2 s'
	keys -
	sees "- less often" 'every 0.5 s'
	keys v
	sees "v shows other panels" ' REFERENCES +FREE, about' ' depot +[0-9]+ ' ' (cpu [01]|caches) +[0-9]+ '
	goes "in place of another" ' STATES'
	keys v v
	sees "v goes round" ' STATES +REFERENCES *$'
	keys h
	sees "h helps" 'p, space +pause the screen'
	keys h
	sees "and goes" '^TYPES'
	keys x
	sees "another key says where help is" 'h shows the keys'
}

# Rows in place of the panels: of this kind of guest there is one table.
test_rows()
{
	keys b
	sees "b shows what has the memory" '^BY class, sorted by size, [0-9]+$' '^ +MiB +change +a second  class *$' \
		'^ +1\.0 +meta_page *$' '^ +64\.0 .* in all *$' '^q quit  b B other'
	goes "in place of types and map" '^(TYPES|MAP)'
	keys / 'page' Enter
	sees "/ filters them" '^BY class, sorted by size, [0-9]+ that match page$' ' in these *$'
	goes "and nothing else is listed" ' anon'
	keys / C-u 'kernel*' Enter
	sees "with a pattern" ' that match kernel\*$' '  kernel_page_table *$'
	goes "of whole names" 'meta_page'
	keys / C-u Enter n
	sees "n sorts them by name" '^BY class, sorted by name'
	keys '=' d
	sees "= has changes since now" '^BY class, sorted by change, .*, change in [0-9]+ s$'
	tmux_ resize-window -x 80 -y 10
	sees "a small screen has the first ones" '^BY class, .* 1-2 of [0-9]+'
	keys Down
	sees "down scrolls" ' 2-3 of [0-9]+'
	keys NPage
	sees "page down, too" ' 4-5 of [0-9]+'
	keys Home
	sees "home goes back" ' 1-2 of [0-9]+'
	tmux_ resize-window -x 80 -y 24
	keys b c
	sees "b leads back to the types" '^TYPES by count' '^MAP'
	keys B
	sees "B goes the other way" '^BY class, sorted by size, [0-9]+$'
	keys t
	sees "t shows types" '^TYPES'
	keys '='
	sees "where = says what it is for" '^= is for rows'
	keys c
}

test_pause()
{
	local before

	keys p
	sees "p pauses" 'PAUSED'
	before=$(figures)
	sleep 1.2
	check "and keeps the picture" [ "$(figures)" = "$before" ]
	tmux_ resize-window -x 100 -y 30
	sees "also in another size" 'PAUSED *$' '^TYPES'
	tmux_ resize-window -x 80 -y 24
	keys Space
	goes "space goes on" 'PAUSED'
}

test_filter()
{
	keys / 'type == anno' Enter
	sees "a wrong filter says why" 'column 9: "anno" is not a type of this guest' \
		'^filter: type == anno$'
	keys BSpace BSpace 'on && ref >= 1' Enter
	sees "a valid filter counts its matches" \
		'^filter +[0-9]+ of 16384 frames: type == anon && ref >= 1$'
	goes "and nothing else" 'meta_page'
	sees "and marks them in the map" '^MAP by [a-z]+, a cell is [0-9]+K, @ filter' '^ +[0-9]+M? .*@@'
	keys / C-u 'meta.level == 1 && type == page_table' Enter
	sees "and knows the fields of types" \
		'^filter +[1-9][0-9]* of 16384 frames: meta.level == 1 && type == page_table$' '^. page_table +[1-9]'
	keys / C-u 'meta.levle == 1' Enter
	sees "but no others" 'meta.levle' '^filter: meta.levle == 1$'
	keys Escape
	keys / Escape
	sees "Esc leaves it" '^q quit' '^filter +[0-9]'
	keys / C-u Enter
	sees "an empty one ends it" '^in use ' '^ +meta_page +256 '
	goes "and the marks" '@'
}

test_sizes()
{
	tmux_ resize-window -x 120 -y 40
	sees "larger" '^a second .*' 'every 0.5 s *$' '^MAP .* a cell is 32K' ' STATES +REFERENCES +FREE, about *$'
	tmux_ resize-window -x 60 -y 15
	sees "smaller" '^TYPES by count +4 of [0-9]+ +STATES *$' '^MAP'
	goes "without references" 'REFERENCES'
	tmux_ resize-window -x 40 -y 10
	sees "the smallest" '^TYPES' '^q quit'
	tmux_ resize-window -x 39 -y 10
	sees "too small" '^too small: needs 40 x 10$'
	tmux_ resize-window -x 12 -y 2
	sees "hardly there" '^too small'
	tmux_ resize-window -x 80 -y 24
	sees "and back" '^TYPES' 'REFERENCES'
}

# top works without features that the terminal lacks.
test_terminals()
{
	on_terminal vt100 80 24 "'$PAGEVISOR' top shown"
	sees "no colours: letters" '^m meta_page +256 ' '^  *0 [a-z.]{64}$' '^\. *unused|  \. unused'
	keys q
	ends_plainly "q without colours" 0
	on_terminal tmux-256color 80 24 "LC_ALL=C NO_COLOR=1 '$PAGEVISOR' top shown"
	sees "no UTF-8: bars of #" '^m meta_page +256 +#+'
	keys q
	ends "q without UTF-8" 0
	on_terminal nonsense 80 24 "'$PAGEVISOR' top shown"
	sees "an unknown terminal" 'cannot draw on a terminal of type "nonsense"'
	ends "an unknown terminal" 1
	on_terminal dumb 80 24 "'$PAGEVISOR' top shown"
	sees "a terminal that only prints" 'cannot draw on a terminal of type "dumb"'
	ends "a terminal that only prints" 1
}

# top_pid: the pid of top on the terminal.
top_pid()
{
	local shell

	shell=$(tmux_ display-message -p '#{pane_pid}')
	cut -d ' ' -f 1 "/proc/$shell/task/$shell/children"
}

# The job of the shell on the terminal.
job_pid()
{
	pgrep -x pagevisor -P "$(pgrep -P "$(tmux_ display-message -p '#{pane_pid}')")"
}

job_is_stopped()
{
	[ "$(sed 's/.*) //' "/proc/$(job_pid)/stat" | cut -c 1)" = T ]
}

# start_top: returns when top shows something.
start_top()
{
	on_terminal tmux-256color 80 24 "'$PAGEVISOR' top shown"
	within shows '^TYPES' || fail "top starts" "it shows nothing"
}

# start_shell: one that has jobs.
start_shell()
{
	on_terminal tmux-256color 80 24 "PS1='ready: ' bash --norc -i"
	sees "a shell with jobs" '^ready: ?$'
}

# end_shell NAME STATUS: the job of the shell has ended with that status.
end_shell()
{
	keys 'exit' Enter
	ends_plainly "$1" "$2"
}

# The shell tells of a job's end before its next prompt, and it may not have heard of it yet.
next_prompt_shows()
{
	keys Enter
	shows "$1"
}

# job_ends NAME HOW: as kill %1 tells it to.
job_ends()
{
	local pid

	pid=$(job_pid)
	keys 'kill %1' Enter
	check "$1" within is_over "$pid"
	check "$1: as it should" within next_prompt_shows "^\\[1\\]\\+ +$2 "
}

# start_job: top as a job, which is then stopped.
start_job()
{
	start_shell
	keys "'$PAGEVISOR' top shown" Enter
	sees "top as a job" '^TYPES'
	keys C-z
	sees "Ctrl-Z stops it" '^\[1\]\+ +Stopped '
	check "Ctrl-Z: its picture has gone" shows_not '^TYPES'
	keys "stty -g | cmp - '$WORK/before' && echo the modes are those of the shell" Enter
	sees "Ctrl-Z: the terminal is the shell's" '^the modes are those of the shell$'
}

test_stops()
{
	start_job
	keys 'fg' Enter
	sees "fg: it goes on" '^TYPES' '^q quit' '^a second +steps'
	keys p
	sees "fg: and takes keys" 'PAUSED'
	keys C-z
	within job_is_stopped
	sees "Ctrl-Z stops it again" '^ready: ?$'
	keys 'fg' Enter
	sees "fg: and it goes on again" 'PAUSED'
	kill -STOP "$(job_pid)"
	check "SIGSTOP stops it, too" within job_is_stopped
	keys 'clear; fg' Enter
	sees "fg: it draws everything anew" '^TYPES' 'PAUSED'
	keys q
	end_shell "q after fg" 0

	start_job
	job_ends "a stopped job can be ended" 'Exit 143'
	end_shell "a stopped job that is ended" 0

	start_job
	keys 'bg' Enter
	check "in the background it stops" within job_is_stopped
	job_ends "and can be ended there" 'Exit 143'
	end_shell "a job in the background that is ended" 0

	start_shell
	keys "'$PAGEVISOR' top shown &" Enter
	check "started in the background it stops" within job_is_stopped
	job_ends "and can be ended" 'Terminated'
	end_shell "a job that never had the terminal" 0
}

test_ends()
{
	start_top
	keys C-c
	ends "Ctrl-C" 130
	start_top
	keys / 'ref'
	sees "a filter half typed" '^filter: ref$'
	kill -TERM "$(top_pid)"
	ends "SIGTERM at the prompt" 143
	start_top
	kill -BUS "$(top_pid)"
	ends "RAM that cannot be read any more" 1
	start_top
	stop_vm
	sees "the end of the VM is said" '^the VM shown has ended$'
	ends "the VM ends" 0
	on_terminal tmux-256color 80 24 "'$PAGEVISOR' top shown"
	sees "no such VM" '^pagevisor: no VM'
	ends "no such VM" 1
}

test_not_a_terminal
need_vm "top"
start_vm
test_batch
need_tmux
on_terminal tmux-256color 80 24 "'$PAGEVISOR' top shown"
test_picture
test_keys
test_rows
test_pause
test_filter
test_sizes
keys q
ends "q" 0
test_terminals
test_stops
test_ends
finish
