"""The configuration file, value by value: what it may hold, what each value means, and what holds where it is silent.

In the file, names are in camel case (`field_manager` is `fieldManager`). The line below each field describes it wherever the
schema is shown, and paths may be relative to the folder of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo

from gitopsd.config.health import Health
from gitopsd.config.secrets import ResolvedPath, Secret, resolve
from gitopsd.config.section import Section
from gitopsd.config.units import Duration, Size

API_VERSION = "gitopsd.dev/v1alpha1"
IN_CLUSTER = "https://kubernetes.default.svc"


def _address(text: str) -> str:
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):([0-9]{1,5})", text)
    if match is None or int(match[2]) > 65535:  # noqa: PLR2004 - the last port there is
        raise ValueError("is no address: write host:port, such as 127.0.0.1:8080 or [::]:9090")
    return text


def _url(text: str) -> str:
    try:
        password = urlsplit(text).password
    except ValueError:
        raise ValueError("is no URL") from None
    if password:
        raise ValueError("holds a password: name the file that holds it instead, in the fields beside this one")
    return text


def _history(text: str, info: ValidationInfo) -> str:
    if text.startswith("sqlite:") and not text.startswith("sqlite://"):
        return f"sqlite://{resolve(text.removeprefix('sqlite:'), info).absolute()}"
    if not text.startswith(("sqlite:///", "postgresql:")):
        raise ValueError("is no database: write sqlite:///PATH or postgresql://USER@HOST/DATABASE")
    return _url(text)


def _dns_label(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", text):
        raise ValueError("must be lower-case letters, digits and '-' between them, at most 63")
    return text


Address = Annotated[str, AfterValidator(_address)]
Url = Annotated[str, Field(min_length=1), AfterValidator(_url)]
DnsLabel = Annotated[str, AfterValidator(_dns_label)]


class Server(Section):
    """Where gitopsd listens."""

    listen: Address = "127.0.0.1:8080"
    """The API and the dashboard, host:port."""
    metrics: Address = "0.0.0.0:9090"
    """/metrics, /healthz and /readyz, host:port."""
    token_file: Secret | None = None
    """A file that holds the bearer token that requests to the API must show; without it, whoever reaches the address may ask."""


class Webhooks(Section):
    """How Git servers prove that a push comes from them: each is a file that holds the secret they were given."""

    github: Secret | None = None
    """GitHub's secret, which signs (`X-Hub-Signature-256`)."""
    gitlab: Secret | None = None
    """GitLab's secret token, which is shown (`X-Gitlab-Token`)."""
    gitea: Secret | None = None
    """Gitea's or Forgejo's secret, which signs (`X-Gitea-Signature`)."""
    bitbucket: Secret | None = None
    """Bitbucket's secret, which signs (`X-Hub-Signature`)."""
    azure: Secret | None = None
    """The password that Azure DevOps shows (basic authentication, whatever the user)."""
    generic: Secret | None = None
    """The secret that signs what anything else sends (`X-Signature-256`)."""


class Retention(Section):
    """How much history is kept. The newest successful sync of each application stays, however old it is."""

    count: int = Field(default=100, ge=1, le=100_000)
    """How many records of each application are kept."""
    age: Duration = Field(default=timedelta(hours=720), ge=timedelta(minutes=1))
    """Records older than this are deleted."""


class Storage(Section):
    """Where things are kept. All of it can be made anew: what gitopsd has in a cluster is remembered in that cluster."""

    history: Annotated[str, AfterValidator(_history)] = "sqlite:///var/lib/gitopsd/history.db"
    """The history's database: `sqlite:///PATH` (absolute), `sqlite:PATH` (relative to this file), `postgresql://USER@HOST/DATABASE`."""
    password_file: Secret | None = None
    """A file that holds the password of the PostgreSQL user."""
    mirrors: ResolvedPath = Path("/var/lib/gitopsd/mirrors")
    """The folder of the mirrors, one for each repository."""
    retention: Retention = Retention()
    """How much history is kept."""

    @property
    def password(self) -> Callable[[], str] | None:
        """Reads the password of the PostgreSQL user, if there is one."""
        return self.password_file.read if self.password_file else None


class Replicas(Section):
    """Several gitopsds of one installation, with one configuration and one PostgreSQL: docs/guide/replicas.md."""

    mode: Literal["single", "leader", "shards"] = "single"
    """single: one process, which needs no Lease. leader: one works, the others stand by. shards: each has a part."""
    name: str = Field(default="", max_length=150, pattern=r"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$")
    """What this one is called, different for each: the pod's name. Made up where this is silent."""
    address: str = Field(default="", max_length=253, pattern=r"^[0-9A-Za-z:.-]*$")
    """The host or IP address at which the others reach its API: the pod's. The port is that of server.listen."""


class Polling(Section):
    """How repositories are asked for news."""

    interval: Duration = Field(default=timedelta(seconds=60), ge=timedelta(seconds=1))
    """The time between two questions to one repository."""
    jitter: float = Field(default=0.2, ge=0, le=1)
    """The share of the interval that is left to chance, so that repositories are not all asked at once."""
    timeout: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=1))
    """The deadline of every network operation on a repository."""


class Cluster(Section):
    """A cluster that applications may name as their destination."""

    name: str = Field(min_length=1, max_length=253)
    """What `destination.name` says, and what metrics and errors call it."""
    server: Url = ""
    """What `destination.server` says; how the cluster is reached stands below."""
    kubeconfig: ResolvedPath | None = None
    """The kubeconfig file that says how the cluster is reached. Without one, gitopsd's own service account is used."""
    context: str = ""
    """The context of that file; its current one where this is silent."""


class ArgoSecrets(Section):
    """Where Secrets of Argo CD's kind are, which come, change and go without a restart."""

    cluster: str = "in-cluster"
    """The name of the cluster that they are in."""
    namespace: DnsLabel = "argocd"
    """Their namespace."""


class GitHubApp(Section):
    """A GitHub App that stands in for a person's token."""

    id: int = Field(ge=1)
    """The App's id."""
    installation_id: int = Field(ge=1)
    """The id of its installation at the owner of the repositories."""
    private_key_file: Secret
    """A file that holds its private key (PEM)."""
    api: Url = "https://api.github.com"
    """The API that gives out tokens, for GitHub Enterprise."""


class Credentials(Section):
    """How gitopsd shows who it is. Each file is read when it is used, so it may change at any time."""

    token_file: Secret | None = None
    """A file that holds an access token."""
    username: str = ""
    """The user that `passwordFile` or `tokenFile` belongs to."""
    username_file: Secret | None = None
    """A file that holds the user's name, as Secrets of type basic-auth have it."""
    password_file: Secret | None = None
    """A file that holds the password."""
    ssh_key_file: Secret | None = None
    """A file that holds the private SSH key."""
    ssh_passphrase_file: Secret | None = None
    """A file that holds the key's passphrase."""
    known_hosts_file: Secret | None = None
    """A file that holds the keys of SSH servers, as `ssh-keyscan` prints them. Without it no SSH server is trusted."""
    client_certificate_file: Secret | None = None
    """A file that holds a client certificate (PEM). Not supported yet."""
    client_key_file: Secret | None = None
    """A file that holds the key of that certificate (PEM)."""
    ca_file: Secret | None = None
    """A file that holds the certificates of authorities to trust besides the system's (PEM)."""
    proxy_file: Secret | None = None
    """A file that holds the URL of the HTTP proxy to go through, which may have a password."""
    github_app: GitHubApp | None = None
    """A GitHub App. Not supported yet."""
    insecure_skip_tls_verify: bool = False
    """Trust any certificate: whoever stands between may read and change everything."""
    insecure_ignore_host_key: bool = False
    """Trust any SSH server."""
    insecure_send_unencrypted: bool = False
    """Send the token or password over http:// too."""


class Repository(Section):
    """What has to be known to reach repositories; those that anyone may read need no entry."""

    url: Url
    """The repository's URL, or the beginning of the URLs of several; the longest entry that fits counts."""
    credentials: Credentials = Credentials()
    """How gitopsd shows who it is there."""


class Signatures(Section):
    """The public keys by which signatures of commits are verified; which of them count, a project says in `signatureKeys`."""

    openpgp: ResolvedPath | None = None
    """A file of OpenPGP certificates (`gpg --export`), or a folder of such files."""
    allowed_signers: ResolvedPath | None = None
    """A file of SSH keys, as Git's `gpg.ssh.allowedSignersFile`."""


class FromCluster(Section):
    """Application resources in the cluster whose `server` is https://kubernetes.default.svc that opt in by their labels."""

    selector: str = Field(min_length=1)
    """A label selector: without the label, an Application is none of gitopsd's business."""
    namespaces: tuple[DnsLabel, ...] = ()
    """Only Applications in these namespaces; in all, where this is silent."""
    projects: DnsLabel = "argocd"
    """The namespace of the AppProjects: those elsewhere count for nothing."""


class ApplicationSource(Section):
    """Where documents of kind Application come from: exactly one of the two."""

    file: ResolvedPath | None = None
    """A file, or a pattern of files: `apps/*.yaml`, `**` for any depth."""
    cluster: FromCluster | None = None
    """Resources in the cluster."""


class Workers(Section):
    """How much is done at once."""

    syncs: int = Field(default=32, ge=1, le=1000)
    """Applications that are worked on at once."""
    renders: int = Field(default=0, ge=0, le=256)
    """Processes that render; 0 means one for each CPU, at most 4."""


class Limits(Section):
    """Bounds, so that no repository can starve the others. What goes beyond one fails, and says which bound it was."""

    objects: int = Field(default=100_000, ge=1)
    """Objects of one application."""
    files: int = Field(default=100_000, ge=1)
    """Files that one render may read."""
    size: Size = 512 << 20
    """The sum of the sizes of those files."""
    file_size: Size = Field(default=32 << 20, le=32 << 20)
    """The size of each."""
    documents: int = Field(default=50_000, ge=1)
    """YAML documents in one file."""
    depth: int = Field(default=200, ge=1, le=200)
    """Mappings and lists inside each other."""
    aliases: int = Field(default=200_000, ge=0)
    """Values that the aliases of one document may repeat."""
    layers: int = Field(default=64, ge=1, le=64)
    """Kustomizations inside each other."""
    render_time: Duration = Field(default=timedelta(seconds=60), ge=timedelta(seconds=1))
    """The longest that one render may take."""
    fetch_size: Size = 4 << 30
    """The most that one fetch may bring."""


class Defaults(Section):
    """What an application may say of itself in annotations under gitopsd.dev/, and what holds for those that don't.

    `health_timeout` is the annotation `gitopsd.dev/health-timeout`.
    """

    drift: Literal["heal", "report"] = "heal"
    """Drift of an application with selfHeal: healed, or only reported. Without selfHeal it is only ever reported."""
    health_timeout: Duration = Field(default=timedelta(minutes=5), ge=timedelta(seconds=1))
    """How long a sync waits for the objects of one wave to become healthy."""
    prune_budget: str = Field(default="50%", pattern=r"^(none|[0-9]{1,9}|[0-9]{1,2}%|100%)$")
    """How many objects of an application one sync may delete unconfirmed: a share (at least 10), a number, or none."""
    conflicts: Literal["refuse", "force", "yield"] = "force"
    """A field that another manager holds and Git wants otherwise: the sync is refused, the field taken, or left to them."""
    approval: Literal["none", "required"] = "none"
    """Whether somebody has to approve a plan, by its digest, before it is carried out."""
    rollback_on: Literal["none", "degraded"] = "none"
    """Whether a revision that becomes Degraded, or whose sync fails for want of health, is left for the last good one."""
    rollback_within: Duration = Field(default=timedelta(minutes=10), ge=timedelta(seconds=1))
    """How long after its sync a revision is watched for that."""


class Helm(Section):
    """The `helm` program, which inflates charts: it reads what stands in repositories, so it runs only where this says so."""

    enabled: bool = False
    """Whether charts are inflated; otherwise an application that has one is refused."""
    program: str = Field(default="helm", min_length=1)
    """Its name on PATH, or its path."""
    timeout: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=1))
    """How long it may take for one chart."""


class Prometheus(Section):
    """The Prometheus that is asked in analyses after syncs."""

    url: Url = ""
    """Where its HTTP API is (`http://prometheus.monitoring:9090`); without it, every analysis is inconclusive."""
    token_file: Secret | None = None
    """A file that holds the bearer token to show."""
    ca_file: Secret | None = None
    """A file that holds the certificates of authorities to trust besides the system's (PEM)."""
    timeout: Duration = Field(default=timedelta(seconds=10), ge=timedelta(seconds=1))
    """The deadline of one query."""


class Log(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    format: Literal["auto", "json", "console"] = "auto"
    """json for machines, console for people; auto is console on a terminal."""


class Config(Section):
    """The configuration of a gitopsd."""

    api_version: Literal["gitopsd.dev/v1alpha1"]
    """gitopsd.dev/v1alpha1"""
    kind: Literal["Config"]
    """Config"""
    installation: DnsLabel = "gitopsd"
    """This installation's name: it stands in the marks of every object, so two installations never take each other's."""
    namespace: DnsLabel = "gitopsd"
    """The namespace, in every destination cluster, of the inventories."""
    field_manager: str = Field(default="gitopsd", min_length=1, max_length=128, pattern=r"^[!-~]+$")
    """The field manager of every write. Of installations that write to one cluster, each needs its own."""
    server: Server = Server()
    """Where gitopsd listens."""
    webhooks: Webhooks = Webhooks()
    """Pushes that Git servers tell of; of a server without a secret here none is taken."""
    storage: Storage = Storage()
    """Where things are kept."""
    replicas: Replicas = Replicas()
    """Whether several gitopsds share the applications."""
    polling: Polling = Polling()
    """How repositories are asked for news."""
    clusters: tuple[Cluster, ...] = (Cluster(name="in-cluster", server=IN_CLUSTER),)
    """The clusters that applications may name."""
    cluster_secrets: ArgoSecrets | None = None
    """Argo CD's cluster Secrets: more clusters."""
    repositories: tuple[Repository, ...] = ()
    """Credentials of repositories."""
    repository_secrets: ArgoSecrets | None = None
    """Argo CD's repository Secrets: credentials of repositories that nothing above is for."""
    signatures: Signatures = Signatures()
    """Public keys of who signs commits."""
    applications: tuple[ApplicationSource, ...] = ()
    """Where applications are declared."""
    workers: Workers = Workers()
    """How much is done at once."""
    limits: Limits = Limits()
    """Bounds."""
    health: Health = Health()
    """How the health of objects is told."""
    helm: Helm = Helm()
    """The program that inflates charts."""
    prometheus: Prometheus = Prometheus()
    """The Prometheus that is asked in analyses after syncs."""
    defaults: Defaults = Defaults()
    """What holds for applications that say nothing else."""
    log: Log = Log()
    """What is logged, and how."""

    @property
    def own_cluster(self) -> Cluster:
        """The one that gitopsd runs in, where it has one; the first one else."""
        return next((cluster for cluster in self.clusters if cluster.server == IN_CLUSTER), self.clusters[0])

    @property
    def known_clusters(self) -> tuple[Cluster, ...] | None:
        """The clusters that a destination may name, None where Secrets may declare others."""
        return None if self.cluster_secrets else self.clusters
