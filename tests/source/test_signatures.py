"""Signatures as git, gpg and ssh-keygen made them: the objects in `signed/` are real, the private keys are gone."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygit2.enums import ObjectType

from gitopsd.config import ConfigErrors
from gitopsd.config.documents import Document
from gitopsd.config.project import read_project
from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.errors import SourceError
from gitopsd.model.project import Project
from gitopsd.source.objects import Objects
from gitopsd.source.signatures import Keyring, Signed
from gitopsd.source.sshsig import BadSignatureError, allowed_signers, read_signature
from gitopsd.source.trust import TrustedSources
from tests.gitrepo import Repo
from tests.source.conftest import Git

SIGNED = Path(__file__).parent / "signed"
ADA, EVE = "33925FFA3743B25F", "8ED729435456C1844DA01D40C3C0D1E969F0B8AC"
ED25519 = "SHA256:qyW8Vacp38d2RXJGp29MvDz158dL/XrHVG3V2FVSEvk"
ECDSA = "SHA256:9KmeY+BqLF+RNEG9oMLoZOM4cQ5fa4KbUNUw2IfajUQ"
RSA = "SHA256:vYSS7ktLzRoQZUXY0E6Y5Gdx+JNhEYYV9gIZTTcQOfA"
EVERYBODY = (ADA, EVE, ED25519, ECDSA, RSA)
KEYRING = Keyring(SIGNED / "ada.asc", SIGNED / "allowed_signers")


def stored(repo: Repo, name: str) -> str:
    """The id of an object of `signed/`, stored in a repository with the tree that all of them have."""
    repo.tree({"a.yaml": "a: b\n"})
    kind = ObjectType.TAG if name.endswith(".tag") else ObjectType.COMMIT
    return str(repo.git.write(kind, (SIGNED / name).read_bytes()))


def signed(repo: Repo, name: str) -> Signed:
    """What was signed of it."""
    stored(repo, "plain.commit")
    return Objects(str(repo.path), "repo").signed(stored(repo, name))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("gpg.commit", ADA),
        ("ssh_ed25519.commit", ED25519),
        ("ssh_ecdsa.commit", ECDSA),
        ("ssh_rsa.commit", RSA),
        ("v1.tag", ADA),
    ],
)
def test_signatures_that_hold(repo: Repo, name: str, key: str) -> None:
    """A signature is accepted where its key is, and no other; not for other content; not where the public key is gone."""
    found = signed(repo, name)
    assert KEYRING.objection(found, (key,)) == ""
    others = tuple(other for other in EVERYBODY if other != key)
    assert "is signed with the" in KEYRING.objection(found, others)
    assert "hold" in KEYRING.objection(replace(found, payload=found.payload + b"x"), EVERYBODY)
    assert Keyring().objection(found, EVERYBODY)


def test_what_is_not_accepted(repo: Repo) -> None:
    """It is said what was found: no signature, one by a key of which nobody has the public part, one that is none."""
    plain = signed(repo, "plain.commit")
    assert KEYRING.objection(plain, EVERYBODY) == f"{plain.name} is not signed"
    eve = signed(repo, "eve.commit")
    assert KEYRING.objection(eve, EVERYBODY) == (
        f"{eve.name} is signed with the OpenPGP key {EVE}, and that does not hold by any key in signatures.openpgp"
    )
    assert Keyring(SIGNED / "eve.asc").objection(eve, (EVE,)) == ""
    assert KEYRING.objection(signed(repo, "v2.tag"), EVERYBODY) == "tag v2 is not signed"
    for text in (
        "-----BEGIN PGP SIGNATURE-----\nx",
        "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH",
        "x",
        "-----BEGIN SSH SIGNATURE-----\n!",
    ):
        assert KEYRING.objection(replace(plain, signature=text), EVERYBODY)


def test_a_folder_of_certificates(repo: Repo, tmp_path: Path) -> None:
    """Each file of the folder counts; one that holds no certificate is named."""
    (tmp_path / "keys").mkdir()
    for name in ("ada.asc", "eve.asc"):
        (tmp_path / "keys" / name).write_bytes((SIGNED / name).read_bytes())
    keyring = Keyring(tmp_path / "keys")
    assert [keyring.objection(signed(repo, f"{name}.commit"), EVERYBODY) for name in ("gpg", "eve")] == ["", ""]
    (tmp_path / "keys" / "notes.txt").write_text("nothing")
    assert "notes.txt holds no OpenPGP certificates" in keyring.objection(signed(repo, "gpg.commit"), EVERYBODY)


def test_allowed_signers() -> None:
    """Signers of other namespaces, and those whose options we do not know, are none of ours."""
    line = (SIGNED / "allowed_signers").read_text().splitlines()[0]
    assert allowed_signers(line) == {ED25519: "ada@example.test"}
    assert allowed_signers(line.replace('namespaces="git" ', "")) == {ED25519: "ada@example.test"}
    for other in ('namespaces="file"', "cert-authority", 'valid-before="20200101"'):
        assert allowed_signers(line.replace('namespaces="git"', other)) == {}
    assert allowed_signers(f"# {line}\n\nnonsense") == {}


@given(st.binary(max_size=200))
def test_hostile_signatures(blob: bytes) -> None:
    """Whatever stands there is refused in words, and brings nothing down."""
    with pytest.raises(BadSignatureError):
        read_signature(
            f"-----BEGIN SSH SIGNATURE-----\n{base64.b64encode(b'SSHSIG' + blob).decode()}\n-----END SSH SIGNATURE-----"
        )


def project(*keys: str) -> Project:
    """A project that takes only what is signed with one of these."""
    metadata = {"name": "web"}
    spec = {"signatureKeys": [{"keyID": key} for key in keys]}
    return read_project(
        Document("p", {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata, "spec": spec})
    )


async def test_only_signed_commits_are_handed_out(git: Git, repo: Repo) -> None:
    """A commit that the project does not trust is an error that names it and the keys; of a signed tag the commit need not be."""
    repo.ref("refs/heads/main", stored(repo, "ssh_ed25519.commit"))
    plain = stored(repo, "plain.commit")
    repo.ref("refs/heads/plain", plain)
    repo.ref("refs/tags/v1", stored(repo, "v1.tag"))
    repo.ref("refs/tags/v2", stored(repo, "v2.tag"))
    trusted = TrustedSources(git.sources, KEYRING)

    def app(revision: str, *keys: str) -> App:
        spec = AppSpec(Destination(name="here"), "web", sources=(Source(repo.url, target_revision=revision),))
        return App(AppKey("argocd", "web"), spec, project=project(*keys))

    assert await trusted.snapshots(app("main", ED25519, ADA))
    assert await trusted.snapshots(app("v1", ADA))
    assert await trusted.snapshots(app("plain"))
    for revision, what in (("plain", f"commit {plain[:12]}"), ("v2", "tag v2")):
        with pytest.raises(SourceError) as caught:
            await trusted.snapshots(app(revision, ADA, ED25519))
        assert caught.value.message == f"{what} is not signed; project web takes only what is signed with {ADA} or {ED25519}"
        assert not caught.value.retryable
    with pytest.raises(SourceError, match="is not signed"):  # a revision that somebody asks for is held to it too
        await trusted.snapshots(app("main", ED25519), ("plain",))


@pytest.mark.parametrize("key", ["B25F", "ada@example.test", "SHA256:short"])
def test_ids_that_are_too_short(key: str) -> None:
    """The end of an id is easily forged: it has to be whole."""
    with pytest.raises(ConfigErrors, match="must be the id or fingerprint"):
        project(key)
