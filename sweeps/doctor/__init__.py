"""The invariant of a study, checked and repaired: what must hold after any fault and a resume.

COMPLETE and PRUNED trials are no more than the total; each attempt has one MLflow run, in a final state that matches
its trial's; nothing is RUNNING that no process works at; the best is the highest finite value among COMPLETE trials,
and its model is there; an export is what its manifest says; no temporary file or lock is left.
"""

from sweeps.doctor.examination import Examination, examine, repair_files, repair_records
from sweeps.doctor.finding import Finding

__all__ = ["Examination", "Finding", "examine", "repair_files", "repair_records"]
