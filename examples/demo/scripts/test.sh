#!/bin/sh
# Runs the unit tests of every service, each in its own folder, as its image will run it.
set -eu
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD/libs:$PWD/base/runtime${PYTHONPATH:+:$PYTHONPATH}"

failed=""
for folder in libs analytics services/*; do
    # The output of a folder is shown only when its tests fail: fourteen logs help nobody.
    if output=$(cd "$folder" && python3 -m unittest 2>&1); then
        echo "ok      $folder"
    else
        echo "FAILED  $folder"
        echo "$output"
        failed="$failed $folder"
    fi
done

if [ -n "$failed" ]; then
    echo "tests failed in:$failed" >&2
    exit 1
fi
