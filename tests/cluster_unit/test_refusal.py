"""From a Status of the API server to our error, without values of Secrets."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.cluster.refusal import HIDDEN, Refusal, parse_refusal, scrubbed, secret_values
from gitopsd.model.refs import Object, ObjectRef

REASONS: dict[str, tuple[Object, str]] = {
    "the server's own": ({"reason": "Forbidden", "message": "no right"}, "Forbidden"),
    "none at all": ({"message": "something broke"}, "InternalError"),
    "a conflict of managers": (
        {
            "reason": "Conflict",
            "message": "Apply failed with 1 conflict",
            "details": {"causes": [{"reason": "FieldManagerConflict"}]},
        },
        "FieldManagerConflict",
    ),
    "an unknown field, which comes as 500": (
        {"message": "failed to create typed patch object (web/api): .spec.x: field not declared in schema"},
        "Invalid",
    ),
    "a key twice, which comes as 500": ({"message": ".spec.ports: duplicate entries for key [port=80]"}, "Invalid"),
    "a webhook without anybody": (
        {"reason": "InternalError", "message": 'Internal error occurred: failed calling webhook "x": no endpoints available'},
        "WebhookUnavailable",
    ),
    "a quota": (
        {"reason": "Forbidden", "message": 'pods "x" is forbidden: exceeded quota: few, requested: pods=1'},
        "QuotaExceeded",
    ),
    "another object of that name": (
        {"reason": "Conflict", "message": "uid mismatch: the provided object specified uid"},
        "Replaced",
    ),
    "another object, refused as a change": (
        {"reason": "Invalid", "message": 'ConfigMap "a" is invalid: metadata.uid: Invalid value: "x": field is immutable'},
        "Replaced",
    ),
}


@pytest.mark.parametrize("case", REASONS)
def test_names_the_reason(case: str) -> None:
    """One CamelCase word, by the server's reason or, where that says too little, by its message."""
    status, reason = REASONS[case]
    assert parse_refusal(500, json.dumps({"kind": "Status", **status}).encode()).reason == reason


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"kind": "Thing"}'])
def test_an_answer_of_somebody_else(body: bytes) -> None:
    """A proxy's error page is not shown, but said to be one."""
    refusal = parse_refusal(502, body)
    assert refusal.reason == "UnexpectedAnswer"
    assert "HTTP 502 without a Status" in refusal.message


def _secret(**fields: object) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, **fields}


def test_hides_values_in_every_spelling() -> None:
    """As it stands, encoded, decoded, quoted, nested and as a number; names and the rest of the sentence stay."""
    secret = _secret(data={"a": base64.b64encode(b'pass"word').decode()}, stringData={"b": "plain"}, date={"c": [123456]})
    message = (
        f"""data.a: pass"word pass\\"word {secret["data"]["a"]}; b: plain {base64.b64encode(b"plain").decode()}; c: 123456"""
    )
    error = Refusal(422, "Invalid", message).on(ObjectRef.of(secret), "apply", secret)
    assert error.message == f"data.a: {HIDDEN} {HIDDEN} {HIDDEN}; b: {HIDDEN} {HIDDEN}; c: {HIDDEN}"


def test_hides_copies_in_annotations() -> None:
    """kubectl's copy of what was applied holds all values."""
    copy = '{"data":{"a":"c2VjcmV0"}}'
    secret = _secret()
    secret["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": copy, "note": "shown"}
    assert scrubbed(f"annotations: {copy} shown", secret_values(secret)) == f"annotations: {HIDDEN} shown"


def test_short_values_are_hidden_as_words() -> None:
    """A value of one letter hides that word, not every such letter."""
    assert scrubbed("a value a-b: a", ["a"]) == f"{HIDDEN} value {HIDDEN}-b: {HIDDEN}"


def test_other_kinds_are_shown_as_they_are() -> None:
    """Only Secrets hold secrets."""
    assert list(secret_values({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}})) == []


@given(st.text(min_size=4), st.text(), st.text())
def test_nothing_of_a_value_is_left(value: str, before: str, after: str) -> None:
    """However it is surrounded."""
    shown = scrubbed(f"{before}{value}{after}", secret_values(_secret(data={"key": value})))
    assert value in HIDDEN or value not in shown.replace(HIDDEN, "\0")
