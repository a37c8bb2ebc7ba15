# SPDX-License-Identifier: Apache-2.0
# Completion for bash. Commands and options come from the program's own help.

_kujo_words() {
    LC_ALL=C "$1" "${@:2}" --help 2>/dev/null | sed -n "$_kujo_pattern"
}

_kujo() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} words=()
    local _kujo_pattern='s/^  \([a-z][a-z-]*\)  *.*/\1/p'
    if ((COMP_CWORD == 1)) || [[ $command == help && COMP_CWORD -eq 2 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_kujo_words "$program") --help --version" -- "$current")
        return
    fi
    if [[ $command == @(defs|quarantine) && COMP_CWORD -eq 2 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_kujo_words "$program" "$command") --help" -- "$current")
        return
    fi
    case $previous in
        --rules-kind) mapfile -t COMPREPLY < <(compgen -W "yara advisory ndb ldb hdb hsb mdb msb imp cdb" -- "$current"); return ;;
        --heuristic)
            mapfile -t COMPREPLY < <(compgen -W "all= Mail= $("$program" scan --list-heuristics 2>/dev/null |
                sed -n 's/^Heuristics\.\([A-Za-z0-9.]*\).*/\1=/p')" -- "$current")
            compopt -o nospace
            return ;;
        --type) mapfile -t COMPREPLY < <(compgen -W "yara ndb ldb hdb hsb mdb msb imp cdb crb" -- "$current"); return ;;
        --lang) mapfile -t COMPREPLY < <(compgen -W "en ja" -- "$current"); return ;;
    esac
    if ((COMP_CWORD > 3)) && [[ "${COMP_WORDS[*]:COMP_CWORD-3:3}" == --heuristic\ *\ = ||
                                "${COMP_WORDS[*]:COMP_CWORD-2:3}" == --heuristic\ *\ = ]]; then
        mapfile -t COMPREPLY < <(compgen -W "ignore report detect" -- "${current#=}")
        return
    fi
    if [[ $current == -* ]]; then
        words=("$command")
        [[ $command == yara && ${COMP_WORDS[2]} == @(check|fmt) ]] && words+=("${COMP_WORDS[2]}")
        [[ $command == @(defs|quarantine) ]] && words+=("${COMP_WORDS[2]}")
        _kujo_pattern='s/^  \(-.,\|   \) \(--[a-z-]*\).*/\2/p'
        mapfile -t COMPREPLY < <(compgen -W "$(_kujo_words "$program" "${words[@]}")" -- "$current")
        return
    fi
    if [[ $command == info ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$program" defs list 2>/dev/null | head -n 5000)" -- "$current")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

complete -o filenames -F _kujo kujo
