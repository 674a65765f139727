"""What a person reads beside the files: what has to be there, the secrets, and what only the servers' own APIs can do. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from bootstrap.components.absent import Absent
from bootstrap.components.buildkit.security import PodSecurity
from bootstrap.components.gitea.administrator import AdministratorResource
from bootstrap.components.gitea.egress import EgressResource
from bootstrap.components.images.image import Image
from bootstrap.components.images.nodes import NodeTrust
from bootstrap.components.kargo.webhooks import Webhooks
from bootstrap.components.probe import Probe
from bootstrap.components.project_repository.clone import CloneResource
from bootstrap.components.project_repository.owner import OwnerResource
from bootstrap.components.project_repository.repository import RepositoryResource as ForgeRepository
from bootstrap.components.project_repository.stage_branch import StageBranchResource
from bootstrap.components.project_woodpecker.registry_login import RegistryLoginResource
from bootstrap.components.project_woodpecker.repository import RepositoryResource
from bootstrap.components.project_woodpecker.secret import SecretResource
from bootstrap.components.woodpecker.agents import AgentsResource
from bootstrap.components.woodpecker.application import ApplicationResource, wanted_application
from bootstrap.components.woodpecker.former_binding import FormerBinding
from bootstrap.components.woodpecker.token import TokenResource
from bootstrap.components.woodpecker.values import webhook_host
from bootstrap.core.context import Context
from bootstrap.core.record import RecordResource
from bootstrap.core.resource import Check
from bootstrap.platform.platform import Platform
from bootstrap.platform.project import Project
from bootstrap.render.places import Places
from bootstrap.render.rendering import Rendering
from bootstrap.render.source import ByHand, InCluster, Known, Random

# A step of its own in these pages, or nothing that is left to do: records have their files, the script waits for webhooks.
_TOLD = (
    AdministratorResource,
    EgressResource,
    ApplicationResource,
    OwnerResource,
    ForgeRepository,
    CloneResource,
    StageBranchResource,
    TokenResource,
    AgentsResource,
    RepositoryResource,
    SecretResource,
    RegistryLoginResource,
)
_DONE = (RecordResource, PodSecurity, Webhooks, Image)
_LOOKS = (Check, Probe, NodeTrust)
_TAKES_AWAY = (Absent, FormerBinding)


def readme(platform: Platform, made: Rendering, used: Sequence[Known], derived: dict[str, str], *, way: str) -> list[str]:
    """Return the page for the whole folder; `way` leads from there to the folder of platform.yaml."""
    return [
        f"# {platform.name}: the platform as plain files",
        "",
        "What `bootstrap up` would apply, for those who do it with `kubectl` and `helm` alone:",
        "",
        "    ./runmefirst.sh      # installs; may be run again",
        "    ./runmelast.sh       # removes; volumes and their data, Gitea, the registry and applications stay",
        "",
        "Needed: bash 4.4, kubectl and Helm (3.14 or newer, or 4) on the right cluster, curl for Gitea and Woodpecker.",
        "",
        *_order(platform),
        *_secrets(used, derived),
        *_images(platform, made, way),
        *_apart(made),
    ]


def gitea(platform: Platform, context: Context) -> list[str]:
    """Return the page with the calls to Gitea."""
    wanted, user = platform.gitea, platform.gitea.admin
    api = f"{wanted.endpoint.bootstrap_url}/api/v1"
    curl = f"curl -sSf --user {user.name} -H 'Content-Type: application/json'"
    application = json.dumps(wanted_application(context).body())
    return [
        "# Gitea",
        "",
        f"It is at {wanted.endpoint.public_url}. `curl --user {user.name}` asks for the password: so it stands in no list of processes.",
        "",
        *_administrator(platform),
        f"3. The OAuth2 application `{wanted.oauth_application}`, by which people log in to Woodpecker. Look first: Gitea takes a",
        "   second one of the same name, and never shows the secret of the first again:",
        "",
        f"       {curl} {api}/user/applications/oauth2",
        f"       {curl} -d '{application}' {api}/user/applications/oauth2",
        "",
        "   Write `client_id` and `client_secret` of the answer into `secrets/WOODPECKER_CLIENT_ID` and",
        "   `secrets/WOODPECKER_CLIENT_SECRET`. Of one that is there, `-X PATCH .../oauth2/ID` with the same body gives a new secret.",
        "4. Webhooks to Woodpecker: `GITEA__webhook__ALLOWED_HOST_LIST` of its workload must let them reach",
        f"   {webhook_host(platform)} (`private` does).",
        *(line for project in platform.projects for line in _repository(project, platform, api, curl)),
    ]


def woodpecker(platform: Platform, made: Rendering, places: Places) -> list[str]:
    """Return the page with the calls to Woodpecker."""
    url, names = platform.woodpecker.api_url, ", ".join(platform.woodpecker.admins)
    lines = [
        "# Woodpecker",
        "",
        f"1. Log in at {platform.woodpecker.public_url} as {names}: who logs in is sent to Gitea, and back.",
        "2. Make a token (User settings, CLI & API) and put it into a file that curl reads, so that it stands in no list of processes:",
        "",
        "       read -rs token; (umask 077; printf 'Authorization: Bearer %s' \"$token\" > secrets/woodpecker-header)",
        "",
        "All commands are for bash, in the folder of runmefirst.sh:",
        "",
        f"       source ./functions.sh; source ./secrets.sh; CONTEXT='{platform.context or ''}'",
        "       call() { curl -sSf -H @secrets/woodpecker-header -H 'Content-Type: application/json' \"$@\"; }",
    ]
    for project in platform.projects:
        lines += ["", f"## {project.repository.full_name}", "", "Activate it, which makes its webhook in Gitea:", ""]
        forge = f"{platform.gitea.endpoint.bootstrap_url}/api/v1/repos/{project.repository.full_name}"
        lines += [
            f"    curl -sSf --user {platform.gitea.admin.name} {forge}     # `id` of the answer is NUMBER",
            f"    call -X POST '{url}/api/repos?forge_remote_id=NUMBER'     # `id` of the answer is ID",
            "",
            "Its secrets (a second POST of a name fails; change one with `-X PATCH .../secrets/NAME`):",
            "",
        ]
        lines += [line for part in made.apart for line in _secret(part.resource, project, url, places)]
    return lines


def values_for_woodpecker(made: Rendering) -> list[str]:
    """Return the values that are put into Woodpecker."""
    found = [part.resource.wanted.value for part in made.apart if isinstance(part.resource, SecretResource)]
    return found + [part.resource.wanted.password for part in made.apart if isinstance(part.resource, RegistryLoginResource)]


def untold(made: Rendering) -> list[str]:
    """Return the labels of parts that these pages say nothing about but that bootstrap does them."""
    known = (*_TOLD, *_DONE, *_LOOKS, *_TAKES_AWAY)
    return [part.resource.label for part in made.apart if not isinstance(part.resource, known)]


def _order(platform: Platform) -> list[str]:
    external = platform.gitea.mode == "external"
    steps = [
        "Gitea: gitea/README.md" if external else "`./runmefirst.sh` installs Gitea and stops at the first secret that only Gitea can give",
        "the secrets below",
        "the images below",
        "`./runmefirst.sh`",
        "the repositories and their secrets in Woodpecker: woodpecker/README.md",
    ]
    if not external:
        steps.insert(1, "Gitea: gitea/README.md")
    return ["## In this order", "", *(f"{number}. {step}" for number, step in enumerate(steps, start=1)), ""]


def _secrets(used: Sequence[Known], derived: dict[str, str]) -> list[str]:
    lines = [
        "## Secrets",
        "",
        "None is in these files: where one belongs stands its name, `${NAME}`, and the scripts put in what `secrets/NAME` holds.",
        "That folder is kept out of git. Who applies a file by hand replaces the name, quotes included, by the value in JSON's form.",
        "`${SUM_OF_...}` is no secret: the scripts put in a sum of the files that pods read, so that these restart when one has changed.",
        "",
        "| file in secrets/ | what it is |",
        "|---|---|",
    ]
    lines += [f"| {each.name} | {_explained(each)} |" for each in sorted(used, key=lambda known: known.name)]
    lines += [f"| {name} | {what}; `bootstrap up` makes it of the secrets that it knows |" for name, what in sorted(derived.items())]
    return [*lines, ""]


def _explained(known: Known) -> str:
    match known.source:
        case Random():
            return "made at random by runmefirst.sh"
        case InCluster(kind=kind, namespace=namespace, name=name, key=key):
            return f"read from the {kind} {namespace}/{name}, key {key}, unless the file is there"
        case ByHand(how=how):
            return how.replace("|", "\\|")


def _images(platform: Platform, made: Rendering, way: str) -> list[str]:
    images = [part.resource for part in made.apart if isinstance(part.resource, Image)]
    if not images:
        return []
    source, registry = platform.images.source, platform.registry
    if platform.images.is_layout and not source.startswith(("/", "~")):
        source = str(PurePosixPath(way, source))
    lines = ["## Images", "", "The plugins and BuildKit have to be in the registry. With skopeo, in this folder:", ""]
    if registry.login:
        lines.append(f"    skopeo login --username {registry.login.username} {registry.host}")
    copy = f"skopeo copy --all{' --dest-tls-verify=false' if registry.plain_http else ''}"
    for image in images:
        origin = f"oci:{source}/{image.name}" if platform.images.is_layout else f"docker://{source}/{image.name}:{image.tag}"
        lines.append(f"    {copy} {origin} docker://{image.reference}")
    if platform.images.is_layout:
        lines += ["", f"`./dev images --output DIR` of the project writes that folder, {source}."]
    return [*lines, ""]


def _apart(made: Rendering) -> list[str]:
    looks = [part.resource.label for part in made.apart if isinstance(part.resource, _LOOKS)]
    away = [part.resource.label for part in made.apart if isinstance(part.resource, _TAKES_AWAY)]
    lines = [
        "## What only bootstrap does",
        "",
        "It compares before it changes anything, waits for what it has changed, and explains what fails.",
    ]
    if looks:
        lines += ["", "It looks at these first, and says what to do where one is not in order:", "", *(f"- {label}" for label in looks)]
    if away:
        lines += ["", "It takes away what it has made once and what is no longer wanted:", "", *(f"- {label}" for label in away)]
    if rest := untold(made):
        lines += ["", "These are neither files nor commands here:", "", *(f"- {label}" for label in rest)]
    return lines


def _administrator(platform: Platform) -> list[str]:
    wanted, user = platform.gitea, platform.gitea.admin
    if wanted.mode == "install":
        return [f"1. runmefirst.sh installs it. 2. Its pod makes the administrator `{user.name}`, with `secrets/GITEA_ADMIN_PASSWORD`."]
    return [
        f"1. Is its installation page still open? Fill it in, in a browser, with an administrator `{user.name}`, before anybody else does.",
        f"2. Else make the administrator `{user.name}`, where there is none; the password is printed. Write it into",
        "   `secrets/GITEA_ADMIN_PASSWORD`: Argo CD and Kargo clone with it.",
        "",
        f"       kubectl exec --namespace {wanted.namespace} {wanted.workload.kind.lower()}/{wanted.workload.name} -- \\",
        f"           gitea admin user create --admin --username {user.name} --email {user.email} \\",
        "           --random-password --must-change-password=false",
        "",
        "   Gitea refuses to run as root: put `su git -c '...'` around the command where the image is not a rootless one.",
    ]


def _repository(project: Project, platform: Platform, api: str, curl: str) -> list[str]:
    repository = project.repository
    made = json.dumps({"name": repository.name, "private": repository.private, "default_branch": repository.branch})
    lines = ["", f"## {repository.full_name}", ""]
    if repository.owner != platform.gitea.admin.name:
        owner = json.dumps({"username": repository.owner})
        lines += [f"    {curl} -d '{owner}' {api}/orgs     # 422: it is there, or is a user"]
    lines.append(f"    {curl} -d '{made}' {api}/admin/users/{repository.owner}/repos     # 409: it is there")
    if repository.import_from:
        address = f"{platform.gitea.endpoint.public_url}/{repository.full_name}.git"
        lines += [
            f"    git -C {repository.import_from} remote add {repository.remote} {address}",
            f"    git -C {repository.import_from} push --tags {repository.remote} {repository.branch}",
        ]
    lines += ["", "A branch for each stage, which promotions write and Argo CD follows:", ""]
    for stage in project.stages:
        branch = json.dumps({"new_branch_name": stage.branch, "old_ref_name": f"refs/heads/{repository.branch}"})
        lines.append(f"    {curl} -d '{branch}' {api}/repos/{repository.full_name}/branches     # 409: it is there")
    return lines


def _secret(resource: object, project: Project, url: str, places: Places) -> Iterator[str]:
    if isinstance(resource, SecretResource) and resource.project.name == project.name:
        wanted = resource.wanted
        rest = {"name": wanted.name, "events": sorted(wanted.events), "images": sorted(wanted.images)}
        yield from _post(rest, "value", _valued(places, wanted.value), f"{url}/api/repos/ID/secrets")
    if isinstance(resource, RegistryLoginResource) and resource.project.name == project.name:
        login = resource.wanted
        rest = {"address": login.address, "username": login.username}
        yield from _post(rest, "password", _valued(places, login.password), f"{url}/api/repos/ID/registries")


def _post(rest: Mapping[str, object], key: str, value: str, url: str) -> Iterator[str]:
    body = f'{json.dumps(rest)[:-1]}, "{key}": "%s"}}'
    yield f"    printf '{body}' \"{value}\" |"
    yield f"        call -d @- {url}"


def _valued(places: Places, value: str) -> str:
    name = places.named(value)
    # A user name, which is no secret.
    return f"$(escaped {name})" if name else value
