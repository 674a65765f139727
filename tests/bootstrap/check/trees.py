"""A platform as `bootstrap render` would write it, and an application's repository, both in order: tests break one thing in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from bootstrap.check import run
from bootstrap.check.finding import Finding, Result
from bootstrap.platform.load import load
from bootstrap.results.result import Outcome

PLATFORM = """\
domain: example.lan
prerequisites:
  cert_manager: {mode: external, issuer: ca-issuer}
gitea:
  mode: external
  endpoint: {public_url: "https://gitea.example.lan", cluster_url: "http://gitea.git-server.svc:3000"}
  namespace: git-server
registry: {mode: external, host: registry.example.lan, namespace: git-server}
projects:
  - name: shop
    watched_image: api
    chart_path: chart
    stages:
      - {name: beta, promotion: auto}
      - {name: live, promotion: manual, promoters: {users: [ann]}}
"""

_GIT = "http://gitea.git-server.svc:3000/platform/shop.git"


def _application(stage: str) -> str:
    return dedent(f"""\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata:
          name: shop-{stage}
          namespace: argocd
          annotations:
            kargo.akuity.io/authorized-stage: shop-cd:{stage}
        spec:
          project: default
          destination:
            server: https://kubernetes.default.svc
            namespace: shop-{stage}
          source:
            repoURL: {_GIT}
            path: chart
            targetRevision: stage/{stage}
            helm:
              valueFiles: [values.yaml, values-{stage}.yaml]
        """)


def _stage(stage: str, sources: str) -> str:
    return dedent(f"""\
        apiVersion: kargo.akuity.io/v1alpha1
        kind: Stage
        metadata:
          name: {stage}
          namespace: shop-cd
        spec:
          vars:
            - name: gitRepo
              value: {_GIT}
            - name: imageRepo
              value: registry.example.lan/shop/api
          requestedFreight:
            - origin: {{kind: Warehouse, name: images}}
              sources: {sources}
          promotionTemplate:
            spec:
              steps:
                - uses: git-clone
                  config:
                    repoURL: ${{{{ vars.gitRepo }}}}
        """)


def _volume(name: str) -> str:
    return dedent(f"""\
        apiVersion: v1
        kind: PersistentVolume
        metadata:
          name: pipeline-{name}-pv
        spec:
          capacity: {{storage: 5Gi}}
          accessModes: [ReadWriteMany]
          storageClassName: ""
          persistentVolumeReclaimPolicy: Retain
          claimRef: {{apiVersion: v1, kind: PersistentVolumeClaim, namespace: {name}, name: export}}
          nfs:
            server: 192.0.2.8
            path: /volume1/pipelines/{name}
        """)


def _credentials(label: str, namespace: str, url: str) -> str:
    return dedent(f"""\
        apiVersion: v1
        kind: Secret
        metadata:
          name: git
          namespace: {namespace}
          labels:
            {label}
        stringData:
          {url}: {_GIT}
          username: platform
          password: put-in-by-a-person
        """)


RENDERED: Mapping[str, str] = {
    "runmefirst.sh": "#!/bin/bash\nhelm upgrade --install kargo oci://ghcr.io/akuity/kargo-charts/kargo --version 1.11.2\n",
    "namespaces.yaml": dedent("""\
        apiVersion: v1
        kind: Namespace
        metadata:
          name: woodpecker
        ---
        apiVersion: v1
        kind: Namespace
        metadata:
          name: shop-cd
          labels:
            kargo.akuity.io/project: "true"
          annotations:
            kargo.akuity.io/keep-namespace: "true"
        """),
    "woodpecker/values.yaml": dedent("""\
        server:
          env:
            WOODPECKER_HOST: https://ci.example.lan
        agent:
          env:
            WOODPECKER_BACKEND_K8S_NAMESPACE: woodpecker
        """),
    "woodpecker/network-policy.yaml": dedent("""\
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata:
          name: server
          namespace: woodpecker
        spec:
          podSelector:
            matchLabels: {app.kubernetes.io/name: server}
          ingress:
            - from:
                - namespaceSelector: {}
              ports:
                - {port: 8000, protocol: TCP}
        """),
    "argocd/repo-secret.yaml": _credentials("argocd.argoproj.io/secret-type: repository", "argocd", "url"),
    "argocd/apps/shop-beta.yaml": _application("beta"),
    "argocd/apps/shop-live.yaml": _application("live"),
    "kargo/values.yaml": "controller:\n  allowCredentialsOverHTTP: true\n",
    "kargo/credentials.yaml": _credentials("kargo.akuity.io/cred-type: git", "shop-cd", "repoURL"),
    "kargo/project.yaml": "apiVersion: kargo.akuity.io/v1alpha1\nkind: Project\nmetadata:\n  name: shop-cd\n",
    "kargo/warehouse.yaml": dedent("""\
        apiVersion: kargo.akuity.io/v1alpha1
        kind: Warehouse
        metadata:
          name: images
          namespace: shop-cd
        spec:
          interval: 5m0s
          subscriptions:
            - image:
                repoURL: registry.example.lan/shop/api
                imageSelectionStrategy: NewestBuild
                allowTagsRegexes:
                  - ^[0-9a-f]{40}$
                cacheByTag: true
        """),
    "kargo/stages/beta.yaml": _stage("beta", "{direct: true}"),
    "kargo/stages/live.yaml": _stage("live", "{stages: [beta]}"),
    "pvs/argocd-pv.yaml": _volume("argocd"),
    "pvs/kargo-pv.yaml": _volume("kargo"),
}

REPOSITORY: Mapping[str, str] = {
    ".woodpecker.yml": dedent("""\
        when:
          - event: [push, manual]
            branch: main
          - event: pull_request
        clone:
          git:
            image: docker.io/woodpeckerci/plugin-git:2.9.3
            settings:
              partial: false
              depth: 0
        variables:
          - &main
            - event: [push, manual]
              branch: main
        steps:
          - name: test
            image: docker.io/library/python:3.12-slim
            commands:
              - pytest --sha ${CI_COMMIT_SHA}
          - name: images
            image: registry.example.lan/local-cicd/registry-push:0.1.0
            settings:
              registry: registry.example.lan
              project: shop
              hold: true
              ca_cert: {from_secret: platform_ca}
              images:
                - {name: api, context: api}
                - {name: web, context: web}
            when: *main
          - name: release
            image: registry.example.lan/local-cicd/kargo-notify:0.1.0
            settings:
              registry: registry.example.lan
              project: shop
              watch: api
              kargo_token: {from_secret: kargo_token}
            when: *main
          - name: mirror
            image: registry.example.lan/local-cicd/github-mirror:0.1.0
            failure: ignore
            settings:
              remote: git@github.com:ann/shop.git
              ssh_key: {from_secret: github_deploy_key}
            when: *main
        """),
    "api/Dockerfile": "FROM docker.io/library/python:3.12-slim\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "chart/values.yaml": dedent("""\
        image:
          registry: registry.example.lan/shop
          tag: latest
        replicas: 1
        imagePullSecrets: []
        """),
    "chart/values-beta.yaml": "image:\n  tag: latest\n",
    "chart/values-live.yaml": "image:\n  tag: latest\nreplicas: 3\n",
    "chart/templates/api.yaml": dedent("""\
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: api
        spec:
          replicas: {{ .Values.replicas }}
          selector:
            matchLabels: {app: api}
          template:
            metadata:
              labels: {app: api}
            spec:
              {{- with .Values.imagePullSecrets }}
              imagePullSecrets: {{- toYaml . | nindent 8 }}
              {{- end }}
              containers:
                - name: api
                  image: "{{ .Values.image.registry }}/api:{{ .Values.image.tag }}"
        """),
}


def changed(files: Mapping[str, str], path: str, old: str, new: str) -> dict[str, str]:
    """Return the files with one text in one of them replaced; it must be there."""
    assert old in files[path], f"{path} has no {old!r}"
    return {**files, path: files[path].replace(old, new, 1)}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder, and return that."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A folder with platform.yaml, the rendered platform and the repository."""

    folder: Path
    helm: str = "helm-that-is-not-there"

    def check(
        self,
        rendered: Mapping[str, str] | None = None,
        repository: Mapping[str, str] | None = None,
        *,
        platform: str | None = PLATFORM,
        charts: Path | None = None,
    ) -> dict[str, Result]:
        """Write what is given and return the result of every check by its name; without a platform only the files say what is right."""
        file = self.folder / "platform.yaml"
        if platform is not None:
            file.write_text(platform, encoding="utf-8")
        results = run.check(
            run.read(
                rendered=write(self.folder / "rendered", rendered) if rendered is not None else None,
                repository=write(self.folder / "repository", repository) if repository is not None else None,
                loaded=load(file) if platform is not None else None,
                helm=self.helm,
                charts=[charts] if charts else [],
            )
        )
        return {result.check.name: result for result in results}


def failed(results: Mapping[str, Result]) -> list[str]:
    """Return the names of the checks that have failed."""
    return [name for name, result in results.items() if result.outcome is Outcome.FAILED]


def told(result: Result) -> list[str]:
    """Return what a check says, from the file on."""
    return [_told(finding) for finding in result.findings]


def _told(finding: Finding) -> str:
    # The folders of a test are of no interest.
    where = finding.where.partition("rendered/")[2] or finding.where.partition("repository/")[2] or finding.where
    return f"{where}: {finding.text}"
