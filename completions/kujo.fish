# SPDX-License-Identifier: Apache-2.0
# Completion for fish. Commands and options come from the program's own help.

function __kujo_commands
    env LC_ALL=C kujo --help 2>/dev/null | string match -rg '^  ([a-z]+)  +.*$'
end

function __kujo_options
    set -l words (commandline -opc)
    set -l path $words[2]
    contains -- "$path" defs quarantine; and set -a path $words[3]
    test "$path" = yara; and contains -- "$words[3]" check fmt; and set -a path $words[3]
    env LC_ALL=C kujo $path --help 2>/dev/null | string match -rg '^  (?:-.,|   ) (--[a-z-]+).*$'
end

complete -c kujo -n 'test (count (commandline -opc)) -eq 1' -f -a '(__kujo_commands)'
complete -c kujo -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__kujo_options)'
complete -c kujo -n 'contains info (commandline -opc)' -f -a '(kujo defs list 2>/dev/null | head -n 5000)'
