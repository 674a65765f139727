"""What can be broken in a platform and a repository that are in order, the check that is to fail, and what it says then."""

from dataclasses import dataclass

SYNTAX = "manifest-syntax"
PIPELINE = "pipeline-file"
NAMESPACES = "namespace-isolation"
NFS = "nfs-paths"
IMAGES = "image-registry"
GHCR = "ghcr-remnants"
URLS = "repository-urls"
WAREHOUSE = "warehouse-url"

POLICY = "woodpecker/network-policy.yaml"
BETA = "argocd/apps/shop-beta.yaml"
STORE = "kargo/warehouse.yaml"
CI = ".woodpecker.yml"
PIPELINES_NAMESPACE = "WOODPECKER_BACKEND_K8S_NAMESPACE: woodpecker"
GIT = "http://gitea.git-server.svc:3000/platform/shop.git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One thing that is broken, the check that is to fail, and how what it says begins."""

    path: str
    old: str
    new: str
    check: str
    says: str


PLATFORM_BREAKS = (
    Break(path=POLICY, old="metadata:", new="metadata", check=SYNTAX, says=f"{POLICY}:4: is a key without `:`"),
    Break(
        path=POLICY,
        old="  name: server\n",
        new="  name: server\n  name: agent\n",
        check=SYNTAX,
        says=f"{POLICY}:5: `name` stands twice, first in line 4; the second would silently win",
    ),
    Break(
        path=POLICY,
        old="podSelector:",
        new="podSelctor:",
        check=SYNTAX,
        says=f"{POLICY}:7: NetworkPolicy woodpecker/server: spec.podSelctor: NetworkPolicySpec has no field `podSelctor`; did you mean"
        " `podSelector`?",
    ),
    Break(
        path=POLICY,
        old="networking.k8s.io/v1",
        new="networking.k8s.io/v1beta1",
        check=SYNTAX,
        says=f"{POLICY}:1: NetworkPolicy woodpecker/server: apiVersion: Kubernetes has no networking.k8s.io/v1beta1 (any more); write"
        " networking.k8s.io/v1",
    ),
    Break(
        path="namespaces.yaml",
        old='keep-namespace: "true"',
        new="keep-namespace: true",
        check=SYNTAX,
        says="namespaces.yaml:13: Namespace shop-cd: metadata.annotations.kargo.akuity.io/keep-namespace: must be a text",
    ),
    Break(
        path=STORE,
        old="interval: 5m0s",
        new="intervall: 5m0s",
        check=SYNTAX,
        says=f"{STORE}:7: Warehouse shop-cd/images: spec.intervall: `intervall` is no key here; did you mean `interval`?",
    ),
    Break(
        path="kargo/stages/beta.yaml",
        old="kind: Warehouse",
        new="kind: Warehose",
        check=SYNTAX,
        says="kargo/stages/beta.yaml:13: Stage shop-cd/beta: spec.requestedFreight[0].origin.kind: must be one of Warehouse",
    ),
    Break(
        path=BETA,
        old="  project: default\n",
        new="",
        check=SYNTAX,
        says=f"{BETA}:8: Application argocd/shop-beta: spec: `project` is missing",
    ),
    Break(
        path=BETA,
        old="    namespace: shop-beta",
        new="    namespace: woodpecker",
        check=NAMESPACES,
        says=f"{BETA}:12: Application argocd/shop-beta: woodpecker is meant for a running application here, and it is the namespace of",
    ),
    Break(
        path=BETA,
        old="    namespace: shop-beta",
        new="    namespace: shop-live",
        check=NAMESPACES,
        says="argocd/apps/shop-live.yaml:12: Application argocd/shop-live runs in shop-live, as Application argocd/shop-beta does",
    ),
    Break(
        path="woodpecker/values.yaml",
        old=PIPELINES_NAMESPACE,
        new="WOODPECKER_BACKEND_K8S_NAMESPACE: shop-live",
        check=NAMESPACES,
        says="woodpecker/values.yaml:6: the pods of pipelines: shop-live is meant for a part of the platform",
    ),
    Break(
        path=POLICY,
        old="namespace: woodpecker",
        new="namespace: git-server",
        check=NAMESPACES,
        says=f"{POLICY}:5: NetworkPolicy git-server/server: git-server is meant for a part of the platform",
    ),
    Break(
        path="namespaces.yaml",
        old='    kargo.akuity.io/keep-namespace: "true"',
        new='    example.lan/keep: "true"',
        check=NAMESPACES,
        says="namespaces.yaml:12: Namespace shop-cd goes, with everything in it, when its Kargo project is deleted",
    ),
    Break(
        path="pvs/kargo-pv.yaml",
        old="/pipelines/kargo",
        new="/pipelines/argocd/kargo",
        check=NFS,
        says="pvs/kargo-pv.yaml:13: PersistentVolume pipeline-kargo-pv has 192.0.2.8:/volume1/pipelines/argocd/kargo, inside of, or",
    ),
    Break(
        path="pvs/kargo-pv.yaml",
        old="/volume1/pipelines/kargo",
        new="/volume1//pipelines/x/../argocd/",
        check=NFS,
        says="pvs/kargo-pv.yaml:13: PersistentVolume pipeline-kargo-pv has 192.0.2.8:/volume1/pipelines/argocd, the same folder as",
    ),
    Break(
        path="pvs/kargo-pv.yaml",
        old="namespace: kargo, name: export",
        new="namespace: argocd, name: export",
        check=NFS,
        says="pvs/kargo-pv.yaml:10: PersistentVolume pipeline-kargo-pv waits for the claim argocd/export, as",
    ),
    Break(
        path="kargo/values.yaml",
        old="controller:",
        new="image:\n  repository: quay.io/local-cicd/kargo\ncontroller:",
        check=IMAGES,
        says="kargo/values.yaml:2: quay.io/local-cicd/kargo is in quay.io, not in registry.example.lan, the registry that platform.yaml",
    ),
    Break(
        path="kargo/values.yaml",
        old="controller:",
        new="ghcrAuth: {enabled: true}\ncontroller:",
        check=GHCR,
        says="kargo/values.yaml:1: ghcrAuth is the login for GHCR",
    ),
    Break(
        path="runmefirst.sh",
        old="helm upgrade",
        new="docker pull ghcr.io/ann/shop/api:1\nhelm upgrade",
        check=GHCR,
        says="runmefirst.sh:2: ghcr.io/ann/shop/api is on GHCR",
    ),
    Break(
        path=BETA,
        old=GIT,
        new="https://github.com/ann/shop.git",
        check=URLS,
        says=f"{BETA}:14: Application argocd/shop-beta names https://github.com/ann/shop.git, and not Gitea",
    ),
    Break(
        path=BETA,
        old=GIT,
        new=GIT.removesuffix(".git"),
        check=URLS,
        says=f"{BETA}:14: Application argocd/shop-beta names {GIT.removesuffix('.git')}, which is no repository of a project in",
    ),
    Break(
        path=BETA,
        old="targetRevision: stage/beta",
        new="targetRevision: main",
        check=URLS,
        says=f"{BETA}:16: Application argocd/shop-beta follows main; what is promoted to it is in stage/beta",
    ),
    Break(
        path=BETA,
        old="authorized-stage: shop-cd:beta",
        new="authorized-stage: shop:beta",
        check=URLS,
        says=f"{BETA}:7: Application argocd/shop-beta lets shop:beta sync it, and there is no such Stage; there is shop-cd:beta,",
    ),
    Break(
        path="argocd/repo-secret.yaml",
        old=GIT,
        new=f"{GIT}/",
        check=URLS,
        says=f"argocd/apps/shop-beta.yaml:14: Application argocd/shop-beta reads from {GIT}, and Argo CD has a login only for {GIT}/",
    ),
    Break(
        path="kargo/values.yaml",
        old="allowCredentialsOverHTTP: true",
        new="allowCredentialsOverHTTP: false",
        check=URLS,
        says=f"kargo/values.yaml:2: Kargo sends no login to {GIT}, since it is plain http, and can't push a promotion",
    ),
    Break(
        path=STORE,
        old="registry.example.lan/shop/api",
        new="ghcr.io/ann/shop/api",
        check=WAREHOUSE,
        says=f"{STORE}:10: Warehouse shop-cd/images watches ghcr.io/ann/shop/api, which is not in registry.example.lan",
    ),
    Break(
        path=STORE,
        old="registry.example.lan/shop/api",
        new="registry.example.lan/shop/web",
        check=WAREHOUSE,
        says=f"{STORE}:10: Warehouse shop-cd/images watches registry.example.lan/shop/web; the watched image of a project is shop/api",
    ),
    Break(
        path=STORE,
        old="repoURL: registry",
        new="repoURL: http://registry",
        check=WAREHOUSE,
        says=f"{STORE}:10: Warehouse shop-cd/images watches http://registry.example.lan/shop/api: an image has no scheme",
    ),
    Break(
        path=STORE,
        old="imageSelectionStrategy: NewestBuild",
        new="strictSemvers: true",
        check=WAREHOUSE,
        says=f"{STORE}:9: Warehouse shop-cd/images selects by SemVer, which does not know which commit is newest",
    ),
    Break(
        path=STORE,
        old="^[0-9a-f]{40}$",
        new="'[0-9a-f]{40}'",
        check=WAREHOUSE,
        says=f"{STORE}:12: Warehouse shop-cd/images also takes candidate-0123456789abcdef0123456789abcdef01234567: Kargo's patterns match",
    ),
    Break(
        path=STORE,
        old="^[0-9a-f]{40}$",
        new="^v[0-9.]+$",
        check=WAREHOUSE,
        says=f"{STORE}:12: Warehouse shop-cd/images takes none of the tags that pipelines make",
    ),
    Break(
        path=STORE,
        old="cacheByTag: true",
        new="cacheByTag: false",
        check=WAREHOUSE,
        says=f"{STORE}:14: Warehouse shop-cd/images reads every image again at every interval",
    ),
    Break(
        path=STORE,
        old="cacheByTag: true",
        new="cacheByTag: true\n        discoverLimit: 5",
        check=WAREHOUSE,
        says=f"{STORE}:15: Warehouse shop-cd/images has `discoverLimit`, which Kargo does not know; did you mean `discoveryLimit`?",
    ),
    Break(
        path=STORE,
        old="allowTagsRegexes:",
        new="allowTags:",
        check=WAREHOUSE,
        says=f"{STORE}:9: Warehouse shop-cd/images takes every tag, also latest and candidates that no test has passed",
    ),
)

REPOSITORY_BREAKS = (
    Break(path="chart/values.yaml", old="replicas: 1", new="replicas: 1: 2", check=SYNTAX, says="chart/values.yaml:4: has a second `: `"),
    Break(path=CI, old="  - name: test\n", new="  - name: test\n    name: tests\n", check=SYNTAX, says=f"{CI}:17: `name` stands twice"),
    Break(
        path=CI,
        old="    branch: main\n  - event: pull",
        new="    brnch: main\n  - event: pull",
        check=PIPELINE,
        says=f"{CI}:1: a promotion pushes to stage/beta and would start test: that makes images, and these a promotion, for ever",
    ),
    Break(
        path=CI,
        old="    commands:\n      - pytest",
        new="    comands:\n      - pytest",
        check=PIPELINE,
        says=f"{CI}:18: steps[0].comands: `comands` is no key here; did you mean `commands`?",
    ),
    Break(
        path=CI,
        old="    failure: ignore",
        new="    failure: fail",
        check=PIPELINE,
        says=f"{CI}:41: step mirror: when GitHub can't be reached, the whole pipeline fails",
    ),
    Break(
        path=CI,
        old="    settings:\n      registry: registry.example.lan\n      project: shop\n      hold",
        new="    privileged: true\n    settings:\n      registry: registry.example.lan\n      project: shop\n      hold",
        check=PIPELINE,
        says=f"{CI}:22: step images: is privileged: whoever can push is root on the node",
    ),
    Break(
        path=CI,
        old="github-mirror:0.1.0",
        new="github-mirror:latest",
        check=PIPELINE,
        says=f"{CI}:40: step mirror: registry.example.lan/local-cicd/github-mirror:latest is latest: what runs here changes",
    ),
    Break(
        path=CI,
        old="image: docker.io/woodpeckerci/plugin-git:2.9.3",
        new="image: example.lan/clone:1",
        check=PIPELINE,
        says=f"{CI}:7: step git: example.lan/clone:1 is not trusted with the login for cloning",
    ),
    Break(
        path=CI,
        old="kargo_token: {from_secret: kargo_token}",
        new="kargo_token: abc",
        check=PIPELINE,
        says=f"{CI}:37: step release: kargo_token stands here in clear text",
    ),
    Break(
        path=CI,
        old="      hold: true",
        new="      tags: [${CI_COMMIT_SHA}]\n      hold: true",
        check=SYNTAX,
        says=f"{CI}:25: is not valid YAML",
    ),
    Break(
        path=CI,
        old="      hold: true",
        new="      tags: ${CI_COMMIT_SHA:0:8}\n      hold: true",
        check=PIPELINE,
        says=f"{CI}:25: ${{CI_COMMIT_SHA:0:8}} is replaced before the YAML is read, without quotes: a commit of digits becomes a number",
    ),
    Break(
        path=CI,
        old="    settings:\n      remote",
        new="    environment: {A: b}\n    settings:\n      remote",
        check=PIPELINE,
        says=f"{CI}:42: step mirror: has settings and environment: it is no plugin then",
    ),
    Break(
        path=CI,
        old="kargo-notify:0.1.0",
        new="kargo-teller:0.1.0",
        check=PIPELINE,
        says=f"{CI}:25: step images: holds its images back (`hold`), and no later step releases them: nothing is ever deployed",
    ),
    Break(
        path="chart/values.yaml",
        old="registry: registry.example.lan/shop",
        new="registry: docker.io/ann/shop",
        check=IMAGES,
        says="chart/values.yaml:2: docker.io/ann/shop is in docker.io, not in registry.example.lan, the registry that platform.yaml names",
    ),
    Break(
        path=CI,
        old="      registry: registry.example.lan\n      project: shop\n      hold",
        new="      registry: registry.other.lan\n      project: shop\n      hold",
        check=IMAGES,
        says=f"{CI}:23: registry.other.lan is in registry.other.lan, not in registry.example.lan",
    ),
    Break(
        path="chart/values.yaml",
        old="registry: registry.example.lan/shop",
        new="registry: ghcr.io/ann/shop",
        check=GHCR,
        says="chart/values.yaml:2: ghcr.io/ann/shop is on GHCR",
    ),
    Break(
        path="chart/values-live.yaml",
        old="replicas: 3",
        new="imagePullSecrets:\n  - name: ghcr-credentials",
        check=GHCR,
        says="chart/values-live.yaml:4: ghcr-credentials is the login for GHCR",
    ),
    Break(
        path="chart/values-live.yaml",
        old="replicas: 3",
        new="imagePullSecrets:\n  - name: regcred",
        check=GHCR,
        says="chart/values-live.yaml:4: imagePullSecrets names regcred, and registry.example.lan asks for no login",
    ),
    Break(
        path="chart/templates/api.yaml",
        old="    spec:\n",
        new="    spec:\n      {{- if .Values.ghcrAuth.enabled }}{{ end }}\n",
        check=GHCR,
        says="chart/templates/api.yaml:13: ghcrAuth is the login for GHCR",
    ),
    Break(
        path="api/Dockerfile",
        old="docker.io/library/python:3.12-slim",
        new="ghcr.io/ann/shop/base:1",
        check=GHCR,
        says="api/Dockerfile:1: ghcr.io/ann/shop/base is on GHCR",
    ),
)
