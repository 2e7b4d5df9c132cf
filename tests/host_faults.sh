#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Plants faults in the host's side of reclaim: in a copy of the tree, one at a time, each a change of a line or two of
# vmm/manage/. Each must be found, by the test that is named with it. Usage: host_faults.sh [BUILD]; FAULTS="NAME..." picks some.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_vm "planted faults of the host"
COPY=$WORK/tree

mkdir "$COPY"
cp -a "$ROOT"/{Makefile,include,pagemeta,guest,vmm,tests,scripts,docs} "$COPY"
# What is older than the objects is not compiled again.
cp -a "$BUILD" "$COPY/build"

# replace FILE OLD NEW: in the copy; both may be several lines. OLD must be there.
replace()
{
	python3 - "$COPY/$1" "$2" "$3" <<-'END'
		import sys
		path, old, new = sys.argv[1:]
		text = open(path).read()
		sys.exit(1) if old not in text else open(path, "w").write(text.replace(old, new, 1))
	END
}

build()
{
	make -C "$COPY" -j"$(nproc)" WERROR=0 all build/unit-tests
}

# is_found COMMAND...: whether it fails in the copy as it does when something is broken, and not for want of the command.
is_found()
{
	run_command env -C "$COPY" "$@"
	[ "$status" -ne 0 ] && [ "$status" -ne 2 ] && [ "$status" -lt 126 ]
}

# fault NAME FILE OLD NEW -- COMMAND...: is planted, found, and taken back.
fault()
{
	local name=$1 file=$2 old=$3 new=$4

	shift 5
	case " ${FAULTS:-$name} " in *" $name "*) ;; *) return ;; esac
	cp -p "$COPY/$file" "$WORK/before"
	last_command=(replace "$file")
	if replace "$file" "$old" "$new" && build >"$OUT" 2>&1; then
		check "$name is found" is_found "$@"
		# What named it.
		grep -m 1 -aE '^  [^ ]|^FAIL |:F:' "$OUT" | sed 's/^ */     /; s/^\(.\{110\}\).*/\1.../'
	else
		fail "$name" "it could not be planted"
	fi
	cp "$WORK/before" "$COPY/$file"
}

stress=(build/pagevisor stress swing --reclaim --memory 32M --time 6 --quiet --seed 1)

fault punch_before_the_claim vmm/manage/keeper_claim.c "		if (slot && is_wanted(keeper, wish, frame, state)) {" "
		if (slot && frame % 97 == 0 && slot_state_refs(state) == REF_UNUSED &&
		    punch_run(&window->region, (struct frame_run){frame, frame + 1}) == 0)
			continue;
		if (slot && is_wanted(keeper, wish, frame, state)) {" -- "${stress[@]}"
fault punch_one_more vmm/manage/punch.c "				   (off_t)size_of(run));" \
	"				   (off_t)(size_of(run) + PAGE_SIZE));" -- "${stress[@]}"
fault no_hole vmm/manage/keeper_claim.c "int result = punch_run(&window->region, run);" "int result = window ? 0 : -EINVAL;" -- "${stress[@]}"
fault ledger_off_by_one vmm/manage/ledger.c "ledger_mark(ledger, frames[i], LEDGER_CLAIMED" "ledger_mark(ledger, frames[i] ^ 1, LEDGER_CLAIMED" -- \
	"${stress[@]}"
fault released_twice vmm/manage/keeper_batch.c "	tell_guest(keeper, at, end);
	return released;" "	tell_guest(keeper, at, end);
	for (unsigned i = at; i < end; i++) {
		struct meta_slot *slot = window_slot(window, keeper->batch[i]);

		if (slot)
			slot->state = slot_state(slot_state_generation(slot->state), REF_UNUSED);
	}
	return released;" -- "${stress[@]}"
fault storage_written vmm/manage/keeper_claim.c "			break;
	}
	return at;" "			break;
		slot->storage[0] = found->frames[at];
	}
	return at;" -- "${stress[@]}"
fault wake_up_lost vmm/manage/keeper_words.c "	__atomic_store_n(&page->released, words->released, __ATOMIC_RELEASE);" "" -- tests/mem.sh build
fault log_not_told vmm/manage/keeper_claim.c "	keeper_tell_log(keeper, count, false);" "" -- build/unit-tests keeper
fault half_a_block_back vmm/manage/keeper_claim.c "bool all = claimed > 0" "bool all = claimed > KEEPER_BATCH" -- build/unit-tests keeper_faults
finish
