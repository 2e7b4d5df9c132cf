# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=bash
#
# Completion of pagevisor's command line in bash. The command itself says what there is to complete; vmm/cli/completion.h
# explains how. Here are the words of a line as the shell takes them, and its quotes.

# _pagevisor_offer CANDIDATE...: those that go on as the last word does. They may have any characters: they are offered
# as the shell takes them, in the quotes that were begun, or with a backslash before what the shell would obey. Readline
# takes what follows = or : for a word of its own, as far as COMP_WORDBREAKS has them.
_pagevisor_offer()
{
	local candidate before=''

	if [[ -z $quote ]]; then
		[[ $plain != *=* || $COMP_WORDBREAKS != *=* ]] || before=${plain%"${plain##*=}"}
		[[ $plain != *:* || $COMP_WORDBREAKS != *:* ]] || before=${plain%"${plain##*:}"}
	fi
	for candidate; do
		[[ $candidate = "$plain"* ]] || continue
		candidate=${candidate#"$before"}
		case $quote in
		\') [[ $candidate != *\'* ]] || continue ;;
		\") candidate=${candidate//\\/\\\\} candidate=${candidate//\"/\\\"} candidate=${candidate//\$/\\$} candidate=${candidate//\`/\\\`} ;;
		*) printf -v candidate %q "$candidate" && candidate=${candidate/#'\~'/'~'} ;;
		esac
		COMPREPLY+=("$candidate")
	done
}

# _pagevisor_files: files of any kind. Readline quotes their names.
_pagevisor_files()
{
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "${plain#"$1"}")
}

# _pagevisor_captures: captures; folders on the way to one where there is nothing else.
_pagevisor_captures()
{
	local found

	mapfile -t found < <(compgen -f -X '!*.pvc' -- "$plain")
	_pagevisor_offer "${found[@]}"
	if [[ ${#COMPREPLY[@]} -eq 0 || $plain = */* ]]; then
		mapfile -t found < <(compgen -d -S / -- "$plain")
		_pagevisor_offer "${found[@]}"
	fi
}

# _pagevisor_words LINE: sets $words to those before the last, and $plain to the last, as the shell takes them, and $quote
# that is open at its end.
_pagevisor_words()
{
	local line=$1 char i is_word=''

	words=() plain='' quote=''
	for ((i = 0; i < ${#line}; i++)); do
		char=${line:i:1}
		if [[ -z $quote && $char = [[:space:]] ]]; then
			[[ -z $is_word ]] || words+=("$plain")
			plain='' is_word=''
			continue
		fi
		is_word=yes
		if [[ $char = "$quote" ]]; then
			quote=''
		elif [[ $char = \\ && $quote != \' ]]; then
			i=$((i + 1))
			plain+=${line:i:1}
		elif [[ -z $quote && $char = [\'\"] ]]; then
			quote=$char
		else
			plain+=$char
		fi
	done
}

_pagevisor()
{
	local program=$1 words plain quote lines last

	COMPREPLY=()
	[[ ${program:0:2} != '~'/ ]] || program=$HOME/${program:2}
	# Not COMP_WORDS: there an option and its value are three words, or one.
	_pagevisor_words "${COMP_LINE:0:COMP_POINT}"
	mapfile -t lines < <("$program" complete "${words[@]:1}" "$plain" 2>/dev/null)
	[[ ${#lines[@]} -gt 0 ]] || return 0
	last=${lines[-1]}
	unset 'lines[-1]'
	_pagevisor_offer "${lines[@]%%$'\t'*}"
	case $last in
	files*) _pagevisor_files "${last#files }" ;;
	captures*) _pagevisor_captures ;;
	esac
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *[=/] ]] || compopt -o nospace 2>/dev/null
}

complete -F _pagevisor pagevisor
