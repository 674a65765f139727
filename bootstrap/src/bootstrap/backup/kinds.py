"""The kinds that are exported, in the order in which they are restored: what the later ones name comes first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bootstrap.backup.scope import Part, Scope
from bootstrap.break_glass.record import LABEL as BREAK_GLASS
from bootstrap.core.objects import Ref
from bootstrap.core.record import RECORD

KARGO = "kargo.akuity.io/v1alpha1"
ARGO_CD = "argoproj.io/v1alpha1"
DEFINITIONS = "apiextensions.k8s.io/v1"
BREAK_GLASS_ARCHIVE = "local-cicd.dev/break-glass-archive"
# Kargo's label of logins, and Argo CD's of repositories and clusters.
_LOGIN = "kargo.akuity.io/cred-type"
_REPOSITORY = "argocd.argoproj.io/secret-type"
# Kubernetes' DNS subdomain: a name becomes a part of an address of the API server.
_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A kind in the namespaces of one part; `labels` are as for `Cluster.list`."""

    part: Part
    api_version: str
    kind: str
    plural: str
    labels: Mapping[str, str | None] = field(default_factory=dict)
    by_name: bool = False
    """A kind of the whole cluster whose objects are called as the namespaces of the part are."""

    @property
    def group(self) -> str:
        """The API group, empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def is_secret(self) -> bool:
        """Whether it is written only in encrypted form."""
        return self.kind == "Secret"


EXPORTED = (
    Exported(part=Part.RECORDS, api_version="v1", kind="Secret", plural="secrets", labels={RECORD: None}),
    Exported(part=Part.BREAK_GLASS, api_version="v1", kind="ConfigMap", plural="configmaps", labels={BREAK_GLASS_ARCHIVE: None}),
    Exported(part=Part.BREAK_GLASS, api_version="v1", kind="ConfigMap", plural="configmaps", labels={BREAK_GLASS: None}),
    Exported(part=Part.KARGO, api_version=KARGO, kind="Project", plural="projects", by_name=True),
    Exported(part=Part.KARGO, api_version=KARGO, kind="ProjectConfig", plural="projectconfigs"),
    Exported(part=Part.KARGO, api_version="v1", kind="Secret", plural="secrets", labels={_LOGIN: None}),
    Exported(part=Part.KARGO, api_version="v1", kind="ConfigMap", plural="configmaps"),
    Exported(part=Part.KARGO, api_version=KARGO, kind="PromotionTask", plural="promotiontasks"),
    Exported(part=Part.KARGO, api_version=ARGO_CD, kind="AnalysisTemplate", plural="analysistemplates"),
    Exported(part=Part.KARGO, api_version=KARGO, kind="Warehouse", plural="warehouses"),
    Exported(part=Part.KARGO, api_version=KARGO, kind="Stage", plural="stages"),
    Exported(part=Part.KARGO, api_version=KARGO, kind="Freight", plural="freights"),
    Exported(part=Part.KARGO, api_version=KARGO, kind="Promotion", plural="promotions"),
    Exported(part=Part.ARGO_CD, api_version="v1", kind="Secret", plural="secrets", labels={_REPOSITORY: None}),
    Exported(part=Part.ARGO_CD, api_version=ARGO_CD, kind="AppProject", plural="appprojects"),
    Exported(part=Part.ARGO_CD, api_version=ARGO_CD, kind="Application", plural="applications"),
)


def definition(api_version: str, plural: str) -> str | None:
    """Return the name of the CRD of a kind, None for those of Kubernetes itself."""
    group = api_version.rpartition("/")[0]
    return f"{plural}.{group}" if "." in group else None


def definitions(part: Part) -> tuple[str, ...]:
    """Return the CRDs that the kinds of a part need."""
    found = (definition(each.api_version, each.plural) for each in EXPORTED if each.part is part)
    return tuple(dict.fromkeys(name for name in found if name))


def is_exported(scope: Scope, part: Part, ref: Ref) -> bool:
    """Tell whether a backup of this scope may hold an object in a part: of the kinds that are exported, or what they need around them."""
    homes = scope.namespaces(part)
    kind = (ref.api_version, ref.kind)
    kinds = {(one.api_version, one.kind): one.by_name for one in EXPORTED if one.part is part}
    if ref.namespace is not None:
        return kinds.get(kind) is False and ref.namespace in homes and _NAME.fullmatch(ref.name) is not None
    if kind == (DEFINITIONS, "CustomResourceDefinition"):
        return ref.name in definitions(part)
    return (kind == ("v1", "Namespace") or kinds.get(kind) is True) and ref.name in homes


# Restored before anything else, each of these before the next.
_FIRST = ("CustomResourceDefinition", "Namespace")


def rank(part: Part, api_version: str, kind: str) -> int:
    """Return where in the order of a restore an object comes; what is not exported comes last, and is refused."""
    if kind in _FIRST:
        return _FIRST.index(kind)
    found = [place for place, each in enumerate(EXPORTED) if (each.part, each.api_version, each.kind) == (part, api_version, kind)]
    return len(_FIRST) + (found[0] if found else len(EXPORTED))
