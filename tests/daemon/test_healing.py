"""Self-healing that slows down."""

from __future__ import annotations

from gitopsd.daemon.healing import FREE, Healing
from gitopsd.model.app import AppKey

KEY = AppKey("argocd", "shop")


def test_hands_are_healed_at_once() -> None:
    """A few changes in a row don't make anybody wait."""
    healing = Healing()
    for moment in range(FREE - 1):
        healing.healed(KEY, moment)
        assert healing.pause(KEY, moment) == 0


def test_a_fight_slows_down_and_is_forgotten() -> None:
    """Pauses grow from 2 s by 3 up to 300 s, run out by themselves, and start anew after a quiet time."""
    healing = Healing()
    for _ in range(FREE):
        healing.healed(KEY, 0)
    assert (healing.pause(KEY, 0), healing.pause(KEY, 1.5), healing.pause(KEY, 2)) == (2, 0.5, 0)
    healing.healed(KEY, 2)
    assert healing.pause(KEY, 2) == 6
    for _ in range(50):
        healing.healed(KEY, 2)
    assert healing.pause(KEY, 2) == 300
    healing.healed(KEY, 2 + 300 + 61)
    assert healing.pause(KEY, 2 + 300 + 61) == 0


def test_applications_do_not_slow_each_other() -> None:
    """What one fights over is no reason for another to wait; one that is gone leaves nothing."""
    healing = Healing()
    for _ in range(FREE):
        healing.healed(KEY, 0)
    assert healing.pause(AppKey("argocd", "other"), 0) == 0
    healing.forget(KEY)
    assert healing.pause(KEY, 0) == 0
