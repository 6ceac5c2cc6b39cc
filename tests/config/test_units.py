from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.config.units import format_size, parse_size
from gitopsd.formats.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("1h30m", 5400), ("250ms", 0.25), ("0s", 0), ("1.5h", 5400), ("720h", 2_592_000), ("1m1s", 61), ("5us", 5e-6)],
)
def test_duration(text: str, seconds: float) -> None:
    """Durations are read as Go reads them."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["60", "", "s", "1d", "-5s", "1 m", "5 s", "1h-3m", "٣s", 60, 1.5, None, True, [], "9" * 40 + "h"]
)
def test_no_duration(text: object) -> None:
    """What has no unit, or another than Go's, is refused with an example of how to write it."""
    with pytest.raises(ValueError, match="30s, 5m or 1h30m"):
        parse_duration(text)


def test_duration_is_bounded() -> None:
    """Nothing here waits for longer than ten years."""
    with pytest.raises(ValueError, match="ten years"):
        parse_duration("99999999h")


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650)))
def test_written_duration_is_read_back(value: timedelta) -> None:
    """A duration survives being written."""
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize(
    ("text", "size"), [("10Mi", 10 << 20), ("1k", 1000), ("2G", 2 * 10**9), ("512", 512), (512, 512), ("0", 0)]
)
def test_size(text: object, size: int) -> None:
    """Sizes are read as Kubernetes reads whole quantities of bytes."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["10MB", "10 Mi", "-1", -1, "", "1.5Gi", True, None, "1e3", "10mi", "9" * 16])
def test_no_size(text: object) -> None:
    """Anything else is refused with an example of how to write it."""
    with pytest.raises(ValueError, match="512Ki, 10Mi or 2Gi"):
        parse_size(text)


@given(st.integers(min_value=0, max_value=10**15 - 1))
def test_written_size_is_read_back(value: int) -> None:
    """A size survives being written."""
    assert parse_size(format_size(value)) == value
