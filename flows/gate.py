"""Whether an audit passes a policy: the run, its reference, the certificate that covers it."""

import os
from pathlib import Path

from configs.errors import AuditError
from configs.policy import DEFAULT, load_policy
from flows.compare import LAST, chosen, compared, row_of
from flows.runs import curtain_of, opened
from tasks.gate import gate_run
from tasks.pages.gated import Gated
from tasks.runs.kept import Comparison
from tasks.runs.run import Run
from tasks.selftest.certificate import covering


class GateFailed(AuditError):
    """The audit is done, all of it, and does not pass its policy."""

    def __init__(self, run: Run, said: str) -> None:
        super().__init__(run, said)  # both, so that it can be pickled
        self.run, self.said = run, said

    def __str__(self) -> str:
        return self.said


def gate(
    path: Path, run: str, policy_path: Path | None = None, against: str | None = None, location: Path | None = None
) -> tuple[Gated, Path | None]:
    """Judge a run; return what was found, and the folder of its files if the run has one.

    The reference is `against`, or the run of the same config that finished before; without one, rules about a reference
    are skipped. `location`: the file that a reader of the results should look at; by default the policy.

    Raises:
        ConfigError: the policy is none.
        AuditError: there is no such run.
    """
    policy = load_policy(policy_path or DEFAULT)
    after, before = chosen(path, run, against)
    comparison: Comparison | None = None
    if before is not None:
        comparison, _ = compared(path, before, after)
    elif against not in (None, LAST):
        raise AssertionError("a reference that is named is found, or an error")
    row = row_of(path, after["run_id"])
    folder = None if row is None or not Path(row["folder"]).is_dir() else Path(row["folder"])
    with opened(path) as warehouse:
        certificate = covering(warehouse, after["subject"])
    place = location or policy_path
    shown = "configs/policies/gate.yaml" if place is None else Path(os.path.relpath(place)).as_posix()
    gated = gate_run.fn(path, after, comparison, certificate, policy, shown, folder, curtain=curtain_of(path, row))
    return gated, None if folder is None else folder / "gate"
