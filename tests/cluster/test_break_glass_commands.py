"""The commands `break-glass`, `operator add` and `audit` as they are typed, on a real API server whose controllers sign certificates."""

import csv
import io
import json
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from bootstrap.break_glass.breaking import break_glass
from bootstrap.break_glass.certificate import issue
from bootstrap.break_glass.record import ARCHIVE_LABEL, LABEL
from bootstrap.break_glass.wanted import wanted
from bootstrap.command_line import run
from bootstrap.core.errors import WaitError
from bootstrap.core.objects import Ref
from bootstrap.platform.platform import Timeouts
from devtools.controlplane import ControlPlane
from devtools.platform import kargo_crds
from tests.support.bootstrap_run import Runner
from tests.support.break_glass import NAMESPACE, PROJECT, USERS, WHY, acting, data, guarded_platform, in_minutes, record, sections, up

HEAD: Mapping[str, Any] = {
    "domain": "example.lan",
    "prerequisites": {"cert_manager": {"mode": "install"}},
    "gitea": {"mode": "install"},
    "registry": {"mode": "install"},
}
ASKED = ("break-glass", "--project", "shop", "--stage", "live", "--for", "1h", "--justification", WHY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command has answered."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both, with the line breaks of a terminal taken out."""
        return " ".join((self.out + self.err).split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Somebody's terminal, in a folder with platform.yaml."""

    plane: ControlPlane
    folder: Path
    capture: pytest.CaptureFixture[str]

    def types(self, *arguments: str, user: str = "ada", kubeconfig: Path | None = None) -> Said:
        """Run a command as somebody."""
        login = kubeconfig or self.plane.kubeconfig(user)
        self.capture.readouterr()
        code = run([*arguments, "--file", str(self.folder / "platform.yaml"), "--kubeconfig", str(login)])
        out, err = self.capture.readouterr()
        return Said(code=code, out=out, err=err)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Start a control plane that signs certificates and knows Kargo's kinds, and bring the component up."""
    with ControlPlane.start(tmp_path_factory.mktemp("commands"), controllers=True, users=USERS) as started:
        started.apply(kargo_crds.manifests())
        up(started, guarded_platform())
        yield started


@pytest.fixture
def terminal(plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Sit down at a terminal."""
    (tmp_path / "platform.yaml").write_text(yaml.safe_dump({**HEAD, **sections()}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    return Terminal(plane=plane, folder=tmp_path, capture=capsys)


def records(plane: ControlPlane) -> list[dict[str, Any]]:
    """Return all records."""
    with acting(plane.kubeconfig("admin")) as administrator:
        return [dict(each) for each in administrator.list("v1", "ConfigMap", namespace=NAMESPACE, labels={LABEL: None})]


def test_breaking_glass_says_what_holds_and_until_when(terminal: Terminal) -> None:
    """In the exchange's time and in that of the machine, with the command that shows what it was used for."""
    said = terminal.types(*ASKED)
    assert said.code == 0, said.text
    assert re.search(r"promotions to live of shop-cd through until \S*( ?\d* ?\w*)? ?\d\d:\d\d New York", said.out), said.out
    assert "1 hour" in said.out
    assert "operator       ada" in said.out
    assert WHY in said.out
    assert "promote again" in said.out
    assert "bootstrap audit --project shop-cd --stage live" in said.out


def test_programs_read_json(terminal: Terminal) -> None:
    """And the record is what it says, made as whoever ran the command."""
    said = terminal.types(*ASKED, "--json", user="bob")
    answer = json.loads(said.out)
    assert said.code == 0
    live = next(each for each in records(terminal.plane) if f"{NAMESPACE}/{each['metadata']['name']}" == answer["record"])
    assert live["immutable"] is True
    assert live["data"] == {key: answer[key] for key in ("project", "stage", "operator", "justification", "expires")}
    assert (answer["operator"], answer["project"]) == ("bob", PROJECT)


def test_the_longest_time_that_is_allowed_is_allowed(terminal: Terminal) -> None:
    """The clocks of this machine and of the API server don't matter."""
    assert terminal.types("break-glass", "--stage", "paper", "--for", "4h", "--justification", WHY).code == 0


def test_who_is_nobody_in_particular_is_told_how_to_become_somebody(terminal: Terminal) -> None:
    """As on a k3s server, where everybody is system:admin."""
    said = terminal.types(*ASKED, user="system:admin")
    assert said.code == 1
    assert "the API server refuses it: break-glass needs a person" in said.text
    assert "you are system:admin" in said.text
    assert "bootstrap operator add" in said.text


def test_who_may_not_is_told_who_decides(terminal: Terminal) -> None:
    """Mallory is not in platform.yaml."""
    said = terminal.types(*ASKED, user="mallory")
    assert said.code == 1
    assert "mallory may not break glass on this cluster" in said.text
    assert "`break_glass.operators.users`" in said.text


def test_what_would_be_refused_is_said_before_anything_is_asked(terminal: Terminal) -> None:
    """All of it at once; nothing is made."""
    before = len(records(terminal.plane))
    said = terminal.types("break-glass", "--project", "shop", "--stage", "lve", "--for", "5h", "--justification", "hurry")
    assert said.code == 1
    assert 'has no stage "lve", did you mean "live"?; guarded are paper, live' in said.text
    assert "5 hours are too long: at most 4 hours" in said.text
    assert "the justification has 5 characters" in said.text
    assert len(records(terminal.plane)) == before


def test_rules_that_differ_from_those_of_the_cluster_are_told(terminal: Terminal) -> None:
    """The API server has the last word: its sentence is shown."""
    document = {**HEAD, **sections(max_duration="12h")}
    (terminal.folder / "platform.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    said = terminal.types("break-glass", "--stage", "live", "--for", "6h", "--justification", WHY)
    assert said.code == 1
    assert "the API server refuses it: expires: at most 4 hours from now" in said.text
    assert "`bootstrap up`" in said.text


def test_without_the_policy_no_record_is_made(terminal: Terminal) -> None:
    """A record that anybody could have written would prove nothing."""
    document = {**HEAD, **sections(), "namespace": "unguarded"}
    (terminal.folder / "platform.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    missing = terminal.types(*ASKED, user="grace")
    assert "namespace unguarded is not there: this platform is not installed here" in missing.text
    with acting(terminal.plane.kubeconfig("admin")) as administrator:
        administrator.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "unguarded"}})
        said = terminal.types(*ASKED, user="grace")
        assert said.code == 1
        assert "does not go by the policy for records of break-glass, so none was made" in said.text
        assert not administrator.list("v1", "ConfigMap", namespace="unguarded", labels={LABEL: None})


def test_an_operator_gets_a_login_of_their_own(terminal: Terminal) -> None:
    """Signed by the cluster, readable by nobody else; with it glass can be broken, and nothing of the making is left on the cluster."""
    said = terminal.types("operator", "add", "ada", "--server", terminal.plane.url, user="system:admin")
    file = terminal.folder / "ada.kubeconfig"
    assert said.code == 0, said.text
    assert "the login of ada, until 2" in said.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    broken = terminal.types(*ASKED, "--json", kubeconfig=file)
    assert json.loads(broken.out)["operator"] == "ada", broken.text
    with acting(terminal.plane.kubeconfig("admin")) as administrator:
        requests = administrator.list("certificates.k8s.io/v1", "CertificateSigningRequest")
        assert not [each for each in requests if each["metadata"]["name"].startswith("local-cicd-operator")]


def test_the_groups_of_an_operator_are_in_their_certificate(terminal: Terminal) -> None:
    """Carol may break glass because of her group, and no longer than the certificate is valid."""
    carol = ("carol", "--group", "ops", "--valid-for", "1h", "--output", "c.yaml", "--server", terminal.plane.url)
    said = terminal.types("operator", "add", *carol, "--json", user="system:admin")
    answer = json.loads(said.out)
    assert (answer["known_as"], answer["groups"], answer["may_break_glass"]) == ("carol", ["ops"], True)
    broken = terminal.types(*ASKED, "--json", kubeconfig=terminal.folder / "c.yaml")
    assert json.loads(broken.out)["operator"] == "carol", broken.text


def test_who_is_not_in_platform_yaml_gets_no_login(terminal: Terminal) -> None:
    """The file decides, so that the next `up` takes nothing away."""
    said = terminal.types("operator", "add", "dave", user="system:admin")
    assert said.code == 1
    assert "dave is not among those who may break glass" in said.text
    assert not list(terminal.folder.glob("*.kubeconfig"))


def test_a_right_that_is_not_on_the_cluster_yet_is_told(terminal: Terminal) -> None:
    """Dave is in platform.yaml, and `up` did not run since."""
    document: dict[str, Any] = {**HEAD, **sections(operators={"users": ["dave"]})}
    (terminal.folder / "platform.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    said = terminal.types("operator", "add", "dave", "--server", terminal.plane.url, user="system:admin")
    assert said.code == 0
    assert "on the cluster dave may not break glass yet" in said.text


def test_names_of_kubernetes_and_files_that_are_there_are_refused(terminal: Terminal) -> None:
    """Nobody becomes system:masters, and no login is overwritten."""
    assert "is no person" in terminal.types("operator", "add", "system:admin", user="admin").text
    assert "is no person" in terminal.types("operator", "add", "ada", "--group", "system:masters", user="admin").text
    (terminal.folder / "ada.kubeconfig").write_text("hers")
    assert "exists already" in terminal.types("operator", "add", "ada", user="admin").text
    assert (terminal.folder / "ada.kubeconfig").read_text() == "hers"


def test_who_may_not_sign_is_told_so(terminal: Terminal) -> None:
    """Ada is no administrator."""
    said = terminal.types("operator", "add", "ada", "--server", terminal.plane.url, user="ada")
    assert "you may not have certificates signed on this cluster" in said.text
    assert "no permission" not in said.text


def test_an_address_that_is_not_reached_from_here_is_no_error(terminal: Terminal) -> None:
    """The person may be elsewhere; the file is written, and the command says that it is not tried."""
    said = terminal.types("operator", "add", "ada", "--server", "https://127.0.0.1:9", user="system:admin")
    assert said.code == 0
    assert "did not answer at https://127.0.0.1:9, so the login is not tried" in said.text


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ((), "another machine on every machine (hint: --server https://NODE:6443"),
        (("--server", "10.1.1.11"), "--server 10.1.1.11 is no address of an API server (hint: write it as https://NODE:6443)"),
        (("--server", "http://10.1.1.11:6443"), "is no address of an API server"),
        (("--server", "https://10.1.1.11:port"), "is no address of an API server"),
    ],
)
def test_a_login_that_nobody_could_use_is_not_signed(terminal: Terminal, server: tuple[str, ...], said: str) -> None:
    """It can't be taken back; and the next try finds no file in its way."""
    answer = terminal.types("operator", "add", "ada", *server, user="system:admin")
    assert answer.code == 1
    assert said.partition(" (hint: ")[0] in answer.text
    assert said.partition(" (hint: ")[2].rstrip(")") in answer.text
    assert not list(terminal.folder.glob("*.kubeconfig"))


def test_who_may_not_read_records_is_told_whose_right_it_takes(terminal: Terminal) -> None:
    """Not that of a plan."""
    said = terminal.types("audit", user="mallory")
    assert said.code == 1
    assert "reading records takes the right that operators have" in said.text
    assert "patch" not in said.text


PROMOTION: Mapping[str, Any] = {"apiVersion": "kargo.akuity.io/v1alpha1", "kind": "Promotion"}


def promotion(plane: ControlPlane, name: str, gate: Mapping[str, Any], at: str) -> None:
    """Make a Promotion that has passed its gate."""
    freight = "0da4b684c1c31b6f6af563633c194732b7a8eb03"
    metadata = {"name": name, "namespace": PROJECT, "annotations": {"kargo.akuity.io/create-actor": "admin"}}
    steps = [{"uses": "http", "as": "gate", "config": {"url": "http://market-gate.local-cicd.svc/v1/gate"}}]
    done = {"alias": "gate", "startedAt": at, "finishedAt": at, "status": "Succeeded"}
    image = {"repoURL": "registry.example.lan/shop/api", "tag": "9d3309359aaea00204c619216b77ff7451c3c5df"}
    state = {"gate": gate, "push": {"commit": "7b740796e1a1d90ab0601f76208186ebfb9bcbd5"}}
    status = {"phase": "Succeeded", "freight": {"name": freight, "images": [image]}, "stepExecutionMetadata": [done], "state": state}
    with acting(plane.kubeconfig("admin")) as administrator:
        administrator.create({**PROMOTION, "metadata": metadata, "spec": {"stage": "live", "freight": freight, "steps": steps}})
        ref = Ref(api_version=PROMOTION["apiVersion"], kind="Promotion", name=name, namespace=PROJECT)
        administrator.patch_status(ref, status)


def test_the_audit_joins_records_with_promotions(terminal: Terminal) -> None:
    """The one that the gate named is certain; the others are not told to be."""
    made = json.loads(terminal.types(*ASKED, "--json").out)
    answer = {"reason": "break-glass by ada", "break_glass": {"record": made["record"].rpartition("/")[2], "operator": "ada"}}
    promotion(terminal.plane, "live.one", answer, made["created"])
    said = terminal.types("audit", "--json", "--stage", "live", user="grace")
    found = next(each for each in json.loads(said.out)["records"] if made["record"].endswith(each["record"]))
    assert (found["operator"], found["justification"], found["holds"]) == ("ada", WHY, True)
    (used,) = found["used"]
    assert (used["promotion"], used["certain"], used["actor"], used["phase"]) == ("live.one", True, "admin", "Succeeded")
    assert (used["commit"][:7], used["pushed"][:7], used["reason"]) == ("9d33093", "7b74079", "break-glass by ada")
    table = terminal.types("audit", "--project", "shop", user="grace").out
    assert "9d33093 by admin" in table
    lines = list(csv.DictReader(io.StringIO(terminal.types("audit", "--csv", user="grace").out)))
    assert [line["promotion"] for line in lines if made["record"].endswith(line["record"])] == ["live.one"]


def test_an_operator_reads_the_records_and_is_told_what_is_hidden(terminal: Terminal) -> None:
    """Ada may not look at Kargo's promotions."""
    terminal.types(*ASKED)
    said = terminal.types("audit", user="ada")
    assert said.code == 0
    assert "you may not see the promotions of shop-cd" in said.text


def test_filters(terminal: Terminal) -> None:
    """By stage, by project, by time."""
    terminal.types("break-glass", "--stage", "paper", "--for", "30m", "--justification", WHY)
    stages = {each["stage"] for each in json.loads(terminal.types("audit", "--json", "--stage", "paper", user="grace").out)["records"]}
    assert stages == {"paper"}
    assert json.loads(terminal.types("audit", "--json", "--project", "gone", user="grace").out)["records"] == []
    assert json.loads(terminal.types("audit", "--json", "--since", "2199-01-01", user="grace").out)["records"] == []
    assert json.loads(terminal.types("audit", "--json", "--since", "1h", user="grace").out)["records"]
    refused = terminal.types("audit", "--json", "--since", "yesterday", user="grace")
    assert refused.code == 1
    assert refused.out == ""


def test_what_is_no_record_and_what_was_restored_are_told(terminal: Terminal) -> None:
    """Made before the policy was there, or brought back by `bootstrap restore`; more of them than one page of a list."""
    namespace = "earlier"
    old = {"kind": "ConfigMap", "apiVersion": "v1", **record("restored", data(expires="2020-05-04T16:00:00Z"))}
    old["metadata"] = {**old["metadata"], "creationTimestamp": "2020-05-04T15:00:00Z"}
    metadata = {"name": "break-glass-archive-1", "namespace": namespace, "labels": {ARCHIVE_LABEL: "true"}}
    archive = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"restored.x.yaml": yaml.safe_dump(old)}}
    with acting(terminal.plane.kubeconfig("admin")) as administrator:
        administrator.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        administrator.create(record("garbage", {"stage": "live"}, namespace))
        administrator.create(archive)
        for number in range(450):
            administrator.create(record(f"many-{number}", data("grace", expires=in_minutes(30)), namespace))
    document = {**HEAD, **sections(), "namespace": namespace}
    (terminal.folder / "platform.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    said = terminal.types("audit", "--json", user="grace")
    answer = json.loads(said.out)
    assert len(answer["records"]) == 451
    assert (answer["records"][0]["record"], answer["records"][0]["archive"]) == ("restored", "break-glass-archive-1")
    assert answer["unreadable"] == [{"record": "garbage", "problem": "it has no project, operator, justification, expires"}]
    assert "earlier/garbage is marked as a record of break-glass and is none" in said.err


class LosingAnswers(httpx2.BaseTransport):
    """Passes requests on, and loses the answers to those that make a ConfigMap."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        answer = self._inner.handle_request(request)
        if request.method == "POST" and request.url.path.endswith("/configmaps") and "dryRun" not in request.url.params:
            answer.read()
            raise httpx2.ReadError("connection reset by peer", request=request)
        return answer

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


def test_a_lost_answer_makes_no_second_record(plane: ControlPlane) -> None:
    """The record is looked for, and is there."""
    before = len(records(plane))
    with Runner(plane=plane, user="bob", platform=guarded_platform()).engine(wrap=LosingAnswers) as started:
        asked = wanted(guarded_platform(), project="shop", stage="live", length=timedelta(minutes=5), justification=WHY)
        assert break_glass(started.context, asked).operator == "bob"
    assert len(records(plane)) == before + 1


def test_a_cluster_that_signs_nothing_is_told(control_plane: ControlPlane) -> None:
    """After the time that platform.yaml allows; the request is taken back, and no file is written."""
    platform = guarded_platform().model_copy(update={"timeouts": Timeouts(ready=timedelta(seconds=1))})
    with Runner(plane=control_plane, platform=platform).engine() as started:
        with pytest.raises(WaitError) as caught:
            issue(started.context, name="ada", groups=(), length=timedelta(days=1), deadline=started.context.deadline())
        assert "is approved and not signed yet" in caught.value.message
        assert "OIDC" in (caught.value.hint or "")
        assert not started.cluster.list("certificates.k8s.io/v1", "CertificateSigningRequest")
