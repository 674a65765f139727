"""The repository of examples/demo on GHCR, and that of the design document: as large as they come."""

from textwrap import dedent

from devtools.paths import ROOT
from tests.bootstrap.check.trees import PLATFORM
from tests.bootstrap.migrate.layouts import CHART, Layout, deployment

DEMO = ROOT / "examples/demo"
STONKS = (ROOT / "examples/stonks-oracle/platform.yaml").read_text(encoding="utf-8")


def _demo() -> dict[str, str]:
    files = {
        str(path.relative_to(DEMO)): path.read_text(encoding="utf-8")
        for path in sorted(DEMO.rglob("*"))
        # Without what linters and Python leave there.
        if path.is_file() and path.name != ".woodpecker.yml" and not {"__pycache__", ".ruff_cache"} & {*path.parts}
    }
    services = sorted({name.split("/")[1] for name in files if name.startswith("services/")})
    images = "".join(f"  {name}: ghcr.io/ann/demo/{name}\n" for name in (*services, "dashboard", "analytics"))
    return {
        **files,
        "chart/Chart.yaml": CHART.replace("shop", "demo"),
        "chart/values.yaml": f"image: {{tag: latest}}\nimages:\n{images}imagePullSecrets: [{{name: ghcr}}]\n",
        "chart/values-beta.yaml": "image: {tag: latest}\n",
        "chart/values-live.yaml": "image: {tag: latest}\n",
        "chart/templates/all.yaml": (
            "{{- range $name, $image := .Values.images }}\n---\n"
            + deployment(
                "{{ $name }}",
                "{{ $image }}:{{ $.Values.image.tag }}",
                "imagePullSecrets: {{ toYaml $.Values.imagePullSecrets | nindent 8 }}",
            )
            + "{{- end }}\n"
        ),
    }


_DEMO_NAMES = (
    "analytics", "broker-adapter", "candle-store", "dashboard", "ledger", "market-feed", "news-feed", "notifier", "order-router",
    "portfolio", "query-api", "risk-engine", "scheduler", "signal-engine",
)  # fmt: skip

LIKE_THE_DEMO = Layout(
    name="demo",
    platform=PLATFORM.replace("name: shop", "name: demo").replace("watched_image: api", "watched_image: query-api"),
    remote="https://github.com/ann/demo",
    files=_demo(),
    after={
        "chart/values.yaml": "image: {tag: latest}\nimages:\n"
        + "".join(
            f"  {name}: registry.example.lan/demo/{name}\n"
            for name in (*(n for n in _DEMO_NAMES if n not in {"analytics", "dashboard"}), "dashboard", "analytics")
        )
        + "imagePullSecrets: []\n",
    },
    built=_DEMO_NAMES,
)

SEED = Layout(
    name="seed",
    platform=STONKS,
    remote="https://github.com/celesrenata/stonks-oracle.git",
    files={
        "infra/helm/stonks-oracle/Chart.yaml": CHART.replace("shop", "stonks-oracle"),
        "infra/helm/stonks-oracle/values.yaml": dedent("""\
            image:
              registry: ghcr.io/celesrenata/stonks-oracle  # all of them
              pullPolicy: Always
              tag: latest

            imagePullSecrets:
              - name: ghcr-credentials

            ghcrAuth:
              enabled: true
              dockerconfigjson: eyJhdXRocyI6IHsiZ2hjci5pbyI6IHt9fX0=

            services:
              query-api: {port: 8000}
              sentiment: {port: 8001}
            """),
        "infra/helm/stonks-oracle/values-beta.yaml": "image:\n  tag: beta\n",
        "infra/helm/stonks-oracle/values-paper.yaml": "image:\n  tag: paper\n",
        "infra/helm/stonks-oracle/templates/ghcr-secret.yaml": dedent("""\
            {{- if .Values.ghcrAuth.enabled }}
            apiVersion: v1
            kind: Secret
            metadata:
              name: ghcr-credentials
            type: kubernetes.io/dockerconfigjson
            data:
              .dockerconfigjson: {{ .Values.ghcrAuth.dockerconfigjson }}
            {{- end }}
            """),
        "infra/helm/stonks-oracle/templates/services.yaml": (
            "{{- range $name, $service := .Values.services }}\n---\n"
            + deployment(
                "{{ $name }}",
                "{{ $.Values.image.registry }}/{{ $name }}:{{ $.Values.image.tag }}",
                "{{- with $.Values.imagePullSecrets }}\nimagePullSecrets: {{- toYaml . | nindent 8 }}\n{{- end }}",
            )
            + "{{- end }}\n"
        ),
        "pipelines/arc/values.yaml": "replicaCount: 1\n",
        "pipelines/arc/runner-scaleset.yaml": "githubConfigUrl: https://github.com/celesrenata/stonks-oracle\nminRunners: 1\n",
        "pipelines/arc/runner-rbac.yaml": dedent("""\
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: runners}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
            subjects: [{kind: ServiceAccount, name: runner, namespace: arc-system}]
            """),
        "pipelines/pvs/arc-pv.yaml": dedent("""\
            apiVersion: v1
            kind: PersistentVolume
            metadata: {name: pipeline-arc-pv}
            spec: {capacity: {storage: 5Gi}, accessModes: [ReadWriteMany], nfs: {server: 192.0.2.8, path: /volume1/arc}}
            """),
        "services/query-api/Dockerfile": "FROM scratch\n",
        "services/sentiment/Dockerfile": "FROM scratch\n",
        ".github/workflows/build.yml": "on: [push]\njobs: {build: {runs-on: arc-runner-set, steps: [{run: docker push ghcr.io/x/y}]}}\n",
    },
    after={
        "infra/helm/stonks-oracle/values.yaml": dedent("""\
            image:
              registry: registry.celestium.life/stonks-oracle  # all of them
              pullPolicy: Always
              tag: latest

            imagePullSecrets: []

            services:
              query-api: {port: 8000}
              sentiment: {port: 8001}
            """),
    },
    gone=(
        "infra/helm/stonks-oracle/templates/ghcr-secret.yaml",
        "pipelines/arc/values.yaml",
        "pipelines/arc/runner-scaleset.yaml",
        "pipelines/arc/runner-rbac.yaml",
        "pipelines/pvs/arc-pv.yaml",
        ".github/workflows/build.yml",
    ),
    built=("query-api", "sentiment"),
)
