#!/bin/sh
# The rules of this repository that need nothing but a shell: clean text, and no service that the pipeline forgets.
set -eu
cd "$(dirname "$0")/.."
problems=0

complain() {
    echo "lint: $1" >&2
    problems=$((problems + 1))
}

tab=$(printf '\t')
if grep -rnIE "(^(<<<<<<<|>>>>>>>) )|[ $tab]+\$" --exclude-dir=.git . >&2; then
    complain "merge conflict markers or trailing blanks"
fi

for folder in services/*/; do
    name=$(basename "$folder")
    [ -f "$folder/Dockerfile" ] || complain "$folder has no Dockerfile"
    ls "$folder"test_*.py >/dev/null 2>&1 || complain "$folder has no test"
    grep -q "name: ${name}[, }]" .woodpecker.yml || complain ".woodpecker.yml does not build $name"
done

for script in scripts/*.sh; do
    sh -n "$script" || complain "$script is not valid shell"
done

[ "$problems" -eq 0 ] || exit 1
echo "lint: no problems in $(find . -name .git -prune -o -type f -print | wc -l) files"
