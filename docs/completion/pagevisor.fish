# SPDX-License-Identifier: MPL-2.0
#
# Completion of pagevisor's command line in fish. The command itself says what there is to complete; vmm/cli/completion.h
# explains how.

function __pagevisor_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l lines ($words[1] complete $words[2..] "$word" 2>/dev/null)

    test (count $lines) -gt 0; or return
    string match -- '*'\t'*' $lines
    switch $lines[-1]
        case 'files*'
            set -l before (string replace 'files ' '' -- $lines[-1])
            set -l files (__fish_complete_path (string sub -s (math 1 + (string length -- "$before")) -- "$word"))
            test (count $files) -eq 0; or printf "$before%s\n" $files
        case 'captures*'
            __fish_complete_path "$word" | string match -r '^.*(?:\.pvc|/)(?:\t.*)?$'
    end
end

complete -c pagevisor -f -a '(__pagevisor_complete)'
