# SPDX-License-Identifier: GPL-2.0-or-later
# Bash completion of qemu-net-daemon: options, types, keys and values.

# _qnd_reply PREFIX WORD...: offer the words that begin with what stands behind PREFIX.
_qnd_reply() {
    local prefix=$1 rest=${cur#"$1"} word
    shift
    for word; do
        [[ $word == "$rest"* ]] && COMPREPLY+=("$prefix$word")
    done
    [[ ${COMPREPLY[*]} == *[=,] ]] && compopt -o nospace
}

# _qnd_types OPTION: the types that the option takes first.
_qnd_types() {
    local key
    for key in "${!_qnd_keys[@]}"; do
        [[ $key == "$1":* ]] && echo "${key#*:}"
    done
}

# _qnd_value KEY=A|B: the values of the key under the cursor.
_qnd_value() {
    local word
    for word; do
        if [[ ${word%%=*} == "$key" ]]; then
            IFS='|' read -ra values <<<"${word#*=}"
        fi
    done
}

# _qnd_list OPTION: one value of the form TYPE,KEY=VALUE,...
_qnd_list() {
    local option=$1 before=${cur%"${cur##*,}"} last=${cur##*,}
    local type=${cur%%,*} key=${last%%=*} values=()
    local -a words types
    mapfile -t types < <(_qnd_types "$option")
    type=${type#*=}
    read -ra words <<<"${_qnd_keys[$option:$type]:-${_qnd_keys[$option]:-}}"
    if [[ $last == *=* ]]; then
        _qnd_value "${words[@]}"
        _qnd_reply "$before$key=" "${values[@]}"
    elif [[ -z $before && ${#types[@]} -gt 0 ]]; then
        _qnd_reply '' "${types[@]}" help
    else
        _qnd_reply "$before" "${words[@]/%=*/=}"
    fi
}

_qnd_complete() {
    local cur=${COMP_LINE:0:COMP_POINT} option
    local -a line
    # Bash takes words apart at "=" and ":", which belong to a value here.
    read -ra line <<<"$cur"
    [[ $cur == *' ' ]] && line+=('')
    cur=${line[-1]}
    option=${line[-2]#-}
    option=${option#-}
    COMPREPLY=()
    if [[ $cur == -* ]]; then
        _qnd_reply "${cur%%[!-]*}" "${_qnd_options[@]}"
    elif [[ $option != "${line[-2]}" && -n ${_qnd_files[$option]:-} ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ $option != "${line[-2]}" ]]; then
        _qnd_list "$option"
    fi
    # Readline puts back what stands in front of its own last word.
    local own=${COMP_WORDS[COMP_CWORD]}
    [[ $own == [=:] ]] && own=
    COMPREPLY=("${COMPREPLY[@]#"${cur%"$own"}"}")
}

complete -F _qnd_complete qemu-net-daemon
