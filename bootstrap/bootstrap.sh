#!/usr/bin/env bash
# bootstrap from a checkout, with nothing but Python and Helm: ./bootstrap.sh plan --file ../examples/stonks-oracle/platform.yaml
#
# The libraries go into an environment outside the checkout, once for each state of requirements.lock.
#   PYTHON            the Python to use           LOCAL_CICD_CACHE  where environments are kept
set -euo pipefail

folder=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
caches=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
cache=${LOCAL_CICD_CACHE:-${caches:+$caches/local-cicd}}
lock=$folder/requirements.lock

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $1"
    say "  hint: $2"
    exit 1
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    if [[ -n ${PYTHON:-} ]]; then
        is_new_enough "$PYTHON" || fail "PYTHON is $PYTHON, which is no Python 3.11 or newer" "unset PYTHON, or name another one"
        command -v "$PYTHON"
        return
    fi
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && is_new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is missing" "install python3, name one in PYTHON, or run the container image bootstrap"
}

need_helm() {
    local word
    for word in "$@"; do
        # Another one is named, or nothing is done.
        case $word in --helm | --helm=* | --help | -h) return ;; esac
    done
    case ${1:-} in
    up | down | plan | status)
        command -v helm >/dev/null ||
            fail "Helm is missing" "install Helm 3.14 or newer (helm.sh/docs/intro/install), name one with --helm, or run the container image bootstrap"
        ;;
    esac
}

make_environment() {
    local python=$1 environment=$2 unfinished=$2.$$ log=$2.log
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python can't make environments: its module ensurepip is missing" "install it (Debian and Ubuntu: apt install python3-venv)"
    mkdir -p -- "$cache"
    say "==> installing bootstrap's libraries into $environment (half a minute, once)"
    # Its name as it is now: the variable is gone when the trap comes.
    # shellcheck disable=SC2064
    trap "rm -rf -- '$unfinished'" EXIT
    "$python" -m venv "$unfinished"
    if ! "$unfinished/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$lock" >"$log" 2>&1; then
        tail -n 15 -- "$log" >&2
        fail "the libraries can't be installed (all of pip's output: $log)" "pip needs a way to a package index: see pip.conf and the proxy variables"
    fi
    # Whole or not at all, even if somebody else was faster.
    [[ -e $environment ]] || mv -- "$unfinished" "$environment"
    rm -rf -- "$unfinished" "$log"
    trap - EXIT
    say "    done; where something says \`bootstrap\`, type $folder/bootstrap.sh"
}

[[ -n $cache ]] || fail "there is no place to keep bootstrap's libraries" "set HOME, or name a folder in LOCAL_CICD_CACHE"
need_helm "$@"
python=$(find_python)
stamp=$({ cat -- "$lock" && "$python" -c 'import sys; print(sys.executable, sys.version)'; } | cksum | cut -d' ' -f1)
environment=$cache/bootstrap-$stamp
[[ -x $environment/bin/python ]] || make_environment "$python" "$environment"

export PYTHONPATH=$folder/src:$folder/../plugins/plugin-kit/src
# -P: a json.py in the current folder is not to be taken for Python's own.
exec "$environment/bin/python" -P -m bootstrap "$@"
