# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
#
# What the test scripts share: prints one line for each test and the command of a failed one, and counts results. A
# script sources this file, calls the functions below, and ends with `finish`.
#
#     expect NAME STATUS PATTERN... -- COMMAND...
#
# runs a command with a time limit. Its exit status must be STATUS, and its output must have a line for each PATTERN: an
# extended regular expression, after out: or err: for one of the two streams, after ! for a line that must not occur.
# The output stays in $OUT and $ERR for `check` until the next expect.

set -u
shopt -s lastpipe

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$(cd "${1:-$ROOT/build}" && pwd) || exit 2
# Used by the scripts that source this.
export PAGEVISOR=$BUILD/pagevisor GUEST=$BUILD/pagevisor-guest.elf GUESTS=$BUILD/guests

# Seconds for one command, or one wait, after which it counts as hung. No test comes near this, however busy the machine
# is.
LIMIT=${LIMIT:-300}

# A host that is busy may keep a VM from answering for longer than the ten seconds for which a command waits. Tests of who
# does not answer set their own.
export PAGEVISOR_TIMEOUT=${PAGEVISOR_TIMEOUT:-60}
# The same for a build.
export BUILD_LIMIT=1800

WORK=$(mktemp -d "${TMPDIR:-/tmp}/pagevisor-test.XXXXXX")
OUT=$WORK/out
ERR=$WORK/err
running_pid=

# A program built with a sanitizer reports there, also in the background, and then ends with a status that nothing else
# has.
SANITIZER_REPORTS=$WORK/sanitizer
SANITIZER_STATUS=99
export ASAN_OPTIONS=exitcode=$SANITIZER_STATUS:log_path=$SANITIZER_REPORTS
export UBSAN_OPTIONS=$ASAN_OPTIONS TSAN_OPTIONS=$ASAN_OPTIONS
export LSAN_OPTIONS=suppressions=$ROOT/tests/leaks.supp:print_suppressions=0

# Each call that a sandbox refuses, also to a process in the background. There should be none.
export PAGEVISOR_SANDBOX_LOG=$WORK/refused

# Answers in JSON, whose form is checked at the end: see keep_answer.
ANSWERS=$WORK/answers

# Where VMs are found: only those of this script. QEMUs of other scripts run here as well, so they are left out.
export PAGEVISOR_LIST=vm,libvirt
export XDG_RUNTIME_DIR=$WORK/runtime
mkdir -m 700 "$XDG_RUNTIME_DIR"

clean_up()
{
	[ -z "$running_pid" ] || kill -KILL "$running_pid" 2>/dev/null
	rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

passed=0
failed=0
skipped=0
status=0
last_command=()

pass()
{
	passed=$((passed + 1))
	echo "ok   $1"
}

skip()
{
	skipped=$((skipped + 1))
	echo "skip $1: $2"
}

# fail NAME REASON: prints what was run, and its output.
fail()
{
	failed=$((failed + 1))
	echo "FAIL $1"
	echo "     $2"
	if [ ${#last_command[@]} -gt 0 ]; then
		echo "     command: ${last_command[*]}" | cut -c 1-300
		echo "     status:  $status"
		print_stream stdout "$OUT"
		print_stream stderr "$ERR"
	fi
}

# The end of a stream, without anything that a terminal would obey.
print_stream()
{
	[ -s "$2" ] || return 0
	echo "     $1:"
	tail -n 40 "$2" | cut -c 1-300 | LC_ALL=C tr -c '\n\t -~' '?' | sed 's/^/     | /'
}

# Runs a command; sets $OUT, $ERR and $status, the exit status (124: time is up).
run_command()
{
	last_command=("$@")
	status=0
	timeout -k 5 "$LIMIT" "$@" >"$OUT" 2>"$ERR" </dev/null || status=$?
	case " $* " in *' --json '* | *' --jsonl '*) [ "$status" -ge 124 ] || keep_answer "$OUT" "$*" ;; esac
}

# keep_answer FILE COMMAND: `finish` checks what the command answered in JSON against docs/pagevisor.schema.json.
keep_answer()
{
	[ -s "$1" ] || return 0
	mkdir -p "$ANSWERS"
	{ echo "# ${2//$'\n'/ }"; cat "$1"; } >"$(mktemp "$ANSWERS/XXXXXXXX")"
}

# Whether the output matches a pattern.
matches()
{
	local pattern=$1 files=("$OUT" "$ERR") negate=

	case $pattern in '!'*) negate=1 pattern=${pattern#!} ;; esac
	case $pattern in
	out:*) files=("$OUT") pattern=${pattern#out:} ;;
	err:*) files=("$ERR") pattern=${pattern#err:} ;;
	esac
	if grep -Eq -e "$pattern" "${files[@]}"; then
		[ -z "$negate" ]
	else
		[ -n "$negate" ]
	fi
}

expect()
{
	local name=$1 outcome=()

	shift
	while [ "$1" != -- ]; do
		outcome+=("$1")
		shift
	done
	shift
	run_command "$@"
	judge "$name" "${outcome[@]}"
}

# has_stage VM PATTERN: whether the VM is listed with a matching stage; for within.
has_stage()
{
	"$PAGEVISOR" ps | grep -Eq "^$1 .* $2 "
}

# expect_soon NAME STATUS PATTERN... -- COMMAND...: like expect, but repeats the command until it matches: for output
# that comes true once a guest has had some CPU time.
expect_soon()
{
	expect_again runs_as_wanted "$@"
}

# expect_pause NAME STATUS PATTERN... -- COMMAND...: like expect, for a command that pauses the guest: repeats it when
# the pause took longer than a pause may.
expect_pause()
{
	expect_again pauses_in_time "$@"
}

# on_terminal COLUMNS ROWS COMMANDS: what they write on such a terminal; for expect, with bash -c.
on_terminal()
{
	printf '%s' "script -qec 'export TERM=xterm-256color; stty cols $1 rows $2; $3' /dev/null | tr -d '\\r'"
}

# expect_again TRY NAME STATUS PATTERN... -- COMMAND...: like expect, but repeats TRY COMMAND until that succeeds, and
# judges its last run.
expect_again()
{
	local try=$1 name=$2 outcome=()

	shift 2
	while [ "$1" != -- ]; do
		outcome+=("$1")
		shift
	done
	shift
	within "$try" "$@"
	judge "$name" "${outcome[@]}"
}

runs_as_wanted()
{
	run_command "$@"
	is_as_wanted "${outcome[@]}"
}

pauses_in_time()
{
	run_command "$@"
	! matches 'err:the pause took too long'
}

# is_as_wanted STATUS PATTERN...: whether the last command matches; if not, $why says what differs.
is_as_wanted()
{
	local wanted_status=$1 pattern

	shift
	why="exit status $status, $wanted_status was expected"
	[ "$status" -eq "$wanted_status" ] || return
	for pattern in "$@"; do
		why="the output is not as this wants it: $pattern"
		matches "$pattern" || return
	done
}

# judge NAME STATUS PATTERN...: like expect, for a command that has already run.
judge()
{
	local name=$1

	shift
	if is_as_wanted "$@"; then
		pass "$name"
	else
		fail "$name" "$why"
		return 1
	fi
}

# within COMMAND...: repeats it until it succeeds or LIMIT seconds are over; returns whether it succeeded.
within()
{
	within_seconds "$LIMIT" "$@"
}

# within_seconds N COMMAND...: likewise.
within_seconds()
{
	local deadline=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

# is_over PID: whether a process has ended.
is_over()
{
	! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c 1)" = Z ]
}

# check NAME COMMAND...: a property of the last output; it holds if the command succeeds.
check()
{
	local name=$1

	shift
	if "$@"; then
		pass "$name"
	else
		fail "$name" "does not hold: $*"
		return 1
	fi
}

# line_count FILE N: for check.
line_count()
{
	[ "$(wc -l <"$1")" -eq "$2" ]
}

# One line on stderr, nothing on stdout; for check.
says_one_line()
{
	line_count "$ERR" 1 && line_count "$OUT" 0
}

# dumps_no_ram PID: whether a core dump of the process leaves out all of the RAM of our VMs that it maps; for check.
dumps_no_ram()
{
	awk '/^[0-9a-f]+-[0-9a-f]+ / { is_ram = /memfd:pagevisor-ram/; count += is_ram }
		is_ram && /^VmFlags:/ && !/ dd( |$)/ { dumped++ }
		END { exit !(count > 0 && dumped == 0) }' "/proc/$1/smaps"
}

# Whether a file contains nothing that a terminal would obey; for check.
is_plain_text()
{
	[ "$(LC_ALL=C tr -d '\n\t -~' <"$1" | wc -c)" -eq 0 ]
}

# on_terminal COLUMNS ROWS COMMANDS: what they write on such a terminal; for expect.
on_terminal()
{
	printf '%s' "script -qec 'export TERM=xterm-256color; stty cols $1 rows $2; $3' /dev/null | tr -d '\\r'"
}

# fits COLUMNS: whether each line of the output does; for check.
fits()
{
	[ "$(tr -d '\r' <"$OUT" | sed 's/\x1b\[K//g' | awk -v columns="$1" 'length > columns' | wc -l)" -eq 0 ]
}

# Why KVM cannot be used; nothing when it can.
kvm_problem()
{
	if [ ! -e /dev/kvm ]; then
		echo "no /dev/kvm"
	elif [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
		echo "no permission for /dev/kvm"
	fi
}

# Why no guest can run here, neither on KVM nor in QEMU's TCG, which run then chooses; nothing when one can.
vm_problem()
{
	local problem

	problem=$(kvm_problem)
	[ -z "$problem" ] || command -v qemu-system-x86_64 >/dev/null || echo "$problem, no qemu-system-x86_64"
}

# Whether the programs are built with a sanitizer, which takes terabytes of address space.
is_sanitized()
{
	grep -qE '__(asan|tsan)_init' "$PAGEVISOR"
}

# Whether guests run in TCG here: some ten times slower, and without what only KVM reports.
runs_in_tcg()
{
	[ -n "$(kvm_problem)" ]
}

# Ends the script successfully when no guest can run here, or none on KVM.
need_vm()
{
	skip_all_for "$1" "$(vm_problem)"
}

need_kvm()
{
	skip_all_for "$1" "$(kvm_problem)"
}

# skip_all_for NAME PROBLEM: skips the whole script if there is a problem.
skip_all_for()
{
	[ -n "$2" ] || return 0
	skip "$1" "$2"
	finish
}

# For scripts that need the test guests, when run without make test.
need_guests()
{
	[ -d "$GUESTS" ] || {
		echo "no test guests in $GUESTS; make test PARTS=... builds them first" >&2
		exit 2
	}
}

# copy_tree FOLDER: copies the sources and their build output with their times, so that make only rebuilds what is
# changed.
copy_tree()
{
	local entry

	mkdir -p "$1/build"
	for entry in "$ROOT"/*; do
		case ${entry##*/} in
		build | docs | tests) ;;
		*) cp -a "$entry" "$1" ;;
		esac
	done
	for entry in "$ROOT"/build/{setup-build,guest,host,btf-keep,pagevisor,pagevisor-guest.elf}; do
		[ ! -e "$entry" ] || cp -a "$entry" "$1/build"
	done
}

# Each sanitizer report is a failure, whether or not a test noticed it, and so is what a sandbox refused.
count_reports()
{
	local report

	if [ -s "$PAGEVISOR_SANDBOX_LOG" ]; then
		last_command=()
		fail "no sandbox refuses anything" "see below"
		print_stream refused "$PAGEVISOR_SANDBOX_LOG"
	fi

	last_command=()
	for report in "$SANITIZER_REPORTS".*; do
		[ -e "$report" ] || continue
		fail "a sanitizer's report" "of process ${report##*.}"
		print_stream report "$report"
	done
}

# Why answers in JSON cannot be checked here, as in the image of test-svm; nothing when they can.
answers_problem()
{
	command -v jq >/dev/null || echo "no jq"
	/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || echo "no python3-jsonschema"
}

# One test for all answers in JSON, if there were some.
check_answers()
{
	[ -d "$ANSWERS" ] || return 0
	[ -z "$(answers_problem)" ] || { skip "the form of answers in JSON" "$(answers_problem | head -n 1)"; return; }
	run_command "$ROOT/tests/answers.py" "$ANSWERS"/*
	judge "answers in JSON are as docs/json.md says: $(find "$ANSWERS" -type f | wc -l)" 0
}

# Must be the last line of each script.
finish()
{
	local text

	check_answers
	count_reports
	text="$passed passed, $failed failed"
	[ "$skipped" -eq 0 ] || text="$text, $skipped skipped"
	echo "$text"
	[ "$failed" -eq 0 ]
	exit
}
