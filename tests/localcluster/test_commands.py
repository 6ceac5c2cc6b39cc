from __future__ import annotations

import pytest

from localcluster.__main__ import main


@pytest.mark.cluster
def test_build_provides_all_that_a_cluster_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """Without names `build` provides etcd, the API server and the controllers, and prints where they are."""
    assert main(["build"]) == 0
    names = [line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()]
    assert names == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]


def test_build_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    """The names that there are stand in the message."""
    with pytest.raises(SystemExit):
        main(["build", "kubelet"])
    assert "'kubelet' is none of etcd, kube-apiserver" in capsys.readouterr().err
