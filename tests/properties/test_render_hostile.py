"""Whatever a repository holds: objects, or a RenderError in one line that a terminal can show. No traceback, no hang.

    pytest tests/properties/test_render_hostile.py       some dozens, new ones each time
    make fuzz MINUTES=60                                 for as long as that, with the count at the end

The bounds are small ones, so that an example may pass them, and time is the process's own: a busy machine finds nothing.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.formats.yamlwrite import dump
from gitopsd.model.app import Source
from gitopsd.model.errors import RenderError
from gitopsd.model.tree import DictTree
from gitopsd.render.application import render_source
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.render.limits import Limits
from tests.properties.hostile import OPS, Bytes, broken, harmed, innocent_repositories, sources

MINUTES = float(os.environ.get("GITOPSD_FUZZ_MINUTES", "0"))
EXAMPLES, HARMS = (100, 40) if MINUTES else (15, 4)
SEED = int(os.environ.get("GITOPSD_FUZZ_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
LIMITS = Limits(objects=200, layers=8, roots=40, files=100, bytes=1 << 20)
SECONDS = 5.0
"""Of CPU, for one render: a thousand times what one of these takes."""
LONGEST = 4000
"""Characters of an error."""

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(0)]


class Hang(BaseException):
    """The bound on time was passed."""


@contextmanager
def bounded() -> Iterator[None]:
    """Ends what takes too long."""

    def end(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def reported(files: Bytes) -> Iterator[None]:
    """Shows the files with a failure."""
    try:
        yield
    except BaseException:
        note("\n".join(f"--- {path}\n{content!r}" for path, content in sorted(files.items()) if OPS.get(path) != content))
        raise


def outcome(files: Bytes, source: Source, config: BuildSettings) -> str:
    """What a render gives, as JSON, or its error."""
    try:
        objects = render_source(DictTree(files), source, config)
    except RenderError as error:
        return str(error)
    pickle.dumps(objects)
    assert isinstance(dump(objects), str)
    return json.dumps(objects)


def is_readable(message: str) -> bool:
    """One line that is no longer than a person reads, without characters that steer a terminal."""
    return 0 < len(message) <= LONGEST and message.isprintable()


@settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.integers(0, 2**32))
def hostile_render(data: st.DataObject, chance: int) -> None:
    """A repository, then harmed again and again. Each is rendered twice, first with nothing parsed: the same comes of it."""
    repository = data.draw(innocent_repositories())
    source = data.draw(sources(repository.top))
    config = BuildSettings(limits=LIMITS)
    for number in range(HARMS):
        files = harmed(Random(chance + number), repository.files) if number else repository.files  # noqa: S311 - no secret
        with bounded(), reported(files):
            first = outcome(files, source, BuildSettings(limits=LIMITS))
            assert outcome(files, source, config) == first
            assert first.startswith("[") or is_readable(first), first


@settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(OPS.values())), st.integers(0, 2**32), st.sampled_from(list(Dialect)))
def hostile_file(content: bytes, chance: int, dialect: Dialect) -> None:
    """A file of any bytes is values or an error with its name."""
    for number in range(HARMS):
        harmed_content = broken(Random(chance + number), content)  # noqa: S311 - no secret
        with bounded(), reported({"file.yaml": harmed_content}):
            problem = complaint(harmed_content, dialect)
            assert not problem or (problem.startswith("file.yaml") and is_readable(problem)), problem


def complaint(content: bytes, dialect: Dialect) -> str:
    """What is said against a file; empty where it can be read."""
    try:
        load_documents(content, "file.yaml", dialect)
    except RenderError as error:
        return str(error)
    return ""


def test_hostile_repositories(capsys: pytest.CaptureFixture[str]) -> None:
    """Rounds of examples, at least one, until the time is over. A failure prints the example, and how to get it again."""
    end, executed, number = time.monotonic() + 60 * MINUTES, 0, SEED
    while not executed or time.monotonic() < end:
        for one in (hostile_render, hostile_file):
            seed(number)(one)()
        executed += 2 * EXAMPLES * HARMS
        number += 1
    if MINUTES:
        with capsys.disabled():
            sys.stdout.write(f"{executed} executions from seed {SEED} on\n")
