"""`sweeps doctor`: the invariants of a study, checked and repaired.

They hold after any fault and a resume:

- no more trials are COMPLETE or PRUNED than the study's total;
- each trial has one MLflow run, whose final state matches the trial's;
- nothing is RUNNING that no process works on;
- the best trial has the highest finite value among the COMPLETE ones, and its model exists;
- an export is what its manifest says;
- no temporary file and no stale lock is left.
"""

from sweeps.doctor.examination import Examination, examine, repair_files, repair_records
from sweeps.doctor.finding import Finding

__all__ = ["Examination", "Finding", "examine", "repair_files", "repair_records"]
