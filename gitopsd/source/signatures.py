"""Who signed a commit or a tag, and whether a project accepts them.

libgit2 takes a signature apart from what it signs, and no more. OpenPGP is verified by Sequoia, SSH in `gitopsd.source.sshsig`.
The public keys are the installation's, in files that may change; which of them count is the project's to say, by id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pysequoia import Cert, Sig, verify

from gitopsd.source.sshsig import ARMOUR, BadSignatureError, allowed_signers, read_signature

MAX_SIGNATURE = 64 << 10
_PGP = "-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class Signed:
    """A commit or tag: what it is called, what was signed, and the armoured signature (empty where there is none)."""

    name: str
    payload: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class Keyring:
    """Public keys. `openpgp` is a file of certificates, or a folder of such; `allowed_signers` a file of SSH keys."""

    openpgp: Path | None = None
    allowed_signers: Path | None = None

    def objection(self, signed: Signed, accepted: tuple[str, ...]) -> str:
        """Why `signed` is not acceptable, empty where it is; blocks on files.

        `accepted` are ids or fingerprints of OpenPGP keys, and fingerprints of SSH keys (`SHA256:...`).
        """
        if not signed.signature:
            return f"{signed.name} is not signed"
        if len(signed.signature) > MAX_SIGNATURE:
            return f"the signature of {signed.name} is larger than {MAX_SIGNATURE} bytes"
        try:
            if signed.signature.startswith(ARMOUR):
                return self._ssh(signed, accepted)
            if signed.signature.startswith(_PGP):
                return self._openpgp(signed, accepted)
        except BadSignatureError as error:
            return f"the signature of {signed.name} {error}"
        except OSError as error:
            return f"the signature of {signed.name} can't be verified: {error.filename}: {error.strerror}"
        return f"{signed.name} has a signature that is neither of OpenPGP nor of SSH"

    def _ssh(self, signed: Signed, accepted: tuple[str, ...]) -> str:
        signature = read_signature(signed.signature)
        who = f"{signed.name} is signed with the SSH key {signature.fingerprint}"
        if signature.fingerprint not in accepted:
            return who
        known = allowed_signers(self.allowed_signers.read_text(errors="replace")) if self.allowed_signers else {}
        if signature.fingerprint not in known:
            return f"{who}, which is not in signatures.allowedSigners"
        signature.verify(signed.payload)
        return ""

    def _openpgp(self, signed: Signed, accepted: tuple[str, ...]) -> str:
        try:
            signature = Sig.from_bytes(signed.signature.encode())
        except Exception as error:  # what Sequoia raises has no type of its own
            raise BadSignatureError("can't be read") from error
        issuer = str(signature.issuer_fingerprint or signature.issuer_key_id or "unknown").upper()
        who = f"{signed.name} is signed with the OpenPGP key {issuer}"
        certificates = list(self._certificates())
        try:
            valid = verify(bytes=signed.payload, store=lambda _: certificates, signature=signature).valid_sigs
        except RuntimeError:
            return f"{who}, and that does not hold by any key in signatures.openpgp"
        prints = {str(found).upper() for one in valid for found in (one.certificate, one.signing_key)}
        return "" if any(found.endswith(key.upper()) for found in prints for key in accepted) else who

    def _certificates(self) -> Iterator[Cert]:
        if self.openpgp is None:
            return
        files = sorted(self.openpgp.iterdir()) if self.openpgp.is_dir() else [self.openpgp]
        for file in (file for file in files if file.is_file()):
            try:
                yield from Cert.split_bytes(file.read_bytes())
            except Exception as error:  # see above
                raise BadSignatureError(f"can't be verified: {file} holds no OpenPGP certificates") from error
