# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
#
# Completion of pagevisor's command line in bash. What there is to complete it asks the command itself: its help names the
# subcommands, their options and arguments, and ps the VMs that run. So nothing here has to be told of a new command.

# _pagevisor_offer WORD CANDIDATE...: those that go on as WORD does. Readline takes what follows a colon for a word of its
# own, as far as COMP_WORDBREAKS has it.
_pagevisor_offer()
{
	local word=$1 before=

	shift
	[[ $word != *:* || $COMP_WORDBREAKS != *:* ]] || before=${word%"${word##*:}"}
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$word")
	COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

# _pagevisor_files WORD: files of any kind.
_pagevisor_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# _pagevisor_vms PROGRAM WORD: VMs that run, and captures; folders on the way to one where there is nothing else.
_pagevisor_vms()
{
	local names member=name prefix=

	[[ $2 != pid:* ]] || member=pid prefix=pid:
	names=$("$1" ps --json 2>/dev/null | sed -nE 's/.*"'$member'" *: *"?([A-Za-z0-9._:\/#@+-]+).*/'$prefix'\1/p')
	_pagevisor_offer "$2" "$names"
	[ -z "$prefix" ] || return
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -X '!*.pvc' -- "$2")
	[[ ${#COMPREPLY[@]} -gt 0 && $2 != */* ]] ||
		mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -S / -- "$2")
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != */ ]] || compopt -o nospace 2>/dev/null
}

# _pagevisor_workloads PROGRAM: those of the guest that comes with it.
_pagevisor_workloads()
{
	local folder

	folder=$(dirname "$(realpath "$(type -P "$1")")")
	cat "$folder/workloads" "$folder/../lib/pagevisor/workloads" 2>/dev/null
}

# _pagevisor_stress PROGRAM scenarios|faults: what stress lists below that heading.
_pagevisor_stress()
{
	"$1" stress --list 2>/dev/null | sed -nE "/^$2/,/^[^ ]/s/^  ([a-z_]+) .*/\1/p"
}

# _pagevisor_value PROGRAM ARGUMENT OPTION WORD: what an option may have, by what its help calls that.
_pagevisor_value()
{
	case $3:$2 in
	--workload:*) _pagevisor_offer "$4" "$(_pagevisor_workloads "$1")" ;;
	--plant:*) _pagevisor_offer "$4" all "$(_pagevisor_stress "$1" faults)" ;;
	*'|'*) _pagevisor_offer "$4" "${2//|/ }" ;;
	*:*FILE*) _pagevisor_files "$4" ;;
	*:VM) _pagevisor_vms "$1" "$4" ;;
	esac
}

# _pagevisor_argument PROGRAM HELP WORD: what is no option, by the first line of the help.
_pagevisor_argument()
{
	case ${2%%$'\n'*} in
	*FILE*) _pagevisor_files "$3" ;;
	*SCENARIO*) _pagevisor_offer "$3" all "$(_pagevisor_stress "$1" scenarios)" ;;
	*VM* | *' A B'*) _pagevisor_vms "$1" "$3" ;;
	esac
}

# A line for each option: the long name, the short one or "-", and what its argument is called, if it has one.
_pagevisor_options()
{
	sed -nE 's/^ {2,6}(-[^ ,]), (--[a-z0-9-]+)(\[?=([^] ]+))?.*/\2 \1 \4/p; s/^ {2,6}(--[a-z0-9-]+)(\[?=([^] ]+))?.*/\1 - \3/p'
}

_pagevisor()
{
	local program=$1 line=${COMP_LINE:0:COMP_POINT} word words command help options before long short argument

	COMPREPLY=()
	[[ ${program:0:2} != '~'/ ]] || program=$HOME/${program:2}
	# Not COMP_WORDS: there an option and its value are three words, or one.
	word=${line##*[[:space:]]}
	read -ra words <<<"${line%"$word"}"
	command=${words[1]:-}
	before=${words[-1]}
	if [ ${#words[@]} -eq 1 ] || { [ "$command" = help ] && [ ${#words[@]} -eq 2 ]; }; then
		_pagevisor_offer "$word" "$("$program" help 2>/dev/null | sed -nE 's/^  ([a-z][a-z0-9-]*) .*/\1/p')"
		return
	fi
	case $command in help | version | -*) return ;; esac
	help=$("$program" "$command" --help 2>/dev/null) || return
	options=$(_pagevisor_options <<<"$help")
	[[ $word != --*=* ]] || before=${word%%=*} word=${word#*=}
	while read -r long short argument; do
		if [ -n "$argument" ] && { [ "$before" = "$long" ] || [ "$before" = "$short" ]; }; then
			_pagevisor_value "$program" "$argument" "$long" "$word"
			return
		fi
	done <<<"$options"
	case $word in
	-*)
		_pagevisor_offer "$word" "$(while read -r long short argument; do
			echo "$long${argument:+=}"
		done <<<"$options")"
		[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
		;;
	*) _pagevisor_argument "$program" "$help" "$word" ;;
	esac
}

complete -F _pagevisor pagevisor
