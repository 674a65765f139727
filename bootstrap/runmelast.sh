#!/usr/bin/env bash
# Removes the platform: `bootstrap down`. Volumes and their data, Gitea, the registry and applications stay. Takes its options.
exec "$(dirname -- "${BASH_SOURCE[0]}")/bootstrap.sh" down "$@"
