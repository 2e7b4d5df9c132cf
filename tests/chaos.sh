#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Inspectors look at our VM, a QEMU and a domain of a libvirtd, while chaos/actions.sh resets and restarts all of them,
# floods sockets and uses up descriptors. First each action once, in an order that SEED chooses, then at random until
# SECONDS_WANTED seconds are over. An inspector may end with status 0 or 1, for what it looks at goes away; any other
# status, a hang, and a figure that cannot be are faults. At the end all three guests must run and be looked at as usual.
# Prints how often each action was done. Usage: [SEED=N] [SECONDS_WANTED=N] [ACTIONS="NAME..."] chaos.sh [BUILD]
LIMIT=${LIMIT:-60}
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=background_lib.sh
. "$(dirname "$0")/background_lib.sh"
# shellcheck source=libvirt_lib.sh
. "$(dirname "$0")/libvirt_lib.sh"
# shellcheck source=chaos/actions.sh
. "$(dirname "$0")/chaos/actions.sh"

SEED=${SEED:-1}
SECONDS_WANTED=${SECONDS_WANTED:-10}
PAUSE_MAX_MS=100 # between two actions
PROBE=$BUILD/attach-probe
DOMAIN=chaos
ON_REBOOT=restart # for domain_start: a QEMU that resets to its end hangs now and then
SETTINGS="workload=churn time_ms=3600000"
end_s=$((SECONDS + SECONDS_WANTED))
faults=0

# The inspectors, by name: what each looks at, and how. One that ends is started again.
declare -A looks=(
	[vm_stat]="stat --follow --interval 0.2 vm"
	[vm_top]="top --batch 100000 --interval 0.5 vm"
	[qemu_stat]="stat --follow --interval 0.2 qemu:$WORK/qemu.qmp"
	[domain_stat]="stat --follow --interval 0.2 libvirt:$DOMAIN"
	[list]="ps --watch"
)
declare -A counts=() endings=()

trap 'stop_libvirtd; kill_all' EXIT

# A call that libvirt does not answer fails, and is not waited for.
virsh()
{
	timeout -k 5 30 virsh "$@"
}

sleep_ms()
{
	sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}

# choose WORD...
choose()
{
	local words=("$@")

	echo "${words[RANDOM % $#]}"
}

fault()
{
	faults=$((faults + 1))
	echo "fault: $1, after ${last_action:-nothing}; seed $SEED"
}

start_qemu()
{
	start qemu qemu-system-x86_64 -accel tcg -machine q35,memory-backend=mem -m 64M -nodefaults -display none \
		-object memory-backend-memfd,id=mem,size=64M,share=on -kernel "$GUEST" -append "$SETTINGS" \
		-qmp "unix:$WORK/qemu.qmp,server=on,wait=off" -qmp "unix:$WORK/qemu.hand,server=on,wait=off"
	within test -S "$WORK/qemu.hand"
}

start_vm_again()
{
	start vm "$PAGEVISOR" run --name vm --memory 64M --cpus 1 --time 0 --quiet
	within test -S "$(socket_of vm)"
}

start_look()
{
	# Words of a table above.
	# shellcheck disable=SC2086
	start "$1" "$PAGEVISOR" ${looks[$1]}
}

# Figures that no guest reaches: counters that went backwards, differences taken modulo 2^32 or 2^64.
has_impossible_figures()
{
	grep -Eq '[0-9]{2,} T|[0-9]{4,} G|429496[0-9]{4}|1844674407[0-9]{10}|(^|[^a-z])nan|(^|[^a-z])inf([^a-z]|$)' "$WORK/$1"
}

# Judges inspectors that have ended, and starts them again.
tend_inspectors()
{
	local name result

	for name in "${!looks[@]}"; do
		! has_impossible_figures "$name" || {
			fault "impossible figures of $name: $(grep -aE ' T|[0-9]{10}' "$WORK/$name" | head -n 1 | cut -c 1-150)"
			: >"$WORK/$name"
		}
		is_over "${pids[$name]}" || continue
		result=0
		wait "${pids[$name]}" 2>/dev/null || result=$?
		endings[$name]=$((${endings[$name]:-0} + 1))
		case $result in
		0 | 1 | 137) ;; # 137: killed by an action
		3) # of a QEMU that an action has started, and whose guest does not run yet
			tail -n 1 "$WORK/$name" | grep -q 'no info page in its RAM$' ||
				fault "$name ended with status 3: $(tail -n 1 "$WORK/$name" | cut -c 1-200)"
			;;
		*) fault "$name ended with status $result: $(tail -n 1 "$WORK/$name" | cut -c 1-200)" ;;
		esac
		start_look "$name"
	done
}

# do_action NAME
do_action()
{
	last_action=$1
	if "do_$1"; then
		counts[$1]=$((${counts[$1]:-0} + 1))
	fi
	sleep_ms $((RANDOM % PAUSE_MAX_MS))
	tend_inspectors
}

# looks_well COMMAND...: whether it succeeds in the end, as it must with a guest that runs; for within.
looks_well()
{
	timeout -k 1 60 "$PAGEVISOR" "$@" >"$OUT" 2>"$ERR" </dev/null
}

# After chaos all must be as it was.
judge_end()
{
	local name

	last_action="all of it"
	for name in "${!looks[@]}"; do
		kill -TERM "${pids[$name]}" 2>/dev/null
	done
	for name in "${!looks[@]}"; do
		within is_over "${pids[$name]}" || fault "$name does not end when it is asked"
	done
	within looks_well stat vm || fault "the VM cannot be looked at: $(tail -n 1 "$ERR")"
	within looks_well check "qemu:$WORK/qemu.qmp" || fault "QEMU's guest is not as it was: $(tail -n 1 "$ERR")"
	ask_qemu query-status
	grep -q '"running":true' "$WORK/answer" || fault "QEMU's guest does not run: $(cat "$WORK/answer")"
	[ -n "$has_domain" ] || return 0
	! domain_is_gone "$DOMAIN" || do_restart_domain
	within looks_well stat "libvirt:$DOMAIN" || fault "the domain cannot be looked at: $(tail -n 1 "$ERR")"
	[ "$(virsh --quiet domstate "$DOMAIN" 2>&1)" = running ] || fault "the domain does not run"
}

print_counts()
{
	local name

	printf 'seed %s:' "$SEED"
	for name in "${actions[@]}"; do
		printf ' %s %d,' "$name" "${counts[$name]:-0}"
	done
	echo " $faults faults"
	for name in "${!looks[@]}"; do
		printf '%s ended and began again %d times\n' "$name" "${endings[$name]:-0}"
	done
}

need_vm "chaos"
skip_all_for "chaos" "$(command -v qemu-system-x86_64 >/dev/null || echo "no qemu-system-x86_64")"
has_domain=1
problem=$(libvirt_problem)
if [ -n "$problem" ]; then
	skip "chaos of libvirt" "$problem"
	has_domain=
	unset "looks[domain_stat]"
fi
mapfile -t actions < <(declare -F | sed -n 's/^declare -f do_//p' | grep -v '^action$')
[ -n "$has_domain" ] || mapfile -t actions < <(printf '%s\n' "${actions[@]}" | grep -Ev 'domain|libvirtd')
[ -z "${ACTIONS:-}" ] || read -r -a actions <<<"$ACTIONS"

RANDOM=$SEED
if [ -n "$has_domain" ]; then
	make_libvirt_files
	start_libvirtd
	domain_start "$DOMAIN" --memory 64M --cpus 1 || fault "the domain does not start"
fi
start_qemu
start_vm_again
for name in "${!looks[@]}"; do
	start_look "$name"
done
for action in $(printf '%s\n' "${actions[@]}" | shuf --random-source=<(yes "$SEED")); do
	# What it is done to may be gone for a moment, by the action before.
	for ((try = 0; try < 40 && ${counts[$action]:-0} == 0; try++)); do
		do_action "$action"
	done
done
while [ "$SECONDS" -lt "$end_s" ] && [ "$faults" -eq 0 ]; do
	do_action "$(choose "${actions[@]}")"
done
judge_end
print_counts
[ "$faults" -eq 0 ]
