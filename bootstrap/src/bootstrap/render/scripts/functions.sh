# What runmefirst.sh and runmelast.sh have in common. Sourced by them, in their folder.

# shellcheck shell=bash

# How long one thing is waited for, in seconds.
patience=300
declare -A from_cluster=() by_hand=() early=() sums=()
declare -a random=()

say() { printf '%s\n' "$*"; }

section() { say "==> $*"; }

fail() {
    printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2
    exit 1
}

need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || fail "$program is missing" "install it"
    done
}

# Says which cluster it is before anything is done to it.
reach_cluster() {
    cluster=$(kube config view --minify --output 'jsonpath={.clusters[0].cluster.server}' 2>/dev/null) || cluster='that this pod is in'
    section "Cluster $cluster"
    kube get --raw /version >/dev/null || fail "the cluster can't be reached" "see why above; kubectl config get-contexts shows what there is"
}

kube() { kubectl ${CONTEXT:+--context "$CONTEXT"} "$@"; }

chart() { helm ${CONTEXT:+--kube-context "$CONTEXT"} "$@"; }

in_namespace() { if [[ -n $1 ]]; then printf -- '--namespace\n%s\n' "$1"; fi; }

# Where the values of secrets come from. A file in secrets/ always wins.
secret_from_cluster() { from_cluster[$1]="$2 $3 $4 $5"; }
secret_by_hand() { by_hand[$1]=$2; }
secret_by_hand_early() { by_hand[$1]=$2 early[$1]=1; }
secret_at_random() { random+=("$1"); }

# A place that changes with what is in files: NAME FILE...
sum_of() { sums[$1]=${*:2}; }

# Makes what can be made, and names all that is missing of what can be had by now.
prepare_secrets() {
    local name missing=0
    mkdir -p secrets
    chmod 700 secrets
    for name in "${random[@]}"; do
        [[ -s secrets/$name ]] || (umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"secrets/$name")
    done
    for name in $(printf '%s\n' "${!early[@]}" | sort); do
        if [[ ! -s secrets/$name ]]; then
            printf 'missing: secrets/%s, %s\n' "$name" "${by_hand[$name]}" >&2
            missing=1
        fi
    done
    ((missing == 0)) || fail "secrets are missing" "write each into its file (README.md), then run this again"
}

value_of() {
    local name=$1 kind namespace object key decode='' value file
    if [[ -s secrets/$name ]]; then
        value=$(<"secrets/$name")
    elif [[ -n ${from_cluster[$name]:-} ]]; then
        read -r kind namespace object key <<<"${from_cluster[$name]}"
        [[ $kind != secret ]] || decode=' | base64decode'
        value=$(kube get "$kind" "$object" --namespace "$namespace" --output "go-template={{index .data \"$key\"$decode}}") ||
            fail "$name can't be read from $kind $namespace/$object" "see why above; or write it into secrets/$name"
        [[ $value != '<no value>' ]] || fail "$kind $namespace/$object has no key $key" "write it into secrets/$name"
    elif [[ -n ${sums[$name]:-} ]]; then
        value=$(for file in ${sums[$name]}; do filled "$file"; done | cksum)
        value=${value%% *}
    else
        fail "secrets/$name is missing: ${by_hand[$name]:-nothing says what it is}" "write it there, then run this again"
    fi
    # Files of certificates and keys end with a line feed, which the shell has taken away.
    if [[ $value == *$'\n'* ]]; then value+=$'\n'; fi
    printf '%s.' "$value"
}

# A value as it stands between the quotes of JSON, and of YAML.
escaped() {
    local value
    value=$(value_of "$1")
    value=${value%.}
    value=${value//\\/\\\\}
    value=${value//\"/\\\"}
    value=${value//$'\n'/\\n}
    value=${value//$'\r'/\\r}
    value=${value//$'\t'/\\t}
    printf '%s' "$value"
}

# The text of a file, with the values in the places of their names.
filled() {
    local text name value
    text=$(<"$1")
    for name in "${!from_cluster[@]}" "${!by_hand[@]}" "${random[@]}" "${!sums[@]}"; do
        if [[ $text == *"\${$name}"* ]]; then
            value=$(escaped "$name")
            text=${text//"\${$name}"/"$value"}
        fi
    done
    printf '%s\n' "$text"
}

apply() {
    local text said deadline=$((SECONDS + patience))
    say "    $1"
    text=$(filled "$1")
    # Right after a chart its kinds are not served yet, and its webhooks do not answer.
    until said=$(kube apply --server-side --filename - 2>&1 <<<"$text"); do
        if ((SECONDS > deadline)) || ! grep -qE 'no matches for kind|failed calling webhook|could not find the requested resource' <<<"$said"; then
            printf '%s\n' "$said" >&2
            fail "$1 was refused" "see why above, then run this again"
        fi
        sleep 2
    done
}

install() {
    local release=$1 namespace=$2 values=$3 timeout=$4 text said hint="see why above, and: kubectl get pods --namespace $2; then run this again"
    shift 4
    say "    $release ($1)"
    text=$(filled "$values")
    said=$(chart upgrade --install "$release" "$@" --namespace "$namespace" --values - --wait --timeout "$timeout" 2>&1 >/dev/null <<<"$text") && return
    printf '%s\n' "$said" >&2
    # A run that was killed leaves this behind.
    if [[ $said == *'another operation'* ]]; then
        hint="if nobody else installs it now: helm rollback $release --namespace $namespace (of a first installation: helm uninstall)"
    fi
    fail "the release $namespace/$release can't be installed" "$hint"
}

# A volume whose claim was deleted waits for that very claim: only a new one of the same name may have it.
free_volume() {
    local phase
    phase=$(kube get persistentvolume "$1" --ignore-not-found --output 'jsonpath={.status.phase}')
    [[ $phase == Released ]] || return 0
    kube patch persistentvolume "$1" --type json --patch '[
        {"op": "add", "path": "/spec/claimRef/resourceVersion", "value": ""},
        {"op": "remove", "path": "/spec/claimRef/resourceVersion"},
        {"op": "remove", "path": "/spec/claimRef/uid"}]' >/dev/null
}

# The name of the volume that a claim is bound to, where its class has made one.
volume_of() { kube get persistentvolumeclaim "$2" --namespace "$1" --ignore-not-found --output 'jsonpath={.spec.volumeName}'; }

# Most classes delete it with its claim, which goes with its namespace.
retain_volume_of() {
    local volume
    volume=$(volume_of "$1" "$2")
    [[ -n $volume ]] || return 0
    kube patch persistentvolume "$volume" --patch '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}' >/dev/null
}

# Frees the newest volume that an earlier claim of this name has left, unless there is a claim, or a volume that is free for one.
free_volume_of() {
    local claim phase policy volume volumes newest=''
    [[ -z $(kube get persistentvolumeclaim "$2" --namespace "$1" --ignore-not-found --output name) ]] || return 0
    volumes=$(kube get persistentvolume --sort-by .metadata.creationTimestamp --output 'go-template={{range .items}}{{if .spec.claimRef -}}
        {{.spec.claimRef.namespace}}/{{.spec.claimRef.name}} {{.status.phase}} {{.spec.persistentVolumeReclaimPolicy}} {{.metadata.name}}
        {{- "\n"}}{{end}}{{end}}')
    while read -r claim phase policy volume; do
        [[ $claim == "$1/$2" ]] || continue
        [[ $phase != Available ]] || return 0
        [[ $phase/$policy != Released/Retain ]] || newest=$volume
    done <<<"$volumes"
    [[ -z $newest ]] || free_volume "$newest"
}

ready() {
    local -a where
    mapfile -t where < <(in_namespace "$2")
    kube wait --for condition=Ready --timeout "${patience}s" "${where[@]}" "$1/$3" >/dev/null ||
        fail "$1 $3 is not ready" "look at: kubectl describe $1 $3${2:+ --namespace $2}"
}

rolled_out() {
    kube rollout status --timeout "${patience}s" --namespace "$2" "$1/$3" >/dev/null ||
        fail "$1 $2/$3 is not ready" "look at: kubectl describe $1 $3 --namespace $2"
}

retained() {
    local policy
    policy=$(kube get persistentvolume "$1" --ignore-not-found --output 'jsonpath={.spec.persistentVolumeReclaimPolicy}')
    [[ -z $policy || $policy == Retain ]] ||
        fail "PersistentVolume $1 would not be retained: its persistentVolumeReclaimPolicy is $policy" \
            "kubectl patch persistentvolume $1 --patch '{\"spec\":{\"persistentVolumeReclaimPolicy\":\"Retain\"}}'"
}

volume_of_retained() {
    local volume
    volume=$(volume_of "$1" "$2")
    [[ -z $volume ]] || retained "$volume"
}

keeps_namespace() {
    local keeps
    keeps=$(kube get namespace "$1" --ignore-not-found --output 'go-template={{with .metadata.annotations}}{{index . "kargo.akuity.io/keep-namespace"}}{{end}}')
    if [[ $keeps != true && -n $(kube get namespace "$1" --ignore-not-found --output name) ]]; then
        fail "namespace $1 would be deleted with its Kargo project, and all that is in it" \
            "kubectl annotate namespace $1 kargo.akuity.io/keep-namespace=true"
    fi
}

# A finalizer of Argo CD would delete what runs together with its Application.
without_cascade() {
    if [[ -n $(kube get application.argoproj.io "$2" --namespace "$1" --ignore-not-found --output name 2>/dev/null) ]]; then
        kube patch application.argoproj.io "$2" --namespace "$1" --type merge --patch '{"metadata":{"finalizers":null}}' >/dev/null
    fi
}

remove() {
    local said
    local -a where
    mapfile -t where < <(in_namespace "$2")
    say "    $1 ${2:+$2/}$3"
    if ! said=$(kube delete "$1" "$3" "${where[@]}" --ignore-not-found --wait --timeout "${patience}s" 2>&1); then
        # Without the kind there can't be one.
        grep -qE "doesn't have a resource type|no matches for kind|could not find the requested resource" <<<"$said" && return
        printf '%s\n' "$said" >&2
        fail "$1 $3 can't be deleted" "see why above; look at: kubectl describe $1 $3${2:+ --namespace $2}"
    fi
}

remove_release() {
    say "    release $2/$1"
    chart uninstall "$1" --namespace "$2" --ignore-not-found --wait --timeout "$3" >/dev/null ||
        fail "the release $2/$1 can't be removed" "see why above; what is left of it: kubectl get all --namespace $2"
}

# Each takes its time, so all go at once.
remove_namespaces() {
    local said
    say "    namespaces $*"
    said=$(kube delete namespace "$@" --ignore-not-found --wait --timeout "${patience}s" 2>&1) && return
    printf '%s\n' "$said" >&2
    fail "a namespace can't be deleted" "its conditions name what it waits for: kubectl describe namespace $*"
}

# Runners carry finalizers that only their controller takes away: it must not go before them.
without_runners() {
    local kind left deadline=$((SECONDS + patience))
    for kind in autoscalingrunnersets autoscalinglisteners ephemeralrunnersets ephemeralrunners; do
        while left=$(kube get "$kind.actions.github.com" --namespace "$1" --ignore-not-found --output name 2>/dev/null) && [[ -n $left ]]; do
            ((SECONDS <= deadline)) || fail "runners in $1 are still there: $left" "their controller is to clean up first: see its log"
            sleep 2
        done
    done
}

remove_unused_kind() {
    local plural=${1%%.*} group=${1#*.}
    if [[ -z $(kube get "$plural.$group" --all-namespaces --ignore-not-found --output name 2>/dev/null) ]]; then
        remove customresourcedefinition '' "$1"
    fi
}

confirm() {
    local answer
    [[ ${1:-} != --yes ]] || return 0
    [[ -t 0 ]] || fail "nobody can be asked here" "run it with --yes"
    read -r -p "Remove the platform from the cluster $cluster? Volumes and their data, Gitea, the registry and applications stay. [y/N] " answer
    [[ $answer == [yY]* ]] || fail "nothing was removed" "answer y, or run it with --yes"
}
