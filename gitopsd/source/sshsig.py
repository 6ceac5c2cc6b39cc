"""SSH signatures, as `ssh-keygen -Y sign` makes them for Git.

The format is OpenSSH's PROTOCOL.sshsig; who may sign stands in a file of ssh-keygen's ALLOWED SIGNERS. Certificates and keys on
hardware tokens are not known here, and RSA with SHA-1 holds for nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

ARMOUR = "-----BEGIN SSH SIGNATURE-----"
NAMESPACE = "git"

_END = "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_CURVES: dict[bytes, hashes.HashAlgorithm] = {
    b"ecdsa-sha2-nistp256": hashes.SHA256(),
    b"ecdsa-sha2-nistp384": hashes.SHA384(),
    b"ecdsa-sha2-nistp521": hashes.SHA512(),
}
_RSA: dict[bytes, hashes.HashAlgorithm] = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
_SIGNER = re.compile(
    r'\s*(?P<principals>"[^"]*"|[^\s"]+)\s+(?:namespaces="(?P<namespaces>[^"]*)"\s+)?(?P<type>[a-z0-9@.-]+)\s+(?P<key>\S+)'
)


class BadSignatureError(ValueError):
    """A signature that can't be read, or does not hold."""


@dataclass(frozen=True, slots=True)
class SshSignature:
    """A signature as it was read: the key that it says it is by, and what it signs together with the message."""

    key: bytes
    prefix: bytes
    hash_name: bytes
    algorithm: bytes
    value: bytes

    @property
    def fingerprint(self) -> str:
        """The key's, as `ssh-keygen -l` prints it: `SHA256:...`."""
        return fingerprint(self.key)

    def verify(self, message: bytes) -> None:
        """Raises BadSignatureError where the signature is not the key's, of just this message."""
        signed = self.prefix + _string(_HASHES[self.hash_name](message).digest())
        kind, _ = _take(self.key)
        try:
            key = load_ssh_public_key(kind + b" " + base64.b64encode(self.key))
            self._check(key, signed)
        except InvalidSignature:
            raise BadSignatureError("does not hold: the content is not what was signed") from None
        except (ValueError, UnsupportedAlgorithm):
            raise BadSignatureError(f"is by a key of a kind that is not supported ({kind.decode(errors='replace')})") from None

    def _check(self, key: object, signed: bytes) -> None:
        if isinstance(key, ed25519.Ed25519PublicKey) and self.algorithm == b"ssh-ed25519":
            key.verify(self.value, signed)
        elif isinstance(key, ec.EllipticCurvePublicKey) and self.algorithm in _CURVES:
            r, rest = _take(self.value)
            s, _ = _take(rest)
            value = utils.encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
            key.verify(value, signed, ec.ECDSA(_CURVES[self.algorithm]))
        elif isinstance(key, rsa.RSAPublicKey) and self.algorithm in _RSA:
            key.verify(self.value, signed, padding.PKCS1v15(), _RSA[self.algorithm])
        else:
            raise UnsupportedAlgorithm("signature")


def read_signature(armoured: str) -> SshSignature:
    """The signature in its armour; raises BadSignatureError for what is none, or was made for something other than Git."""
    inner = armoured.strip().removeprefix(ARMOUR).removesuffix(_END)
    try:
        blob = base64.b64decode("".join(inner.split()), validate=True)
        if blob[:6] != _MAGIC or blob[6:10] != (1).to_bytes(4):
            raise BadSignatureError("is no SSH signature of a version that is known")
        key, rest = _take(blob[10:])
        namespace, rest = _take(rest)
        reserved, rest = _take(rest)
        hash_name, rest = _take(rest)
        signature, _ = _take(rest)
        algorithm, rest = _take(signature)
        value, _ = _take(rest)
    except binascii.Error:
        raise BadSignatureError("is no SSH signature: it is not base64") from None
    if namespace != NAMESPACE.encode() or hash_name not in _HASHES:
        raise BadSignatureError("is an SSH signature, but not one of Git's")
    prefix = _MAGIC + _string(namespace) + _string(reserved) + _string(hash_name)
    return SshSignature(key, prefix, hash_name, algorithm, value)


def allowed_signers(text: str) -> dict[str, str]:
    """The principals by fingerprint of key. A line with options other than `namespaces` is passed over: it may limit more."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _SIGNER.match(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        namespaces = (match["namespaces"] or "*").split(",")
        if any(fnmatchcase(NAMESPACE, pattern) for pattern in namespaces):
            try:
                found[fingerprint(base64.b64decode(match["key"], validate=True))] = match["principals"].strip('"')
            except binascii.Error:
                continue
    return found


def fingerprint(key: bytes) -> str:
    """Of a public key in SSH's wire form."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


def _take(data: bytes) -> tuple[bytes, bytes]:
    """The string that `data` begins with, and what follows."""
    size = int.from_bytes(data[:4])
    if len(data) < 4 + size:
        raise BadSignatureError("is cut short")
    return data[4 : 4 + size], data[4 + size :]
