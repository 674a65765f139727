"""The rights of a nightly Job: to read exactly the kinds that it exports, where they are; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from bootstrap.backup.kinds import EXPORTED, definitions
from bootstrap.backup.scope import Scope


def rules(scope: Scope) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return the rules by namespace."""
    found: dict[str, dict[str, list[str]]] = {}
    for each in EXPORTED:
        if each.part not in scope.parts or each.by_name or (each.is_secret and not scope.recipients):
            continue
        for namespace in scope.namespaces(each.part):
            resources = found.setdefault(namespace, {}).setdefault(each.group, [])
            if each.plural not in resources:
                resources.append(each.plural)
    return {
        namespace: [{"apiGroups": [group], "resources": resources, "verbs": ["list"]} for group, resources in groups.items()]
        for namespace, groups in found.items()
    }


def cluster_rules(scope: Scope) -> Sequence[Mapping[str, Any]]:
    """Return the rules for kinds of the whole cluster."""
    names = [name for part in scope.parts for name in definitions(part)]
    wanted = [("apiextensions.k8s.io", "customresourcedefinitions", names)]
    wanted.append(("", "namespaces", [name for part in scope.parts for name in scope.namespaces(part)]))
    wanted += [
        (each.group, each.plural, list(scope.namespaces(each.part))) for each in EXPORTED if each.by_name and each.part in scope.parts
    ]
    return [
        {"apiGroups": [group], "resources": [plural], "verbs": ["get"], "resourceNames": list(dict.fromkeys(names))}
        # Without names a rule would be for all.
        for group, plural, names in wanted
        if names
    ]
