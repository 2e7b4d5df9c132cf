#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Inspecting metadata: types and show. A type added to the guest is shown by its fields without a change in vmm/, and a
# type that could not be shown does not build. Usage: inspect.sh [BUILD]
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

TREE=$WORK/tree
NAME=inspected
BUILD_TREE=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$TREE" --no-print-directory -j2 all WERROR=1)

# workload MEMBER: prints a workload with one more type, of which it makes one permanent frame and prints the address.
workload()
{
	cat >"$TREE/guest/workload/sample.c" <<-END
		/* SPDX-License-Identifier: MPL-2.0 */
		#include "lib/console.h"
		#include "workload/workload.h"

		enum mood { MOOD_CALM = 3 };
		struct inner { int32_t left; uint32_t right : 5; };
		struct sample_meta {
			struct inner pair[2];
			char label[8];
			enum mood mood;
			$1 visits;
		};
		META_TYPE(sample, .is_untyped = true);

		static void sample_run(struct worker *worker)
		{
			struct sample_meta meta = {
				.pair = {{.left = -7}, {.right = 21}}, .label = "hi", .mood = MOOD_CALM, .visits = 42};

			frame_t frame = worker_alloc(worker, sample, &meta);
			kprintf("sample at 0x%lx\n", (unsigned long)frame_paddr(frame).addr);
			while (worker_continue(worker))
				;
			worker_put(worker, frame);
		}
		WORKLOAD(sample, 0, "a frame with fields of all kinds", .run = sample_run);
	END
}

# start OPTION...: starts a VM in the background that prints its frame's address; sets $address.
start()
{
	rm -f "$WORK/run"
	"$PAGEVISOR" run --name "$NAME" --memory 32M --cpus 1 --time 0 "$@" >"$WORK/run" 2>&1 </dev/null &
	running_pid=$!
	within has_stage "$NAME" running
	[ $# -eq 0 ] || within grep -q '^guest| sample at ' "$WORK/run"
	address=$(sed -n 's/^guest| sample at //p' "$WORK/run")
}

end()
{
	kill -INT "$running_pid"
	wait "$running_pid"
	status=$?
	running_pid=
	last_command=("run" "in the background")
	cp "$WORK/run" "$OUT"
	: >"$ERR"
	judge "$1" 0 'findings  none'
}

test_new_type()
{
	start --kernel "$TREE/build/pagevisor-guest.elf" --workload sample
	expect "a new type is listed with its fields" 0 'out:^sample +32 +1 +untyped$' \
		'out:^    pair\[1\]\.right +12 +1  unsigned, bits 0 to 4$' 'out:^    label +16 +8  text$' \
		'out:^    visits +28 +4  unsigned, changes while shared$' -- "$PAGEVISOR" types "$NAME"
	expect "the same for programs" 0 'out:"field":"pair\[0\]\.left"' 'out:"field_kind":"enum"' -- \
		"$PAGEVISOR" types --json
	expect "a frame of the type is shown by its fields" 0 "out:^frame +$address, pfn " \
		'out:^state +shared, 1 reference, generation [0-9]+$' 'out:^type +sample$' \
		'out:\.left = -7,' 'out:MOOD_CALM' 'out:\.visits = \(shared_u32\)42,' \
		'out:^ +\(may change while shared: visits\)$' 'out:^around ' -- \
		"$PAGEVISOR" show "$address" "$NAME"
	check "it is plain text" is_plain_text "$OUT"
	expect "the same for programs: the fields" 0 'out:"pair\[0\]\.left":-7' 'out:"pair\[1\]\.right":21' \
		'out:"label":"hi"' 'out:"mood":"MOOD_CALM"' 'out:"visits":42' 'out:^ *"visits"$' 'out:"type":"sample"' -- \
		"$PAGEVISOR" show --json "pfn:$((address / 4096))"
	end "the guest did not notice"
}

test_frames()
{
	start
	expect "the first frame" 0 'out:^frame +0x0, pfn 0$' -- "$PAGEVISOR" show 0x0
	check "it has two neighbours" [ "$(sed -n '/^around/,$p' "$OUT" | wc -l)" -eq 2 ]
	expect "the last frame" 0 'out:^frame +0x1fff000, pfn 8191$' -- "$PAGEVISOR" show 0x1ffffff
	expect "a frame of the kernel" 0 'out:^type +kernel$' 'out:\.start = \(uint64_t\)0x100000,' -- \
		"$PAGEVISOR" show pfn:0x100
	expect "the same by its address as a size" 0 'out:^frame +0x100000, pfn 256$' -- "$PAGEVISOR" show 1M
	expect "a frame past the last" 2 'err:the last frame is pfn:8191$' -- "$PAGEVISOR" show pfn:8192
	check "in one line" says_one_line
	end "the guest did not notice that either"
}

test_bad_input()
{
	local frame

	expect "no frame" 2 'err:no frame given' -- "$PAGEVISOR" show
	for frame in '' x 0x 0xg pfn: pfn:-1 pfn:1x 4096 0x10000000000000000; do
		expect "no frame: \"$frame\"" 2 'err:expected a physical address \(0x..., or a size such as 4M\), pfn:N, or' -- \
			"$PAGEVISOR" show "$frame"
	done
	expect "two VMs" 2 'err:one VM is enough' -- "$PAGEVISOR" show 0x0 a b
	expect "show without VMs" 1 'err:^pagevisor: no VM is running' -- "$PAGEVISOR" show 0x0
	expect "types without VMs" 1 'err:^pagevisor: no VM is running' -- "$PAGEVISOR" types
}

test_bad_input
copy_tree "$TREE"
workload shared_u32
LIMIT=$BUILD_LIMIT expect "a guest with a type of its own builds" 0 -- "${BUILD_TREE[@]}" || finish
cp -r "$TREE/build/pagevisor-guest.elf" "$WORK/guest.elf"
workload "_Atomic uint32_t"
LIMIT=$BUILD_LIMIT expect "a member that BTF cannot tell does not build" 2 \
	'err:pahole cannot describe a type of the guest, such as an _Atomic' -- "${BUILD_TREE[@]}"
mv "$WORK/guest.elf" "$TREE/build/pagevisor-guest.elf"
need_vm "looking at a guest"
test_new_type
test_frames
finish
