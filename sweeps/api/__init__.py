"""The Python interface: `sweeps.run` and `sweeps.Result`."""

from sweeps.api.result import Result
from sweeps.api.search import run

__all__ = ["Result", "run"]
