#!/usr/bin/env bash
# Installs the platform, or brings it to what platform.yaml says: `bootstrap up`. Takes its options, such as --file and --yes.
exec "$(dirname -- "${BASH_SOURCE[0]}")/bootstrap.sh" up "$@"
