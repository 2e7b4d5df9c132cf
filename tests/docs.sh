#!/usr/bin/env bash
# SPDX-License-Identifier: MPL-2.0
#
# Runs the commands of the documents, as they are printed, and compares the shape of their output; docs/README.md has the
# marks. Prints which blocks are only shown, and why. Usage: docs.sh [BUILD]; DOCS="FILE..." picks some.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=libvirt_lib.sh
. "$(dirname "$0")/libvirt_lib.sh"

HERE=$ROOT/tests/docs
SHOWN_MAX=21 # blocks of all documents that are only shown, half of them because they need a Linux guest

# Why this host cannot run what a mark asks for; nothing when it can.
problem_of()
{
	case $1 in
	kvm) kvm_problem ;;
	qemu) command -v qemu-system-x86_64 >/dev/null || echo "no qemu-system-x86_64" ;;
	libvirt) libvirt_problem ;;
	gdb) command -v gdb >/dev/null || echo "no gdb" ;;
	root) [ "$(id -u)" -eq 0 ] || echo "not root" ;;
	*) echo "no such mark: $1" ;;
	esac
}

# The marks of a block, one at a time, without "status N".
problem_of_block()
{
	local mark problem marks

	IFS=, read -r -a marks <<<"$1"
	for mark in "${marks[@]}"; do
		mark=${mark# }
		case $mark in '' | 'status '*) continue ;; esac
		problem=$(problem_of "$mark")
		[ -z "$problem" ] || echo "$problem"
	done
}

# Starts the daemon for the first block that wants one.
provide()
{
	case $1 in *libvirt*) [ -n "$libvirtd_pid" ] || { make_libvirt_files && start_libvirtd; } ;; esac
}

# add_command NUMBER COMMAND: to the document's session. What is there of some frames changes within milliseconds, so
# a search is repeated until it has found as much as the document shows.
add_command()
{
	local number=$1 command=$2 tries=1

	case $command in *'pagevisor find '*) tries=50 ;; esac
	{
		printf 'for try in {1..%s}; do\n{\n%s\n} >out.%s 2>&1 </dev/null\n' "$tries" "$command" "$number"
		printf 'echo $? >status.%s\nhas_less %s || break\ndone\n' "$number" "$number"
		case $command in *'&') echo "wait_for_vm '${command//\'/}'" ;; esac
	} >>session
}

# A session is one shell, so that variables and background jobs live on from block to block.
begin_session()
{
	cat >session <<-'END'
		trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
		has_less()
		{
			[ "$(wc -l <"out.$1")" -lt "$(grep -cvx '\.\.\.' "wanted.$1")" ]
		}
		wait_for_vm()
		{
			local name=${1#*--name }

			case $1 in *'pagevisor run '*--name* | *'pagevisor restore '*--name*) ;; *) return ;; esac
			name=${name%% *}
			until pagevisor ps | grep -Eq "^$name .* (running|lingering|ended) "; do
				kill -0 $! || return
				sleep 0.1
			done
			# By then its workload has some of everything.
			sleep 0.5
		}
	END
}

# run_document FILE
run_document()
{
	local document=${1#"$ROOT/"} kind line text file number=0 mark='' skipped_block='' wanted=0

	mkdir -p "$WORK/doc/$document" && cd "$WORK/doc/$document" || return
	ln -s "$BUILD" build
	awk -f "$HERE/blocks.awk" "$1" >blocks
	begin_session
	: >commands
	while IFS=$'\t' read -r kind line text; do
		case $kind in
		unmarked | indented) fail "$document:$line: each block of commands has a mark" "$kind block" ;;
		file) file=$text ;;
		content) printf '%s\n' "$text" >>"$file" ;;
		shown) shown+=("$document:$line: $text") ;;
		run)
			mark=$text skipped_block=$(problem_of_block "$text")
			[ -z "$skipped_block" ] || skip "$document:$line" "$skipped_block"
			[ -n "$skipped_block" ] || provide "$mark"
			;;
		command)
			[ -z "$skipped_block" ] || continue
			number=$((number + 1))
			wanted=0
			case $mark in *'status '*) wanted=${mark##*status } ;; esac
			add_command "$number" "$text"
			# What goes on in the background is not over yet.
			case $text in *'&') wanted=background ;; esac
			printf '%s\t%s\t%s\n' "$line" "${wanted%%,*}" "$text" >>commands
			: >"wanted.$number"
			;;
		output) [ -n "$skipped_block" ] || printf '%s\n' "$text" >>"wanted.$number" ;;
		esac
	done <blocks
	[ "$number" -eq 0 ] || PATH=$BUILD:$PATH timeout -k 5 "$LIMIT" bash session >session.out 2>&1
	judge_session "$document"
}

judge_session()
{
	local number=0 line wanted text

	while IFS=$'\t' read -r line wanted text; do
		number=$((number + 1))
		last_command=("$text")
		status=$(cat "status.$number" 2>/dev/null || echo 124)
		cp "out.$number" "$OUT" 2>/dev/null
		case $text in *' --json'*'|'* | *'>'*) ;; *' --json'*) keep_answer "$OUT" "$text" ;; esac
		: >"$ERR"
		if [ "$wanted" = background ]; then
			continue
		elif [ "$status" -ne "$wanted" ]; then
			fail "$1:$line: $text" "exit status $status, $wanted was expected"
		elif ! awk -f "$HERE/shape.awk" "wanted.$number" "$OUT" >"$ERR"; then
			fail "$1:$line: $text" "the output has another shape"
		else
			pass "$1:$line: ${text:0:90}"
		fi
	done <commands
}

# The anchors of a document's headings.
anchors()
{
	sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | tr -cd '[:alnum:] \n_-' | tr ' ' -
}

documents_of_the_tree()
{
	ls "$ROOT"/README.md "$ROOT"/docs/*.md "$ROOT"/*/README.md "$ROOT"/*/*/README.md "$ROOT"/pagemeta/PORTING.md
}

# Links to files of this tree, or to headings in them, that are not there.
broken_links()
{
	local document target file anchor

	documents_of_the_tree | sort -u | while read -r document; do
		grep -oE '\]\([^) ]+' "$document" | cut -c 3- | grep -v '://' | while read -r target; do
			file=$(dirname "$document")/${target%%#*} anchor=${target#"${target%%#*}"}
			[ "${target%%#*}" ] || file=$document
			{ [ -e "$file" ] && { [ -z "$anchor" ] || anchors "$file" | grep -Fqx -e "${anchor#\#}"; }; } ||
				echo "${document#"$ROOT"/}: $target"
		done
	done
}

# Targets of make that documents name and the Makefile has not.
unknown_targets()
{
	local target

	documents_of_the_tree | sort -u | xargs grep -ohP '(`|^\$ )make \K[a-z][a-z-]*(?![a-z/-])' | sort -u |
		while read -r target; do
			grep -Eq "^$target:" "$ROOT/Makefile" || echo "make $target"
		done
}

# wrong_answer NAME TEXT: the check of answers finds a fault in it.
wrong_answer()
{
	printf '%s\n' "$2" >"$WORK/answer"
	expect "an answer with $1 is found" 1 'out:.' -- "$ROOT/tests/answers.py" "$WORK/answer"
}

# What tests/lib.sh checks at the end of each script rests on these.
test_schema()
{
	[ -z "$(answers_problem)" ] || { skip "the schema" "$(answers_problem | head -n 1)"; return; }
	expect "the schema keeps the rules of json.md" 0 -- "$ROOT/tests/answers.py" schema
	echo '{"schema":1,"record":"frame","address":"0x1000","pfn":1,"state":"unused"}' >"$WORK/answer"
	expect "a good answer" 0 '!out:.' -- "$ROOT/tests/answers.py" "$WORK/answer"
	wrong_answer "an unknown key" '{"schema":1,"record":"frame","address":"0x1000","pfn":1,"state":"unused","frame":1}'
	wrong_answer "a missing key" '{"schema":1,"record":"frame","address":"0x1000","state":"unused"}'
	wrong_answer "a wrong type" '{"schema":1,"record":"frame","address":4096,"pfn":1,"state":"unused"}'
	wrong_answer "a number that doubles round" '{"schema":1,"record":"frame","address":"0x1","pfn":9007199254740993,"state":"unused"}'
	wrong_answer "more digits than jq keeps" '{"schema":1,"record":"life","life":"restarted","at_seconds":1.00000000000000012345}'
	wrong_answer "a key twice" '{"schema":1,"record":"frame","address":"0x1000","pfn":1,"pfn":1,"state":"unused"}'
	wrong_answer "another first key" '{"record":"frame","schema":1,"address":"0x1000","pfn":1,"state":"unused"}'
	wrong_answer "no end" '{"schema":1,"record":"frame",'
}

test_schema
last_command=()
check "each link leads to a file, and to a heading" test -z "$(broken_links)" || broken_links
check "each target that a document names is one" test -z "$(unknown_targets)" || unknown_targets
need_vm "the documents' commands"
shown=()
read -r -a documents <<<"${DOCS:-$(echo "$ROOT"/README.md "$ROOT"/docs/*.md)}"
for document in "${documents[@]}"; do
	run_document "$document"
done
cd "$ROOT" || exit
stop_libvirtd
echo "only shown:"
printf '    %s\n' "${shown[@]}"
last_command=()
check "at most $SHOWN_MAX blocks are only shown" test ${#shown[@]} -le $SHOWN_MAX
finish
