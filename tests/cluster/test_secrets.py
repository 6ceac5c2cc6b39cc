"""Values of Secrets on a real API server: in no error, no log, no cache."""

from __future__ import annotations

import base64
import gc

import pytest

from gitopsd.cluster import Clusters
from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action, Step
from gitopsd.model.refs import Object
from localcluster import LocalCluster
from tests.cluster.hands import patched
from tests.cluster.world import Heard, application, marked, secret, sync
from tests.waiting import until

PLAIN = "correct-horse-battery-staple"
ENCODED = base64.b64encode(PLAIN.encode()).decode()


def _hidden(text: str) -> bool:
    return not any(value in text for value in (PLAIN, ENCODED, "83127645"))


REFUSED = {
    "not base64": lambda ns: secret(ns, password=f"{PLAIN}!"),
    "a bad key": lambda ns: secret(ns, **{"bad key": ENCODED}),
    "a number": lambda ns: {**secret(ns), "data": {"password": 83127645}},
    "a value of the wrong type": lambda ns: {**secret(ns), "data": {"password": [PLAIN]}},
    "an unknown field": lambda ns: {**secret(ns, password=ENCODED), "date": {"password": ENCODED}},
    "a type that asks for other keys": lambda ns: {**secret(ns, password=ENCODED), "type": "kubernetes.io/tls"},
    "a docker config that is none": lambda ns: {
        **secret(ns, **{".dockerconfigjson": ENCODED}),
        "type": "kubernetes.io/dockerconfigjson",
    },
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_does_not_repeat_a_value(case: str, port: Clusters, namespace: str) -> None:
    """Whatever the server complains about, and however it quotes, the value is not in the error, nor in its causes."""
    manifest: Object = REFUSED[case](namespace)
    app = application(namespace)
    want = marked(app, manifest)
    with pytest.raises(ObjectError) as failure:
        await port.dry_run(app, Step(want.ref, Action.CREATE, "", want))
    chain: BaseException | None = failure.value
    while chain is not None:
        assert _hidden(f"{chain} {chain!r}")
        chain = chain.__cause__
    assert failure.value.message


async def test_no_value_is_kept(cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str) -> None:
    """After writing, a change by hand and its healing, no live object of the port holds the value."""
    app = application(namespace)
    want = marked(app, secret(namespace, password=ENCODED))
    await sync(port, app, want)
    heard.changes.clear()
    patched(cluster, want.ref, {"data": {"password": base64.b64encode(b"other").decode()}})
    await until(lambda: bool(heard.changes))
    await sync(port, app, want)
    kept = port._clusters["local"]._store
    assert _hidden(f"{kept.tables} {kept.receipts} {kept.strays}")
    del want
    gc.collect()
    left = [found for found in gc.get_objects() if type(found) is dict and found.get("password") == ENCODED]
    assert left == []
