from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.config import Cluster, ConfigErrors, Defaults, read_application, read_documents, settings
from gitopsd.config.application import application_schema, doubts
from gitopsd.model.app import App, AppKey, Automated, Source

CLUSTERS = (Cluster(name="in-cluster", server="https://kubernetes.default.svc"), Cluster(name="west"))
SAMPLE = Path(__file__).parent.parent.parent / "manifests" / "applications" / "monitor-app-prod.yaml"


def application(spec: str = "", metadata: str = "{name: web}", source: str = "repoURL: u") -> str:
    """A document; `spec` adds to a source and a destination."""
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {metadata}
spec:
  source: {{{source}}}
  destination: {{name: west}}
{spec}"""


def read(text: str) -> App:
    """The application in `text`."""
    (document,) = read_documents(text.encode(), "app.yaml")
    return read_application(document, CLUSTERS)


def complaints(text: str) -> list[str]:
    """All that is wrong with `text`."""
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    return [str(error) for error in caught.value.errors]


def warnings(text: str) -> list[str]:
    """What `text` says without effect."""
    (document,) = read_documents(text.encode(), "app.yaml")
    return [str(doubt) for doubt in doubts(document)]


def test_sample_application() -> None:
    """The Application that people have works as it stands."""
    app = read(SAMPLE.read_text())
    assert app.key == AppKey("argocd", "monitor-app-prod")
    assert app.sources == (Source("https://github.com/myorg/myrepo.git", "ops/overlays/prod", "HEAD"),)
    assert app.automated == Automated(prune=True, self_heal=True)
    assert (app.spec.destination.server, app.spec.destination.namespace) == ("https://kubernetes.default.svc", "monitor")


def test_namespace_has_a_default() -> None:
    """An Application without a namespace is in Argo CD's own."""
    assert read(application()).key == AppKey("argocd", "web")


def test_origin_is_file_and_line() -> None:
    """An application says where its document stands."""
    (_, document) = read_documents(f"{application()}\n---\n{application()}".encode(), "apps/all.yaml")
    assert read_application(document, CLUSTERS).origin == "apps/all.yaml:9"


def test_what_a_server_adds_is_ignored() -> None:
    """A resource as `kubectl get -o yaml` prints it is read: status, operation and the server's metadata mean nothing here."""
    metadata = "{name: web, uid: u, resourceVersion: '1', generation: 2, managedFields: [{}], labels: {a: b}, finalizers: [f]}"
    app = read(application("status: {health: {}}\noperation: {sync: {}}\n", metadata))
    assert (app.labels, app.finalizers) == ({"a": "b"}, ("f",))


def test_null_means_unset() -> None:
    """As the API server drops nulls; but a null among Helm values takes a default away, and stays."""
    app = read(
        application("  syncPolicy: null\n", source="repoURL: u, kustomize: null, helm: {valuesObject: {a: null}}, chart: c")
    )
    assert app.sources[0].kustomize is None
    assert app.sources[0].helm is not None
    assert app.sources[0].helm.values_object == {"a": None}


def test_empty_revision_and_project_mean_the_default() -> None:
    """As in Argo CD: no revision is HEAD, no project is `default`."""
    app = read(application("  project: ''\n", source="repoURL: u, targetRevision: ''"))
    assert (app.sources[0].target_revision, app.spec.project) == ("HEAD", "default")


def test_everything_that_argo_cd_knows() -> None:
    """Every field of Argo CD's schema is taken, under Argo CD's name."""
    app = read("""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd, annotations: {argocd.argoproj.io/refresh: hard}}
spec:
  project: default
  revisionHistoryLimit: 3
  info: [{name: url, value: 'https://x'}]
  destination: {name: west, namespace: web}
  sources:
    - repoURL: u
      path: a
      targetRevision: ^1.2
      name: one
      kustomize:
        namePrefix: a-
        nameSuffix: -z
        namespace: n
        images: [a=b:1]
        replicas: [{name: d, count: 3}, {name: e, count: '4'}]
        commonLabels: {a: b}
        commonAnnotations: {a: b}
        forceCommonLabels: true
        forceCommonAnnotations: true
        commonAnnotationsEnvsubst: true
        labelWithoutSelector: true
        labelIncludeTemplates: true
        components: [c]
        ignoreMissingComponents: true
        patches: [{patch: p, target: {group: g, version: v, kind: k, name: n, namespace: m,
                              labelSelector: l, annotationSelector: a},
                   options: {allowNameChange: true}}, {path: p}]
        version: v5
        kubeVersion: '1.37'
        apiVersions: [v1]
    - repoURL: u
      ref: values
    - repoURL: u
      chart: c
      helm:
        valueFiles: [$values/x.yaml]
        parameters: [{name: a, value: b, forceString: true}]
        fileParameters: [{name: a, path: b}]
        values: 'a: 1'
        valuesObject: {a: {b: [1]}}
        releaseName: r
        namespace: n
        version: v3
        passCredentials: true
        ignoreMissingValueFiles: true
        skipCrds: true
        skipTests: true
        skipSchemaValidation: true
        kubeVersion: '1.37'
        apiVersions: [v1]
    - repoURL: u
      path: b
      directory: {recurse: true, include: '*', exclude: x,
                  jsonnet: {extVars: [{name: a, value: b, code: true}], tlas: [{name: a, value: b}], libs: [l]}}
    - repoURL: u
      path: c
      plugin: {name: p, env: [{name: a, value: b}]}
  syncPolicy:
    automated: {enabled: true, prune: true, selfHeal: true, allowEmpty: true}
    syncOptions: [CreateNamespace=true, PruneLast=true]
    retry: {limit: -1, refresh: true, backoff: {duration: 5s, factor: 2, maxDuration: 3m0s}}
    managedNamespaceMetadata: {labels: {a: b}, annotations: {a: b}}
  ignoreDifferences:
    - {group: apps, kind: Deployment, name: n, namespace: m, jsonPointers: [/a], jqPathExpressions: [.a],
       managedFieldsManagers: [k]}
""")
    assert app.option("CreateNamespace") == "true"
    assert [source.path for source in app.sources] == ["a", "", "", "b", "c"]
    assert app.sources[0].kustomize is not None
    assert [replica.count for replica in app.sources[0].kustomize.replicas] == [3, "4"]
    assert app.spec.ignore_differences[0].managed_fields_managers == ("k",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            application("  syncPolicy:\n    automated:\n      selfheal: true\n"),
            'app.yaml:9:7: spec.syncPolicy.automated.selfheal: unknown field "selfheal", did you mean "selfHeal"?',
        ),
        (
            application("  syncPolicy:\n    automated: {prune: 'true'}\n"),
            "app.yaml:8:17: spec.syncPolicy.automated.prune: must be true or false, without quotes",
        ),
        (
            application(source="repoUrl: u, repoURL: v"),
            'app.yaml:5:12: spec.source.repoUrl: unknown field "repoUrl", did you mean "repoURL"?',
        ),
        (application(source="path: p"), "app.yaml:5:3: spec.source.repoURL: is missing"),
        (application(source="repoURL: ''"), "app.yaml:5:12: spec.source.repoURL: must not be empty"),
        (application(source="repoURL: u, path: /p"), "app.yaml:5:24: spec.source.path: must be a path from the root"),
        (application(source="repoURL: u, path: a/../.."), "app.yaml:5:24: spec.source.path: must be a path from the root"),
        (application(source="repoURL: u, path: p, chart: c"), "app.yaml:5:33: spec.source.chart: contradicts path"),
        (
            application(source="repoURL: u, helm: {skipCrds: true}, kustomize: {namePrefix: a}"),
            "app.yaml:5:24: spec.source.helm: contradicts kustomize",
        ),
        (application("  sources: [{repoURL: u}]\n"), "app.yaml:4:1: spec: must have exactly one of source and sources"),
        (application("  sourceHydrator: {drySource: {}}\n"), "app.yaml:7:3: spec.sourceHydrator: is not supported"),
        (
            application("  syncPolicy: {retry: {backoff: {duration: '5'}}}\n"),
            "app.yaml:7:34: spec.syncPolicy.retry.backoff.duration: is no duration",
        ),
        (
            application(source="repoURL: u, kustomize: {replicas: [{name: d, count: true}]}"),
            "app.yaml:5:57: spec.source.kustomize.replicas[0].count: must be a whole number",
        ),
        (application(metadata="{name: Web_1}"), "app.yaml:3:12: metadata.name: must be lower-case letters"),
        (application(metadata="{}"), "app.yaml:3:1: metadata.name: is missing"),
        (
            application(metadata="{name: web, annotations: {gitopsd.dev/drift: loud}}"),
            "app.yaml:3:37: metadata.annotations['gitopsd.dev/drift']: must be 'heal' or 'report'",
        ),
        (application(metadata="{name: web, labels: {a: 1}}"), "app.yaml:3:32: metadata.labels.a: must be text: put it in quotes"),
    ],
)
def test_refusal_names_place_and_field(text: str, complaint: str) -> None:
    """What is wrong with a document is said with file, line, column and field, and with a word of help."""
    (said,) = complaints(text)
    assert said.startswith(complaint)


@pytest.mark.parametrize(
    ("destination", "complaint"),
    [
        ("{server: s, name: n}", "spec.destination: must have exactly one of server and name"),
        ("{namespace: n}", "spec.destination: must have exactly one of server and name"),
        ("{name: east}", "spec.destination.name: names no cluster of the configuration: it has in-cluster, west"),
        ("{server: 'https://x'}", "spec.destination.server: names no cluster of the configuration: it has https://kubernetes"),
    ],
)
def test_destination(destination: str, complaint: str) -> None:
    """A destination is one cluster, and one that the configuration has."""
    (said,) = complaints(application().replace("{name: west}", destination))
    assert complaint in said


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("{kind: Pod}", "spec.ignoreDifferences[0]: ignores nothing: it needs one of jsonPointers, jqPathExpressions"),
        ("{kind: Pod, jsonPointers: [spec/a]}", "jsonPointers[0]: is no JSON pointer: it must begin with / as in /spec/replicas"),
        (
            "{kind: Pod, jqPathExpressions: ['.a', '.b[']}",
            "app.yaml:7:61: spec.ignoreDifferences[0].jqPathExpressions[1]: a number is missing at the end",
        ),
        ("{kind: Pod, jqPathExpressions: ['.a | test(\"x\")']}", "test is not read here: a regular expression can run for ever"),
    ],
)
def test_ignore_rules(rule: str, complaint: str) -> None:
    """A rule that can't be followed is found where it is written, with file, line and field."""
    (said,) = complaints(application(f"  ignoreDifferences: [{rule}]\n"))
    assert complaint in said


def test_all_errors_are_said_at_once() -> None:
    """Unknown fields, wrong types and contradictions of one document come together, by line."""
    text = application("  syncPolicy: {automatd: {}}\n  projct: p\n", source="repoURL: u, path: /p").replace("west", "east")
    assert [said.split(":")[1] for said in complaints(text)] == ["5", "6", "7", "8"]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            application("  syncPolicy: {syncOptions: [CreatNamespace=true]}\n"),
            'unknown sync option "CreatNamespace", did you mean',
        ),
        (
            application("  syncPolicy: {managedNamespaceMetadata: {labels: {a: b}}}\n"),
            "has no effect without CreateNamespace=true",
        ),
        (application(metadata="{name: w, annotations: {gitopsd.dev/drfit: heal}}"), 'did you mean "gitopsd.dev/drift"?'),
    ],
)
def test_doubt(text: str, warning: str) -> None:
    """What an acceptable document says without effect is a warning."""
    read(text)
    (said,) = warnings(text)
    assert warning in said


@pytest.mark.parametrize("option", ["ServerSideApply=true", "Prune=confirm", "PrunePropagationPolicy=orphan"])
def test_known_options_raise_no_doubt(option: str) -> None:
    """What Argo CD knows is not doubted, and neither are other tools' annotations."""
    metadata = "{name: w, annotations: {argocd.argoproj.io/sync-wave: '1', gitopsd.dev/adopt: 'true'}}"
    assert warnings(application(f"  syncPolicy: {{syncOptions: [{option}]}}\n", metadata)) == []


def test_annotations_win_over_defaults() -> None:
    """What an application says of itself takes the place of the configuration's default, setting by setting."""
    defaults = Defaults(drift="report", healthTimeout=timedelta(minutes=2))
    own = settings(read(application(metadata="{name: w, annotations: {gitopsd.dev/health-timeout: 30s}}")), defaults)
    assert own == Defaults(drift="report", healthTimeout=timedelta(seconds=30))
    assert settings(read(application()), defaults) is defaults


def test_an_analysis_is_checked_with_the_document() -> None:
    """The place is the annotation's, and the line and field in it follow."""
    text = '"metrics: [{name: up, query: up, condition: up == 1}]"'
    (said,) = complaints(application(metadata=f"{{name: w, annotations: {{gitopsd.dev/analysis: {text}}}}}"))
    place = "app.yaml:3:35: metadata.annotations['gitopsd.dev/analysis']"
    assert said.startswith(f"{place}: line 1: metrics[0].condition: is no condition: compare the result with a number")


def test_schema_is_argo_cd_s() -> None:
    """The schema names fields as documents do."""
    assert {"repoURL", "targetRevision"} <= application_schema()["$defs"]["Source"]["properties"].keys()
