# shellcheck shell=bash
# Bash completion of trebol. It is trebol that says what can come next.

_trebol() {
    # Bash parts words at : = @ as well, which UPIDs, arguments and paths of the API are full of: they are put together
    # again as they stand in the line, up to the cursor, and what bash keeps of the last one is cut from each answer.
    local rest=${COMP_LINE:0:COMP_POINT} part last kept index type value
    local -a words=()
    for ((index = 0; index <= COMP_CWORD; index++)); do
        part=${COMP_WORDS[index]}
        if [[ ${#words[@]} -eq 0 || $rest == [[:space:]]* ]]; then
            rest=${rest#"${rest%%[![:space:]]*}"}
            words+=("")
        fi
        ((index == COMP_CWORD)) && part=$rest
        words[-1]+=$part
        rest=${rest#"$part"}
    done
    last=${words[-1]}
    [[ $last == *"$2" ]] && kept=${last%"$2"}

    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            plain)
                COMPREPLY+=("${value#"$kept"}")
                if [[ $value == *[/=] ]]; then compopt -o nospace; fi
                ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
        esac
    done < <(
        IFS=$'\n'
        COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) _TREBOL_COMPLETE=bash_complete "$1" 2>/dev/null
    )
}

complete -o nosort -F _trebol trebol
