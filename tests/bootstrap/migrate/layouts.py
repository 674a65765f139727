"""Repositories of applications on GHCR, as they are found: each with its platform, and what its values must become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import dedent

from tests.bootstrap.check.trees import PLATFORM

CHART = "apiVersion: v2\nname: shop\nversion: 0.1.0\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A repository, its platform, its address on GitHub, the files afterwards that say most, and the lines that go and come in each."""

    name: str
    files: Mapping[str, str]
    platform: str = PLATFORM
    remote: str = "git@github.com:ann/shop.git"
    after: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    built: tuple[str, ...] = ()


_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
spec:
  selector:
    matchLabels: {app: NAME}
  template:
    metadata:
      labels: {app: NAME}
    spec:
      PULL
      containers:
        - name: NAME
          image: "IMAGE"
"""


def deployment(name: str, image: str, pull: str = "") -> str:
    """Return a Deployment as a template, with what stands before its containers."""
    text = _DEPLOYMENT.replace("NAME", name).replace("IMAGE", image)
    return text.replace("      PULL\n", "".join(f"      {line}\n" for line in pull.splitlines()))


_GENERIC = """\
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 8 }}
{{- end }}
"""

SINGLE = Layout(
    name="single",
    platform=PLATFORM.replace("watched_image: api", "watched_image: shop"),
    files={
        "chart/Chart.yaml": CHART,
        "chart/values.yaml": dedent("""\
            # The one image.
            image:
              repository: "ghcr.io/ann/shop"   # pushed by Actions
              tag: latest
              pullPolicy: IfNotPresent

            imagePullSecrets:
              - name: ghcr-pull   # made by hand

            resources: {limits: {cpu: 100m,   memory: 64Mi}}
            """),
        "chart/values-beta.yaml": "image: {tag: beta}\n",
        "chart/values-live.yaml": "image: {tag: live}\n",
        "chart/templates/deployment.yaml": deployment("shop", "{{ .Values.image.repository }}:{{ .Values.image.tag }}", _GENERIC),
        "Dockerfile": "FROM docker.io/library/python:3.13-slim\nCOPY shop.py /app/\n",
        "shop.py": "print('shop')\n",
    },
    after={
        "chart/values.yaml": dedent("""\
            # The one image.
            image:
              repository: "registry.example.lan/shop/shop"   # pushed by Actions
              tag: latest
              pullPolicy: IfNotPresent

            imagePullSecrets: []

            resources: {limits: {cpu: 100m,   memory: 64Mi}}
            """),
    },
    built=("shop",),
)

SERVICES = Layout(
    name="services",
    platform=PLATFORM.replace("chart_path: chart", "chart_path: chart\n    tag_key: services.api.image.tag"),
    files={
        "chart/Chart.yaml": CHART,
        "chart/values.yaml": dedent("""\
            services:
                api:    # the one that Kargo watches
                    image: {registry: ghcr.io, repository: ann/shop/api, tag: latest}
                    port: 8080
                web:
                    image:
                        registry: ghcr.io
                        repository: 'ann/shop/web'
                        tag: "latest"
                dex:
                    image: ghcr.io/dexidp/dex:v2.41.1

            # Login for GHCR: kubelet needs it to pull.
            ghcrAuth:
                create: true
                username: ann
                password: not-a-real-one-1
            # Kept for later.
            debug: false
            """),
        "chart/values-beta.yaml": "services: {api: {image: {tag: v1}}}\n",
        "chart/values-live.yaml": "services:\n    api:\n        image:\n            tag: v1   # by Kargo\n",
        "chart/templates/_helpers.tpl": dedent("""\
            {{- define "shop.image" -}}
            {{ printf "%s/%s:%s" .registry .repository .tag }}
            {{- end }}
            {{- define "shop.ghcrLogin" -}}
            {{- $auth := printf "%s:%s" .Values.ghcrAuth.username .Values.ghcrAuth.password | b64enc -}}
            {{- printf "{\\"auths\\": {\\"ghcr.io\\": {\\"auth\\": \\"%s\\"}}}" $auth | b64enc }}
            {{- end }}
            """),
        "chart/templates/login.yaml": dedent("""\
            {{- if .Values.ghcrAuth.create }}
            apiVersion: v1
            kind: Secret
            metadata:
              name: shop-registry
            type: kubernetes.io/dockerconfigjson
            data:
              .dockerconfigjson: {{ include "shop.ghcrLogin" . }}
            {{- end }}
            """),
        "chart/templates/services.yaml": (
            "{{- range $name, $service := .Values.services }}\n---\n"
            + deployment(
                "{{ $name }}",
                '{{ if kindIs "string" $service.image }}{{ $service.image }}{{ else }}{{ include "shop.image" $service.image }}{{ end }}',
                "imagePullSecrets:\n  {{- if $.Values.ghcrAuth.create }}\n  - name: shop-registry\n  {{- end }}\n",
            )
            + "{{- end }}\n"
        ),
        "services/api/Dockerfile": "FROM scratch\n",
        "services/web/Dockerfile": "FROM scratch\n",
        ".github/workflows/ci.yml": dedent("""\
            on: [push]
            jobs:
              test:
                runs-on: ubuntu-latest
                steps: [{run: make test}]
              build:
                runs-on: ubuntu-latest
                strategy:
                  matrix:
                    service: [api, web]
                steps:
                  - uses: docker/build-push-action@v6
                    with:
                      context: services/${{ matrix.service }}
                      push: true
                      tags: ghcr.io/${{ github.repository }}/${{ matrix.service }}:${{ github.sha }}
            """),
    },
    after={
        "chart/values.yaml": dedent("""\
            services:
                api:    # the one that Kargo watches
                    image: {registry: registry.example.lan, repository: shop/api, tag: latest}
                    port: 8080
                web:
                    image:
                        registry: registry.example.lan
                        repository: 'shop/web'
                        tag: "latest"
                dex:
                    image: ghcr.io/dexidp/dex:v2.41.1

            # Kept for later.
            debug: false
            """),
        "chart/templates/_helpers.tpl": '{{- define "shop.image" -}}\n{{ printf "%s/%s:%s" .registry .repository .tag }}\n{{- end }}\n',
    },
    gone=("chart/templates/login.yaml", ".github/workflows/ci.yml"),
    built=("api", "web"),
)

ANCHORS = Layout(
    name="anchors",
    files={
        "chart/Chart.yaml": CHART,
        "chart/values.yaml": dedent("""\
            x-registry: &registry ghcr.io/ann/shop
            x-image: &image
              registry: *registry
              tag: latest
            image: *image
            jobs:
              - &nightly
                <<: *image
                name: nightly
                schedule: "0 3 * * *"
              - <<: *nightly
                name: weekly
            pull: &pull
              - name: ghcr-credentials   # by hand
            imagePullSecrets: *pull
            """).replace("\n", "\r\n"),
        "chart/values-beta.yaml": "",
        "chart/values-live.yaml": "",
        "chart/templates/api.yaml": deployment("api", "{{ .Values.image.registry }}/api:{{ .Values.image.tag }}"),
        "api/Dockerfile": "FROM scratch\n",
        "deploy/apps.yaml": dedent("""\
            # All stages.
            apiVersion: argoproj.io/v1alpha1
            kind: Application
            metadata: {name: shop-beta-by-hand, namespace: argocd}
            spec: &spec
              project: default
              source: {repoURL: &git "https://github.com/ann/shop.git", path: chart, targetRevision: stage/beta}
              destination: {server: https://kubernetes.default.svc, namespace: shop-beta}
            --- # production
            apiVersion: argoproj.io/v1alpha1
            kind: Application
            metadata:
              name: shop-live-by-hand
              namespace: argocd
            spec:
              project: default
              destination: {server: https://kubernetes.default.svc, namespace: shop-live}
              sources:
              - repoURL: git@github.com:Ann/Shop.git   # by SSH
                path: chart
                targetRevision: stage/live
                helm:
                  parameters:
                  - {name: image.registry, value: ghcr.io/ann/shop}
              - repoURL: https://github.com/prometheus-community/helm-charts
                chart: exporter
                targetRevision: 1.0.0
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: ghcr-credentials, namespace: shop-beta}
            type: kubernetes.io/dockerconfigjson
            stringData:
              .dockerconfigjson: '{"auths": {"ghcr.io": {"auth": "YW5uOmdocF9ub3RhcmVhbHRva2Vu"}}}'
            """).replace("\n", "\r\n"),
    },
    after={
        "chart/values.yaml": dedent("""\
            x-registry: &registry registry.example.lan/shop
            x-image: &image
              registry: *registry
              tag: latest
            image: *image
            jobs:
              - &nightly
                <<: *image
                name: nightly
                schedule: "0 3 * * *"
              - <<: *nightly
                name: weekly
            pull: &pull []
            imagePullSecrets: *pull
            """).replace("\n", "\r\n"),
        "deploy/apps.yaml": dedent("""\
            # All stages.
            apiVersion: argoproj.io/v1alpha1
            kind: Application
            metadata: {name: shop-beta-by-hand, namespace: argocd}
            spec: &spec
              project: default
              source: {repoURL: &git "http://gitea.git-server.svc:3000/platform/shop.git", path: chart, targetRevision: stage/beta}
              destination: {server: https://kubernetes.default.svc, namespace: shop-beta}
            --- # production
            apiVersion: argoproj.io/v1alpha1
            kind: Application
            metadata:
              name: shop-live-by-hand
              namespace: argocd
            spec:
              project: default
              destination: {server: https://kubernetes.default.svc, namespace: shop-live}
              sources:
              - repoURL: http://gitea.git-server.svc:3000/platform/shop.git   # by SSH
                path: chart
                targetRevision: stage/live
                helm:
                  parameters:
                  - {name: image.registry, value: registry.example.lan/shop}
              - repoURL: https://github.com/prometheus-community/helm-charts
                chart: exporter
                targetRevision: 1.0.0
            """).replace("\n", "\r\n"),
    },
    built=("api",),
)
