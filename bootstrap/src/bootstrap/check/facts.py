"""What the rendered files and the repository are held against: from platform.yaml, or, where there is none, from the rendered files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bootstrap.check.source import Source, items, texts
from bootstrap.check.tree import Tree
from bootstrap.components.forge import git_url
from bootstrap.components.trust import makes_ca
from bootstrap.platform.chart import Chart
from bootstrap.platform.namespaces import Use, uses
from bootstrap.platform.pipeline_secret import OWN_SECRETS
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from plugin_kit.reference import parse_registry

ARGO_CD = "argoproj.io"
KARGO = "kargo.akuity.io"
AUTHORIZED_STAGE = "kargo.akuity.io/authorized-stage"
REPOSITORY_LABEL = "argocd.argoproj.io/secret-type"
CREDENTIALS_LABEL = "kargo.akuity.io/cred-type"
PUBLIC_REGISTRIES = frozenset(
    {"docker.io", "index.docker.io", "ghcr.io", "quay.io", "gcr.io", "registry.k8s.io", "public.ecr.aws", "mcr.microsoft.com"}
)
PUBLIC_FORGES = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})
_HOST_OF_HUB = "docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """A stage: its namespace, its Application, the branch that this follows, and its values files."""

    name: str
    namespace: str
    application: str
    values_files: tuple[str, ...] = ()

    @property
    def branch(self) -> str:
        """The branch that holds what is deployed."""
        return f"stage/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFacts:
    """A project; `secrets` are those that the platform gives to its pipelines, None where that is not known."""

    name: str
    repository_url: str
    images: str
    watched_image: str
    chart_path: str = ""
    tag_key: str = ""
    stages: tuple[StageFacts, ...] = ()
    secrets: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFacts:
    """A chart of the platform: the folder of its values, its release, and where it comes from.

    That is a `path` on this machine, or what Helm is to `pull`; neither is known without a platform.yaml.
    """

    folder: str
    name: str
    release: str
    namespace: str
    version: str = ""
    path: str = ""
    pull: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is right; `registry` and `forge` are None where nothing says it."""

    origin: str
    registry: str | None = None
    registry_plain_http: bool = False
    registry_login: bool = False
    forge: str | None = None
    clone_needs_ca: bool = False
    """Whether nobody but the platform knows the CA that has signed what Gitea shows to those who clone."""
    own_images: str = "local-cicd"
    uses: Mapping[str, tuple[Use, ...]] = field(default_factory=dict)
    projects: tuple[ProjectFacts, ...] = ()
    applications: Mapping[str, str] = field(default_factory=dict)
    """The branch that each Application follows which `bootstrap up` makes, by its name."""
    charts: tuple[ChartFacts, ...] = ()
    privileged_plugins: tuple[str, ...] = ()

    def owns(self, path: str, built: Iterable[str] = ()) -> bool:
        """Tell whether an image, by its path without host and tag, is one of ours; `built` are names that pipelines build."""
        parts = path.split("/")
        # `celesrenata/stonks-oracle/api` was the project's on another registry; an application may have a database image called `api`.
        folders = {self.own_images, *(project.images for project in self.projects), *(project.name for project in self.projects)}
        return any(folder and (f"/{folder}/" in f"/{path}/") for folder in folders) or (len(parts) > 1 and parts[-1] in set(built))

    def project_with_url(self, url: str) -> ProjectFacts | None:
        """Return the project whose repository this is."""
        return next((project for project in self.projects if project.repository_url == url), None)


def of_platform(platform: Platform) -> Facts:
    """Take everything from platform.yaml."""
    found: dict[str, tuple[Use, ...]] = {}
    for use in uses(platform):
        found[use.name] = (*found.get(use.name, ()), use.use)
    folders = {
        "woodpecker": platform.woodpecker.chart,
        "argo-rollouts": platform.argo_rollouts.chart,
        "argocd": platform.argo_cd.chart,
        "kargo": platform.kargo.chart,
    }
    return Facts(
        origin="platform.yaml",
        registry=platform.registry.host,
        registry_plain_http=platform.registry.plain_http,
        registry_login=platform.registry.login is not None,
        forge=platform.gitea.endpoint.cluster_url,
        clone_needs_ca=clone_needs_ca(platform),
        own_images=platform.images.project,
        uses=found,
        projects=tuple(_project(platform, project) for project in platform.projects),
        applications={stage.application: stage.branch for project in platform.projects for stage in project.stages},
        charts=tuple(
            ChartFacts(
                folder=folder,
                name=chart.name,
                release=chart.release,
                namespace=chart.namespace,
                version=chart.version,
                path=chart.source if chart.is_local else "",
                pull="" if chart.is_local else _pull(chart),
            )
            for folder, chart in folders.items()
        ),
        privileged_plugins=platform.woodpecker.privileged_plugins,
    )


def clone_needs_ca(platform: Platform) -> bool:
    """Tell whether a clone has to be given the CA that has signed Gitea's certificate: `ca`, or the platform's own."""
    signed = platform.ca is not None or (platform.gitea.mode == "install" and makes_ca(platform))
    return signed and platform.gitea.endpoint.public_url.startswith("https://")


def of_rendered(tree: Tree) -> Facts:
    """Take what can be known from the rendered files themselves: what most of them say."""
    applications = [source for source in tree.manifests if source.is_a("Application", ARGO_CD)]
    hosts = Counter(host for host in _image_hosts(tree.manifests) if host not in PUBLIC_REGISTRIES)
    bases = Counter(base for base in map(_base, _repository_urls(tree.manifests)) if base and urlsplit(base).hostname not in PUBLIC_FORGES)
    defaults = (("woodpecker", "woodpecker"), ("argo-rollouts", "argo-rollouts"), ("argocd", "argo-cd"), ("kargo", "kargo"))
    forge = bases.most_common(1)[0][0] if bases else None
    return Facts(
        origin="the rendered files",
        registry=hosts.most_common(1)[0][0] if hosts else None,
        registry_login=any(source.text("metadata", "labels", CREDENTIALS_LABEL) == "image" for source in tree.manifests),
        forge=forge,
        uses={_namespace_of_service(forge): (Use.SERVICE,)} if forge and _namespace_of_service(forge) else {},
        projects=tuple(_projects(tree, applications, forge)),
        charts=tuple(ChartFacts(folder=folder, name=name, release=folder, namespace=folder) for folder, name in defaults),
    )


def image_host(reference: str) -> str:
    """Return the registry of an image as Docker understands its name."""
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else _HOST_OF_HUB


def image_path(reference: str) -> str:
    """Return the path of an image: without registry, tag and digest."""
    name = reference.partition("@")[0]
    host = image_host(name)
    path = name.removeprefix(f"{host}/")
    head, colon, tag = path.rpartition(":")
    return head if colon and "/" not in tag else path


def normal_host(text: str) -> str:
    """Return a registry's host as it stands in image names; the text itself where it is none."""
    try:
        return parse_registry(text).host
    except ValueError:
        return text


def warehouse_images(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the images that a Warehouse watches, each with its place in the list of subscriptions."""
    for index, subscription in enumerate(items(source.get("spec", "subscriptions"))):
        if isinstance(subscription, Mapping) and isinstance(image := subscription.get("image"), Mapping):
            yield index, str(image.get("repoURL") or "")


def application_sources(source: Source) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, object]]]:
    """Yield the sources of an Application, with their places."""
    single = source.get("spec", "source")
    if isinstance(single, Mapping):
        yield ("spec", "source"), single
    for index, each in enumerate(items(source.get("spec", "sources"))):
        if isinstance(each, Mapping):
            yield ("spec", "sources", index), each


def _pull(chart: Chart) -> str:
    repository = "" if chart.source.startswith("oci://") else f" --repo {chart.source}"
    return f"{chart.reference}{repository} --version {chart.version}"


def _project(platform: Platform, project: Project) -> ProjectFacts:
    return ProjectFacts(
        name=project.name,
        repository_url=git_url(platform, project),
        images=project.registry_project,
        watched_image=project.watched_image,
        chart_path=project.chart_path,
        tag_key=project.tag_key,
        stages=tuple(
            StageFacts(name=stage.name, namespace=stage.namespace, application=stage.application, values_files=stage.values_files)
            for stage in project.stages
        ),
        secrets=OWN_SECRETS | project.secrets.keys(),
    )


def _image_hosts(manifests: Iterable[Source]) -> Iterator[str]:
    for source in manifests:
        if source.is_a("Warehouse", KARGO):
            yield from (image_host(url) for _, url in warehouse_images(source))
        if source.is_a("Stage", KARGO):
            for variable in items(source.get("spec", "vars")):
                if isinstance(variable, Mapping) and variable.get("name") == "imageRepo":
                    yield image_host(str(variable.get("value") or ""))


def _repository_urls(manifests: Iterable[Source]) -> Iterator[str]:
    for source in manifests:
        if source.is_a("Application", ARGO_CD):
            yield from (str(each.get("repoURL") or "") for _, each in application_sources(source))
        if source.kind == "Secret" and source.get("metadata", "labels", REPOSITORY_LABEL):
            yield source.text("stringData", "url")


def _base(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else ""


def _namespace_of_service(url: str | None) -> str:
    parts = (urlsplit(url or "").hostname or "").split(".")
    return parts[1] if len(parts) > 2 and parts[2] == "svc" else ""  # noqa: PLR2004  name.namespace.svc


def _projects(tree: Tree, applications: Iterable[Source], forge: str | None) -> Iterator[ProjectFacts]:
    by_kargo: dict[str, list[Source]] = {}
    for source in applications:
        stage = source.text("metadata", "annotations", AUTHORIZED_STAGE)
        by_kargo.setdefault(stage.partition(":")[0], []).append(source)
    for kargo_project, members in by_kargo.items():
        urls = Counter(str(each.get("repoURL") or "") for source in members for _, each in application_sources(source))
        url = next((url for url, _ in urls.most_common() if forge and url.startswith(f"{forge}/")), "")
        images = [url for source in tree.manifests if source.namespace == kargo_project for _, url in _watched(source)]
        image = image_path(images[0]) if images else ""
        yield ProjectFacts(
            name=image.rpartition("/")[0].rpartition("/")[2],
            repository_url=url,
            images=image.rpartition("/")[0],
            watched_image=image.rpartition("/")[2],
            chart_path=str(next((each.get("path") for _, each in application_sources(members[0])), "") or ""),
            stages=tuple(_stage(source) for source in members),
        )


def _watched(source: Source) -> Iterator[tuple[int, str]]:
    return warehouse_images(source) if source.is_a("Warehouse", KARGO) else iter(())


def _stage(application: Source) -> StageFacts:
    _, first = next(application_sources(application), ((), {}))
    helm = first.get("helm")
    return StageFacts(
        name=application.text("metadata", "annotations", AUTHORIZED_STAGE).partition(":")[2] or application.name,
        namespace=application.text("spec", "destination", "namespace"),
        application=application.name,
        values_files=tuple(texts(helm.get("valueFiles"))) if isinstance(helm, Mapping) else (),
    )
