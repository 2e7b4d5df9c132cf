#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# The models of the slot protocol, of grace periods and of asks (model/README.md): Spin finds no error in any of their states
# and one in each mutant, and the code follows the traces of the slot's and of the asks'. Usage: model.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

MODEL=$ROOT/tests/model/slot.pml
RCU_MODEL=$ROOT/tests/model/rcu.pml
ASK_MODEL=$ROOT/tests/model/wanted.pml
MODEL_FILES=("$ROOT"/tests/model/*.pml)
REPLAY=$BUILD/model-replay
ASK_REPLAY=$BUILD/model-replay-asks
TRACES=${TRACES:-300}
TRACE_STEPS=6000 # Spin's; about one in ten is a line of the trace
ASK_TRACES=${ASK_TRACES:-20} # of each configuration
ASK_TRACE_STEPS=4000         # Spin's; about one in three is a line of the trace
ASK_BOUNDS=(-DTRACES -DOPS=30 -DOPS_OTHER=30 -DCLAIMS=200) # numbers of the model are bytes
MEMORY_MIB=1024

# The assertion that must find each mutant, as Spin prints it with all macros expanded.
torn='assertion violated whole'
two_owners='assertion violated \(owner==0\)'
not_reset='assertion violated \(\(\(state/4\)==11\)\|\|\(\(state/4\)==10\)\)'
lost='assertion violated \(frame!=0\)'
wrong_count='assertion violated .*holders=='
not_shared='assertion violated \(\(\(state/4\)>=1\)&&\(\(state/4\)<=7\)\)'
declare -A FOUND_BY=(
	[CLAIM_NOT_BUMPED]=$torn
	[CHANGE_NOT_BUMPED]=$torn
	[CHANGE_NOT_BUSY]=$torn
	[NO_REREAD]=$torn
	[REREAD_NOT_IN_USE]=$torn
	[WRAP]=$torn
	[EARLY_UNUSED]=$two_owners
	[RESET_EARLY_UNUSED]=$two_owners
	[RESET_NOT_BUSY]=$torn
	[CLAIM_WITHOUT_CAS]=$two_owners
	[ALLOCATOR_FIRST]=$not_reset
	[HOST_FRAME_DROPPED]=$lost
	[PUT_NOT_ATOMIC]=$wrong_count
	[UNSHARE_WITHOUT_CAS]=$wrong_count
	[GET_WITHOUT_CAS]=$not_shared
)
stale='assertion violated +!\(is_stale\[me\]\)'
waits='assertion violated +!\(must_end\)'
left='assertion violated \(\(free_frames\|\(1<<published\)\)=='
declare -A RCU_FOUND_BY=(
	[CPU_SKIPPED]=$stale
	[EARLY]=$stale
	[JOINS_BATCH]=$stale
	[NO_NEW_SEQUENCE]=$stale
	[QUIESCENT_IN_SECTION]=$stale
	[END_NOT_SEEN]=$waits
	[DUE_OVERWRITTEN]=$left
	[ONE_CPU_FINISHED]=$left
)
refused='assertion violated +!\(keeper\)'
sleeps='invalid end state'
declare -A ASK_FOUND_BY=(
	[ANSWERS_FIRST]=$refused
	[ANSWER_NOT_FENCED]=$sleeps
	[BELL_RINGS_ONCE]=$sleeps
	[CLAIMS_UNSAID]='assertion violated 0'
	[COMES_BACK_ANSWERING]=$refused
	[GIVING_UP_UNSAID]='assertion violated .*outage'
	[GONE_BEFORE_IT_GAVE]='assertion violated 0'
	[HANDS_NOT_WAITED_FOR]='assertion violated 0'
	[HANDS_SAID_LATE]='assertion violated 0'
	[HANDS_UNSAID]='assertion violated 0'
	[LEAVING_IS_THE_END]='assertion violated 0'
	[LEAVING_UNSEEN]=$sleeps
	[NEXT_HINT_TRUSTED]='assertion violated 0'
	[NOT_POLLING]=$sleeps
	[NO_SECOND_LOOK]=$sleeps
	[PARKED_BLINDLY]=$refused
	[RELEASED_FIRST]=$refused
	[TAKES_WHILE_ASKED]=$refused
	[WAITING_HAS_A_GAP]=$refused
	[WAITS_FOR_A_RELEASE]=$sleeps
)
# Where it takes another configuration than the plain one, or larger bounds.
declare -A ASK_SEARCH=(
	[CLAIMS_UNSAID]="-DCOMES -DCLAIMS=1"
	[COMES_BACK_ANSWERING]=-DSTUCK
	[GIVING_UP_UNSAID]=-DSTUCK
	[GONE_BEFORE_IT_GAVE]="-DCOMES -DCLAIMS=1"
	[HANDS_NOT_WAITED_FOR]="-DHANDFUL -DOPS=1"
	[HANDS_SAID_LATE]="-DHANDFUL -DOPS=1 -DCLAIMS=4"
	[HANDS_UNSAID]="-DHANDFUL -DOPS=1"
	[LEAVING_IS_THE_END]="-DCOMES -DCLAIMS=1"
	[LEAVING_UNSEEN]=-DLEAVES
	[NEXT_HINT_TRUSTED]="-DHINTED -DCOMES -DOPS=1 -DCLAIMS=4"
	[NOT_POLLING]=-DPOLLING
	[TAKES_WHILE_ASKED]="-DOPS_OTHER=2 -DCLAIMS=3"
	[WAITING_HAS_A_GAP]="-DOPS_OTHER=2 -DCLAIMS=3"
)
# And where depth first is long, unless the order is another one.
declare -A ASK_ORDER=([HANDS_SAID_LATE]="-DP_RAND=1 -DT_RAND=1")
# Mutants that a short trace shows, too: their steps differ from the code's.
SEEN_IN_TRACES=(CLAIM_NOT_BUMPED CHANGE_NOT_BUMPED CHANGE_NOT_BUSY NO_REREAD EARLY_UNUSED
	RESET_EARLY_UNUSED RESET_NOT_BUSY ALLOCATOR_FIRST HOST_FRAME_DROPPED)
REPLAY_MUTANTS=(claim-keeps-generation reset-moves-generation put-gives-two swap-always no-reread)

# The same for asks: those that a few traces show. ANY_WAKE_IS_AN_ANSWER is shown by them alone.
ASKS_SEEN_IN_TRACES=(ANSWERS_FIRST ANY_WAKE_IS_AN_ANSWER BELL_RINGS_ONCE COMES_BACK_ANSWERING GIVING_UP_UNSAID
	GONE_BEFORE_IT_GAVE HANDS_SAID_LATE HANDS_UNSAID NEXT_HINT_TRUSTED NO_SECOND_LOOK RELEASED_FIRST TAKES_WHILE_ASKED WAITING_HAS_A_GAP)
# The code's, and the configuration whose traces find each.
declare -A ASK_REPLAY_MUTANTS=([stale-unseen]=PLAIN [head-not-reloaded]=HINTED [waiting-stays]=PLAIN
	[gives-up-unsaid]=STUCK [hands-not-loaded]=HANDFUL [hands-unsaid]=HANDFUL)

# make_checker MODEL FOLDER SPIN_OPTION... -- GCC_OPTION...: makes $WORK/FOLDER/pan.
make_checker()
{
	local model=$1 folder=$WORK/$2 options=()

	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	(
		mkdir -p "$folder" && cd "$folder" &&
			spin "${options[@]}" -a "$model" >spin.log 2>&1 &&
			gcc -w -DSAFETY -DCOLLAPSE -DMEMLIM=$MEMORY_MIB "$@" -o pan pan.c
	)
}

# Whether every statement of the model was reached; ends of processes that never end do not count.
all_reached()
{
	! grep -E '\.pml:[0-9]+, state' "$OUT" | grep -qv -e '-end-'
}

# test_clean NAME MODEL
test_clean()
{
	check "$1: a checker of the model" make_checker "$2" "clean-$1" -- -O2
	expect "$1: no error in any state" 0 'Full statespace search' 'errors: 0$' \
		'!max search depth too small' '!Search not completed' '!MEMLIM' '!out of memory' -- \
		"$WORK/clean-$1/pan" -m1000000
	check "$1: every statement of the model is reached" all_reached
	grep -E 'states, stored|total actual memory|elapsed' "$OUT" | sed 's/^ */     /'
	expect "$1: a search cut short says so" 0 'max search depth too small' -- \
		"$WORK/clean-$1/pan" -m1000
}

# Breadth first, so that the trail is the shortest possible.
test_mutants()
{
	local mutant

	for mutant in $(printf '%s\n' "${!FOUND_BY[@]}" | sort); do
		make_checker "$MODEL" "$mutant" "-DMUTANT_$mutant" -- -DBFS
		expect "mutant: $mutant" 0 "${FOUND_BY[$mutant]}" 'errors: 1$' -- \
			"$WORK/$mutant/pan"
	done
	for mutant in $(printf '%s\n' "${!RCU_FOUND_BY[@]}" | sort); do
		make_checker "$RCU_MODEL" "rcu-$mutant" "-DMUTANT_$mutant" -- -DBFS
		expect "rcu mutant: $mutant" 0 "${RCU_FOUND_BY[$mutant]}" 'errors: 1$' -- \
			"$WORK/rcu-$mutant/pan"
	done
}

# Its bounds are in the model. Depth first: a mutant is found long before the states that are as deep have been seen.
test_asks()
{
	local search mutant options order

	for search in PLAIN POLLING HINTED STUCK LEAVES "COMES -DOPS=1" "HANDFUL -DOPS=1"; do
		read -r -a options <<<"-D$search"
		make_checker "$ASK_MODEL" "asks-$search" "${options[@]}" -- -O2
		expect "asks, $search: no error in any state" 0 'Full statespace search' 'errors: 0$' \
			'!max search depth too small' '!Search not completed' '!MEMLIM' '!out of memory' -- \
			"$WORK/asks-$search/pan" -m1000000
		grep -E 'states, stored|elapsed' "$OUT" | sed 's/^ */     /'
	done
	for mutant in $(printf '%s\n' "${!ASK_FOUND_BY[@]}" | sort); do
		read -r -a options <<<"-DMUTANT_$mutant ${ASK_SEARCH[$mutant]:-}"
		read -r -a order <<<"${ASK_ORDER[$mutant]:-}"
		make_checker "$ASK_MODEL" "asks-$mutant" "${options[@]}" -- -O1 "${order[@]}"
		expect "asks, mutant: $mutant" 0 "${ASK_FOUND_BY[$mutant]}" 'errors: 1$' -- \
			"$WORK/asks-$mutant/pan" -m1000000
	done
}

every_mutant_has_a_test()
{
	diff <(printf '%s\n' "${!FOUND_BY[@]}" "${!RCU_FOUND_BY[@]}" "${!ASK_FOUND_BY[@]}" \
		"${ASKS_SEEN_IN_TRACES[@]}" | sort -u) \
		<(grep -ohE 'MUTANT_[A-Z]+[A-Z_]*' "${MODEL_FILES[@]}" | sed 's/^MUTANT_//' | sort -u)
}

# make_traces MODEL STEPS FOLDER COUNT SPIN_OPTION...: random walks, one for each seed. A mutant's walk may end in a
# failed assertion; the lines before it stay valid.
make_traces()
{
	local model=$1 steps=$2 folder=$WORK/$3 count=$4 seed

	shift 4
	mkdir -p "$folder"
	for ((seed = 1; seed <= count; seed++)); do
		spin "$@" -n$seed -u"$steps" -T -B "$model" >"$folder/$seed"
	done
}

is_quiet()
{
	! grep -rqi error "$1"
}

# Each operation must end in each possible way, or the traces prove little.
all_operations_seen()
{
	! grep -qE '^[a-z_]+: 0 done' "$OUT" &&
		! grep -qE '^(alloc|claim|try|unshare|host_claim|slot_read)[a-z_]*: .* 0 failed' "$OUT"
}

test_replay()
{
	local mutant

	make_traces "$MODEL" $TRACE_STEPS traces "$TRACES"
	check "no assertion fails in traces" is_quiet "$WORK/traces"
	expect "the library goes where the model goes" 0 'no divergence$' -- \
		"$REPLAY" "$WORK/traces"/*
	check "each operation was replayed" all_operations_seen
	tail -n 1 "$OUT" | sed 's/^/     /'
	for mutant in "${REPLAY_MUTANTS[@]}"; do
		expect "a wrong library diverges: $mutant" 1 'diverges: ' -- \
			"$REPLAY" "--mutant=$mutant" "$WORK/traces"/*
	done
	for mutant in "${SEEN_IN_TRACES[@]}"; do
		make_traces "$MODEL" $TRACE_STEPS "traces-$mutant" 20 "-DMUTANT_$mutant"
		expect "a wrong model diverges: $mutant" 1 'diverges: ' -- \
			"$REPLAY" "$WORK/traces-$mutant"/*
	done
}

# Each access that the model names.
all_accesses_seen()
{
	diff <(sed -n '/^mtype = {/,/}/p' "$ASK_MODEL" | sed 's/mtype//' | grep -o '[a-z_]*' | sort) \
		<(cat "$WORK"/ask-traces-*/* | sed -n 's/^@ [0-9]* \([a-z_]*\) .*/\1/p' | sort -u)
}

test_ask_replay()
{
	local configuration mutant

	for configuration in PLAIN POLLING HINTED STUCK LEAVES COMES HANDFUL; do
		make_traces "$ASK_MODEL" $ASK_TRACE_STEPS "ask-traces-$configuration" "$ASK_TRACES" \
			"${ASK_BOUNDS[@]}" "-D$configuration"
		check "asks, $configuration: no assertion fails in traces" \
			is_quiet "$WORK/ask-traces-$configuration"
		expect "asks, $configuration: the code goes where the model goes" 0 'no divergence$' -- \
			"$ASK_REPLAY" "$configuration" "$WORK/ask-traces-$configuration"/*
		sed 's/^/     /' "$OUT"
	done
	make_checker "$ASK_MODEL" ask-aim -DHANDFUL -DOPS=1 -DAIM -- -O1
	expect "asks: a trail to the last attempt after all asks" 0 'tries==2' 'errors: 1$' -- \
		"$WORK/ask-aim/pan" -m1000000
	spin -DHANDFUL -DOPS=1 -DAIM -k "$(basename "$ASK_MODEL").trail" -T -B "$ASK_MODEL" \
		>"$WORK/ask-aim/trace"
	expect "asks: the code goes along it" 0 'no divergence$' '!^1 traces, [0-9] steps' -- \
		"$ASK_REPLAY" HANDFUL "$WORK/ask-aim/trace"
	check "each access of the asks' model was replayed" all_accesses_seen
	for mutant in $(printf '%s\n' "${!ASK_REPLAY_MUTANTS[@]}" | sort); do
		configuration=${ASK_REPLAY_MUTANTS[$mutant]}
		expect "asks, wrong code diverges: $mutant" 1 'diverges: ' -- \
			"$ASK_REPLAY" "--mutant=$mutant" "$configuration" \
			"$WORK/ask-traces-$configuration"/*
	done
	for mutant in "${ASKS_SEEN_IN_TRACES[@]}"; do
		configuration=PLAIN
		[[ ${ASK_SEARCH[$mutant]:-} =~ POLLING|HINTED|STUCK|LEAVES|COMES|HANDFUL ]] &&
			configuration=${BASH_REMATCH[0]}
		make_traces "$ASK_MODEL" $ASK_TRACE_STEPS "ask-traces-$mutant" 4 \
			"${ASK_BOUNDS[@]}" "-D$configuration" "-DMUTANT_$mutant"
		expect "asks, a wrong model diverges: $mutant" 1 'diverges: ' -- \
			"$ASK_REPLAY" "$configuration" "$WORK/ask-traces-$mutant"/*
	done
}

if ! command -v spin >/dev/null; then
	skip "model" "spin is not installed"
	finish
fi
for replay in "$REPLAY" "$ASK_REPLAY"; do
	if [ ! -x "$replay" ]; then
		echo "no $replay; make test PARTS=model builds it first" >&2
		exit 2
	fi
done
# Where checkers leave their trails.
cd "$WORK" || exit 1
test_clean slot "$MODEL"
test_clean rcu "$RCU_MODEL"
check "every mutant has a test" every_mutant_has_a_test
test_mutants
test_asks
test_replay
test_ask_replay
finish
