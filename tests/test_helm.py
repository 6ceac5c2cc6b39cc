"""How the program is run: a shell script in the place of helm shows what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitopsd.helm import Helm, HelmError
from gitopsd.model.errors import RenderError
from gitopsd.render.needs import InflateChart

NEED = InflateChart("web", "-release", "store", (("Chart.yaml", b"name: web"),), (b"password: hunter2",), ("--set=a=secret-1",))


def program(folder: Path, script: str) -> Helm:
    """A program that does what the script says."""
    file = folder / "helm"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return Helm(str(file), timeout=5.0)


def test_environment_and_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a home of its own that is empty, nothing of our environment, and names can't be taken for flags."""
    monkeypatch.setenv("GITOPSD_TOKEN", "hunter2")
    shown = program(tmp_path, 'env; ls "$HOME"; ls; echo "$@"').inflate(NEED).decode()
    assert "hunter2" not in shown
    assert "KUBECONFIG=/dev/null" in shown
    assert shown.splitlines()[-1] == (
        "template --dry-run=client --namespace=store --values=values-0.yaml --set=a=secret-1 -- -release ./chart"
    )


def test_failure_shows_no_value(tmp_path: Path) -> None:
    """The error is what follows `Error:`, in one line, without what came from values and parameters."""
    failing = program(tmp_path, "echo 'level=WARN x' >&2; printf 'Error: bad hunter2 and\\n secret-1\\n' >&2; exit 1")
    with pytest.raises(RenderError, match=r"^helm chart web can't be inflated: bad \*\*\* and \*\*\*$"):
        failing.inflate(NEED)


def test_not_there() -> None:
    """A sentence says what to do; it says nothing of the chart, so it is no error of the render."""
    with pytest.raises(HelmError, match=r"there is no program '/nowhere/helm'; install it, or say where it is in helm\.program"):
        Helm("/nowhere/helm").inflate(NEED)


def test_deadline(tmp_path: Path) -> None:
    """One that does not end is ended."""
    endless = Helm(program(tmp_path, "exec sleep 1000").program, timeout=0.2)
    with pytest.raises(HelmError, match=r"helm took longer than 0.2 s; see helm.timeout"):
        endless.inflate(NEED)


def test_too_much_output(tmp_path: Path) -> None:
    """What it prints is bounded, and so is what it writes meanwhile: one that prints for ever is ended there."""
    with pytest.raises(RenderError, match="gives more than 64 MiB"):
        program(tmp_path, "exec cat /dev/zero").inflate(NEED)
