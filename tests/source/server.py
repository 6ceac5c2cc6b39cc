"""Git servers on loopback: one that speaks smart HTTP through `git http-backend`, and one that accepts and never answers."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import ipaddress
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class GitServer(ThreadingHTTPServer):
    """Serves the repositories in `root` to who has `login` (`user:password`), if there is one.

    `seen` lists the paths asked for with their Authorization; `redirect` sends clients elsewhere; while `stalled` is set,
    a fetch gets no answer.
    """

    def __init__(self, root: Path, login: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root, self.login, self.redirect = root, login, ""
        self.seen: list[tuple[str, str]] = []
        self.stalled = False
        self._ended = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @contextmanager
    def running(self, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
        """Serves, with the TLS certificate and key if given; gives the URL of the root."""
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        finally:
            self._ended.set()
            self.shutdown()
            thread.join()
            self.server_close()

    def stall(self) -> None:
        """Returns when the server ends."""
        self._ended.wait()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or does not trust us, is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    """Runs `git http-backend` as the CGI program that it is."""

    server: GitServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        if self.server.stalled:
            self.server.stall()
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Tests are quiet."""

    def _answer(self) -> None:
        authorization = self.headers.get("Authorization", "")
        self.server.seen.append((self.path, authorization))
        if self.server.redirect:
            self.send_response(302)
            self.send_header("Location", self.server.redirect + self.path)
            self.end_headers()
        elif self.server.login and authorization != f"Basic {base64.b64encode(self.server.login.encode()).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._run_backend()

    def _run_backend(self) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        body = self._body()
        result = subprocess.run(["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=True)
        head, _, content = result.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)


@contextmanager
def hanging() -> Iterator[int]:
    """A server that accepts connections and says nothing, ever; gives its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        yield int(listener.getsockname()[1])


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "git")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    return folder / "cert.pem", folder / "key.pem"


_OPENSSH_SIGNATURES = [
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"
]  # fmt: skip
"""What OpenSSH announces. The `ssh-rsa-sha256@ssh.com` of asyncssh's own list makes libssh2 1.11 write past its memory."""


class SshServer:
    """An SSH server that lets `user_key` in and runs `git-upload-pack`, as Git hosts do."""

    def __init__(self, root: Path, algorithm: str = "ssh-ed25519") -> None:
        self.root = root
        self.host_key = asyncssh.generate_private_key(algorithm)
        self.user_key = asyncssh.generate_private_key(algorithm)
        self.port = 0

    @property
    def known_hosts(self) -> str:
        """The line for this server."""
        return f"[127.0.0.1]:{self.port} {self.host_key.export_public_key().decode()}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serves; gives the URL of the root."""
        keys = asyncssh.import_authorized_keys(self.user_key.export_public_key().decode())
        server = await asyncssh.create_server(
            asyncssh.SSHServer, "127.0.0.1", 0, server_host_keys=[self.host_key], authorized_client_keys=keys,
            process_factory=self._run, encoding=None, signature_algs=_OPENSSH_SIGNATURES,
        )  # fmt: skip
        self.port = server.get_port()
        try:
            yield f"ssh://git@127.0.0.1:{self.port}{self.root}"
        finally:
            server.close()
            await server.wait_closed()

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        program, _, argument = (process.command or "").partition(" ")
        assert program == "git-upload-pack"
        git = await asyncio.create_subprocess_exec(
            "git", "-c", "safe.directory=*", "upload-pack", argument.strip("'"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert git.stdin
        assert git.stdout
        asking = asyncio.create_task(_copy(process.stdin, git.stdin))
        await _copy(git.stdout, process.stdout)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        git.stdin.close()
        process.exit(await git.wait())


async def _copy(source: Any, target: Any) -> None:
    while data := await source.read(1 << 16):
        target.write(data)
        await target.drain()
