"""`via: kubernetes` on a real API server with Kargo's kinds, as a ServiceAccount that has just the documented rights."""

import contextlib
import functools
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightkube
import pytest
import yaml
from lightkube import KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ServiceAccount

from devtools.controlplane import ControlPlane
from kargo_notify import kubernetes
from kargo_notify.commit import Commit
from kargo_notify.kargo import Kargo, KargoError, KargoRefused, KargoUnreachable, connect
from kargo_notify.kubernetes import rule
from kargo_notify.notify import Ending, Outcome, notify_and_wait
from kargo_notify.settings import Settings
from plugin_kit.console import Console
from plugin_kit.errors import SettingsError
from tests.support.kargo_controller import NAME, Controller, running
from tests.support.kargo_scene import REPOSITORY, REVISION, ci, commit_of, digest_for
from tests.support.processes import wait_for

RULES = (rule("warehouses", "get", "list", "watch", "patch"), rule("freights", "get", "list", "watch"), rule("stages", "list"))


class Step:
    """A step of a pipeline, as a ServiceAccount of the project's namespace."""

    def __init__(self, plane: ControlPlane, controller: Controller, workspace: Path) -> None:
        self.controller = controller
        self.out = io.StringIO()
        self.kubeconfig = ""
        self._plane = plane
        self._workspace = workspace
        self._open: list[Kargo] = []

    @property
    def log(self) -> str:
        """Everything that was printed so far."""
        return self.out.getvalue()

    def become(self, name: str, *rules: tuple[str, ...]) -> None:
        """Be a new ServiceAccount with these rules."""
        namespace = self.controller.namespace
        self.controller.client.create(ServiceAccount(metadata=ObjectMeta(name=name, namespace=namespace)))
        metadata = {"name": name, "namespace": namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        version = "rbac.authorization.k8s.io/v1"
        documents = [
            {
                "apiVersion": version,
                "kind": "Role",
                "metadata": metadata,
                "rules": yaml.safe_load("\n".join(line for each in rules for line in each)),
            },
            {
                "apiVersion": version,
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": reference,
                "subjects": [{"kind": "ServiceAccount", **metadata}],
            },
        ]
        self._plane.apply(yaml.safe_dump_all(documents))
        self.kubeconfig = str(self._plane.service_account(namespace, name))
        # Rights are looked up in a cache, which hears of a new role a moment later.
        assert wait_for(self._has_rights)

    def _has_rights(self) -> bool:
        kargo = self.connected()
        for read in (kargo.warehouse, kargo.freights, kargo.stages):
            with contextlib.suppress(KargoRefused):
                read()
                return True
        return False

    def settings(self, **changes: Any) -> Settings:  # noqa: ANN401  whatever a user may write
        """Write a user's settings."""
        given = {
            "via": "kubernetes",
            "kubeconfig": self.kubeconfig,
            "kargo_project": self.controller.namespace,
            "warehouse": NAME,
            "wait": 10,
        }
        return Settings(**{**given, **changes})

    def connected(self, **changes: Any) -> Kargo:  # noqa: ANN401  see settings
        """Connect as the plugin does."""
        found = connect(self.settings(**changes), ci(self._workspace), Console(self.out, colour=False))
        assert found
        self._open.append(found)
        return found

    def tell(self, commit: Commit | None = None, **changes: Any) -> Outcome:  # noqa: ANN401  see settings
        """Tell Kargo and wait, as the plugin does."""
        console = Console(self.out, colour=False)
        try:
            return notify_and_wait(self.settings(**changes), commit or commit_of(), self.connected(**changes), console)
        finally:
            console.finish()

    def close(self) -> None:
        """Close every connection."""
        for each in self._open:
            each.close()


@pytest.fixture
def step(control_plane: ControlPlane, admin: lightkube.Client, namespace: str, tmp_path: Path) -> Iterator[Step]:
    """Make a project with a Warehouse that Kargo looks after, and a step with the documented rights."""
    controller = Controller(admin, namespace, REPOSITORY)
    controller.begin()
    made = Step(control_plane, controller, tmp_path)
    made.become("notify", *RULES)
    with running(controller):
        yield made
    made.close()


def push(step: Step, revision: str = REVISION) -> None:
    """Put a commit's image where the controller finds it."""
    step.controller.tags[revision] = (digest_for(revision), datetime.now(UTC).isoformat())


def test_the_freight_is_found(step: Step) -> None:
    """The Warehouse is annotated, Kargo makes the Freight, and the watch tells of it."""
    push(step)
    outcome = step.tell()
    assert outcome.ending is Ending.FOUND
    assert outcome.freight
    assert outcome.freight.images[0].tag == REVISION
    assert len(step.controller.refreshes) == 1


def test_every_refresh_has_a_token_of_its_own(step: Step) -> None:
    """Kargo reacts to a change: two within a second are two."""
    kargo = step.connected()
    tokens = set()
    for _ in range(3):
        kargo.refresh()
        tokens.add(kargo.warehouse().asked)
    assert len(tokens) == 3


def test_a_refresh_leaves_everything_else_alone(step: Step) -> None:
    """A merge patch of one annotation: spec, labels and other annotations stay, and so does the generation."""
    kargo = step.connected()
    before = step.controller.client.get(kubernetes.WAREHOUSES, NAME, namespace=step.controller.namespace)
    kargo.refresh()
    after = step.controller.client.get(kubernetes.WAREHOUSES, NAME, namespace=step.controller.namespace)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_failed_discovery_is_asked_for_again(step: Step) -> None:
    """Handled, but discovered nothing: the second refresh brings the Freight."""
    push(step)
    step.controller.fail = 1
    assert step.tell().ending is Ending.FOUND
    assert len(step.controller.refreshes) == 2


def test_freight_made_by_hand(step: Step) -> None:
    """`create_freight` needs one more right, which the error names; then it is there, and a second time it is there already."""
    namespace = step.controller.namespace
    policy = {"spec": {"freightCreationPolicy": "Manual"}}
    step.controller.client.patch(kubernetes.WAREHOUSES, NAME, policy, namespace=namespace, patch_type=lightkube.types.PatchType.MERGE)
    with pytest.raises(KargoRefused, match="does not let this step create freights") as caught:
        step.tell(create_freight=True, strict=True)
    assert "  verbs: [create]" in caught.value.details
    step.become("maker", *RULES, rule("freights", "create"))
    kargo = step.connected()
    artifacts = commit_of().artifacts
    assert kargo.create(artifacts) == kargo.create(artifacts)
    assert step.tell(create_freight=True).ending is Ending.FOUND
    assert step.controller.refreshes == []


@pytest.mark.parametrize(("left_out", "verb", "plural"), [(0, "get", "warehouses"), (1, "list", "freights")])
def test_a_right_that_is_missing_is_written_as_yaml(step: Step, left_out: int, verb: str, plural: str) -> None:
    """Ready to be pasted into the Role."""
    step.become("poor", *(each for index, each in enumerate(RULES) if index != left_out))
    kargo = step.connected()
    with pytest.raises(KargoRefused) as caught:
        (kargo.warehouse if plural == "warehouses" else kargo.freights)()
    assert caught.value.status == 403
    assert caught.value.details[-3:] == ("- apiGroups: [kargo.akuity.io]", f"  resources: [{plural}]", f"  verbs: [{verb}]")
    assert f'cannot {verb} resource "{plural}"' in caught.value.details[0]


def test_what_is_written_wrong_is_named(step: Step) -> None:
    """A Warehouse that is not there, and a token that nobody knows."""
    with pytest.raises(KargoRefused, match="there is no Warehouse 'nope'"):
        step.connected(warehouse="nope").warehouse()
    document = yaml.safe_load(Path(step.kubeconfig).read_text(encoding="utf-8"))
    document["users"][0]["user"] = {"token": "wrong"}
    with pytest.raises(KargoRefused, match="does not know who we are"):
        step.connected(kubeconfig=yaml.safe_dump(document)).warehouse()


def test_a_kubeconfig_is_given_as_text_or_as_path(step: Step) -> None:
    """What is neither is refused, and not quoted: it may be half a secret."""
    text = yaml.safe_dump(yaml.safe_load(Path(step.kubeconfig).read_text(encoding="utf-8")))
    assert step.connected(kubeconfig=text).warehouse().name == NAME
    for wrong in ("clusters: [\n secret-words", "nowhere/secret-words", '{"secret-words": 1}'):
        with pytest.raises(SettingsError) as caught:
            step.connected(kubeconfig=wrong)
        assert "secret-words" not in " ".join(caught.value.problems)


def test_in_a_pod_the_service_account_is_used(step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes mounts token and CA, and says in the environment where the API server is; without them the error says what to do."""
    document = yaml.safe_load(Path(step.kubeconfig).read_text(encoding="utf-8"))
    mounted = tmp_path / "serviceaccount"
    monkeypatch.setattr(KubeConfig, "from_service_account", functools.partial(KubeConfig.from_service_account, service_account=mounted))
    with pytest.raises(SettingsError, match="no ServiceAccount"):
        step.connected(kubeconfig=None)
    mounted.mkdir()
    (mounted / "token").write_text(document["users"][0]["user"]["token"], encoding="utf-8")
    (mounted / "namespace").write_text("pipelines", encoding="utf-8")
    (mounted / "ca.crt").write_bytes(step._plane.ca_cert.read_bytes())
    host, _, port = document["clusters"][0]["cluster"]["server"].removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    assert step.connected(kubeconfig=None).warehouse().name == NAME


def test_an_api_server_that_is_gone_is_forgiven(step: Step) -> None:
    """Kargo polls by itself, so it is a warning, and an error with `strict`."""
    document = yaml.safe_load(Path(step.kubeconfig).read_text(encoding="utf-8"))
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    gone = yaml.safe_dump(document)
    assert step.tell(kubeconfig=gone).ending is Ending.NOT_TOLD
    assert "can't reach the Kubernetes API at 127.0.0.1:1: connection refused" in step.log
    with pytest.raises(KargoUnreachable):
        step.tell(kubeconfig=gone, strict=True)


def test_without_the_right_to_list_stages_the_freight_counts(step: Step) -> None:
    """Holds can't be seen then, which is said in passing."""
    push(step)
    step.become("half", *RULES[:2])
    assert step.tell(strict=True).ending is Ending.FOUND
    assert "whether a Stage holds it back can't be seen" in step.log


def test_a_superseded_commit_is_a_notice(step: Step) -> None:
    """As by the REST API: one judgement for both."""
    push(step)
    push(step, "9" * 40)
    assert step.tell(strict=True).ending is Ending.SUPERSEDED
    with pytest.raises(KargoError):
        step.tell(commit_of("registry.lan:5000/shop/other"), strict=True)
