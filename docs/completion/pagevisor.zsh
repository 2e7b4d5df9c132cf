#compdef pagevisor
# SPDX-License-Identifier: MPL-2.0
#
# Completion of pagevisor's command line in zsh. The command itself says what there is to complete; vmm/cli/completion.h
# explains how.

_pagevisor()
{
	local line last candidate
	local -a lines before closed open

	before=("${(@Q)words[2,CURRENT-1]}")
	((CURRENT > 2)) || before=()
	lines=("${(@f)$("${(Q)words[1]}" complete "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
	last=${lines[-1]}
	[[ -n $last ]] || return 1
	for line in "${(@)lines[1,-2]}"; do
		[[ $line = *$'\t'* ]] || continue
		# _describe takes what follows a colon for the description.
		candidate=${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}
		# What follows = belongs to the same word.
		if [[ $line = *=$'\t'* ]]; then
			open+=("$candidate")
		else
			closed+=("$candidate")
		fi
	done
	_describe -t values value closed
	_describe -t options option open -S ''
	case $last in
	files*)
		[[ $last != *= ]] || compset -P '*='
		_files
		;;
	captures*) _files -g '*.pvc' ;;
	esac
}

_pagevisor "$@"
