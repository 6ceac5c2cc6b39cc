from __future__ import annotations

from pathlib import Path

import pytest

from gitopsd.config import SecretFile
from gitopsd.model.errors import ConfigError


def test_secret_is_read_anew_each_time(tmp_path: Path) -> None:
    """A file that changes gives its new content, without the newline that editors add."""
    file = tmp_path / "token"
    secret = SecretFile(file)
    file.write_text("one\n")
    assert secret.read() == "one"
    file.write_text("two\r\n")
    assert secret.read() == "two"


def test_secret_shows_only_its_path(tmp_path: Path) -> None:
    """Neither text nor repr of the value knows the secret."""
    file = tmp_path / "token"
    file.write_text("HUSH")
    assert "HUSH" not in f"{SecretFile(file)} {SecretFile(file)!r}"


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "can't be read: No such file"), ("\n", "is empty"), ("x" * 2_000_000, "larger")]
)
def test_unusable_file(tmp_path: Path, content: str | None, complaint: str) -> None:
    """A file that is missing, empty or huge is named, and its content is not."""
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(ConfigError, match=complaint) as caught:
        SecretFile(tmp_path / "token").read()
    assert str(tmp_path / "token") in str(caught.value)
    assert "xxx" not in str(caught.value)
