"""The `helm` program, which answers `InflateChart`: where the configuration allows it, with nothing but what stands in the need.

It runs in a folder of its own, which is its home too, with an environment that holds nothing of ours, a deadline, and a bound for
what it prints. It has all files in place and is told of no cluster; a proxy that nobody listens on is what it would meet
on the way to a network. What it says of a failure is shown without the values that it was given.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.model.errors import GitopsdError, LimitError, RenderError
from gitopsd.model.refs import Object
from gitopsd.render.needs import Answer, Answers, InflateChart, Need, Needs

_MAX_OUTPUT = 64 << 20
_MAX_MESSAGE = 600
_NOWHERE = "http://127.0.0.1:9"
_SHORTEST_VALUE = 4
"""Values below this many characters are too common to be taken for secrets."""


class HelmError(GitopsdError):
    """The program is not there, or came to no end: that says nothing of the chart, so the next pass tries again."""

    condition = "RenderError"


@dataclass(frozen=True, slots=True)
class Helm:
    """How charts are inflated: the program's name or path, and how many seconds it may take for one chart."""

    program: str = "helm"
    timeout: float = 30.0

    def answers(self, wanted: Sequence[Need]) -> dict[Need, Answer]:
        """What it can answer of the needs. Raises RenderError where a chart is at fault, HelmError where the program is."""
        return {need: self.inflate(need) for need in wanted if isinstance(need, InflateChart)}

    def inflate(self, need: InflateChart) -> bytes:
        """What `helm template` prints for the chart."""
        program = shutil.which(self.program)
        if program is None:
            raise HelmError(
                f"{need} can't be inflated: there is no program {self.program!r}; install it, or say where it is in helm.program"
            )
        with tempfile.TemporaryDirectory(prefix="gitopsd-helm-") as name:
            folder = Path(name)
            _lay_out(need, folder)
            with (folder / "stdout").open("w+b") as out, (folder / "stderr").open("w+b") as err:
                code = self._run([program, *_arguments(need)], folder, out, err)
                output, said = _read(out, need), _read(err, need)
        if code:
            raise RenderError(f"{need} can't be inflated: {_without_values(_reason(said), need)}")
        return output

    def _run(self, command: list[str], folder: Path, out: IO[bytes], err: IO[bytes]) -> int:
        home = str(folder / "home")
        environment = {
            "HOME": home,
            "HELM_CACHE_HOME": home,
            "HELM_CONFIG_HOME": home,
            "HELM_DATA_HOME": home,
            "HELM_PLUGINS": home,
            "KUBECONFIG": "/dev/null",
            "TMPDIR": home,
            "HTTP_PROXY": _NOWHERE,
            "HTTPS_PROXY": _NOWHERE,
        }
        try:
            # The program is the operator's choice, and every argument that a repository has a say in stands behind a flag.
            with _files_bounded():
                done = subprocess.run(  # noqa: S603
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    timeout=self.timeout,
                    check=False,
                )
        except subprocess.TimeoutExpired:
            raise HelmError(f"helm took longer than {self.timeout:g} s; see helm.timeout in the configuration") from None
        except OSError as error:
            raise HelmError(f"helm can't be run: {error.strerror}") from error
        return done.returncode


def with_charts(render: Callable[[Answers], list[Object]], answers: Answers, helm: Helm | None) -> list[Object]:
    """What `render` gives with the answers and the charts that it turns out to need. Raises Needs where it needs more."""
    charts: dict[Need, Answer] = {}
    while True:
        try:
            return render({**answers, **charts})
        except Needs as needs:
            inflated = helm.answers(needs.wanted) if helm else {}
            if not inflated:
                raise
            charts |= inflated


@contextmanager
def _files_bounded() -> Iterator[None]:
    """What is started meanwhile can write no file that is longer than what is read of it: no disk is filled within a deadline."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    bound = _MAX_OUTPUT + 1 if hard == resource.RLIM_INFINITY else min(_MAX_OUTPUT + 1, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _lay_out(need: InflateChart, folder: Path) -> None:
    """The chart, values and attachments as files. The paths come from a tree, which has none that lead out of it."""
    (folder / "home").mkdir()
    for name, data in need.files:
        file = folder / "chart" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    for index, data in enumerate(need.values):
        (folder / f"values-{index}.yaml").write_bytes(data)
    for index, (_, data) in enumerate(need.attached):
        (folder / f"attached-{index}").write_bytes(data)


def _arguments(need: InflateChart) -> Iterator[str]:
    yield from ("template", "--dry-run=client", f"--namespace={need.namespace}")
    yield from (f"--values=values-{index}.yaml" for index in range(len(need.values)))
    yield from need.settings
    yield from (f"--set-file={name}=attached-{index}" for index, (name, _) in enumerate(need.attached))
    yield from need.flags
    yield from ("--", *filter(None, (need.release,)), "./chart")


def _read(stream: IO[bytes], need: InflateChart) -> bytes:
    stream.seek(0)
    data = stream.read(_MAX_OUTPUT + 1)
    if len(data) > _MAX_OUTPUT:
        raise LimitError(f"{need} gives more than {_MAX_OUTPUT >> 20} MiB")
    return data


def _reason(said: bytes) -> str:
    """The error among what helm said, in one line."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    start = next((index for index, line in enumerate(lines) if line.startswith("Error:")), max(len(lines) - 1, 0))
    return " ".join(lines[start:]).removeprefix("Error: ")[:_MAX_MESSAGE] or "helm gave no reason"


def _without_values(text: str, need: InflateChart) -> str:
    """The text without the values of the release: a template may put any of them into an error."""
    given = [*need.values, *(data for name, data in need.files if name.rpartition("/")[2] == "values.yaml")]
    documents = [document for data in given for document in _documents(data)]
    secrets = {text for document in documents for text in _texts(document)}
    secrets |= {setting.partition("=")[2].partition("=")[2] for setting in need.settings}
    secrets |= {data.decode(errors="replace").strip() for _, data in need.attached}
    for secret in sorted((secret for secret in secrets if len(secret) >= _SHORTEST_VALUE), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _documents(data: bytes) -> list[Any]:
    try:
        return load_documents(data, "values", Dialect.KUBECTL)
    except RenderError:
        return []  # then helm could not read them either


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
