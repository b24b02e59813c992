"""Which workers of a cluster get trials: those that have what the driver has."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.config import load_config
from sweeps.engine.joining import differences, versions
from sweeps.errors import InputError


def test_what_a_trial_depends_on_is_compared() -> None:
    here = versions()
    assert {"Python", "keras-sweeps", "keras", "tensorflow", "numpy", "numba", "sources"} <= set(here)
    assert differences(here, here) == []


def test_a_difference_is_named_with_both_versions() -> None:
    here = {"numpy": "2.0", "keras": "3.15", "sources": "ab"}
    there = {"numpy": "1.0", "keras": "3.15"}
    assert differences(here, there) == ["numpy 1.0 instead of 2.0", "sources None instead of ab"]


def test_a_configuration_file_may_name_a_cluster(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text('cluster = "tls://10.0.0.1:8786"\n')
    assert load_config({}, file).cluster == "tls://10.0.0.1:8786"


@pytest.mark.parametrize("address", ["10.0.0.1:8786", "tcp://10.0.0.1", "inproc://10.0.0.1/1/2", "tcp://a:b:1/x", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="cluster"):
        load_config({"cluster": address})
