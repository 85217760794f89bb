"""Make the certificates that come with the product: `make certificates`, when the demo or what it audits with changes.

`token-audit certify` on each config below, in `.benchmarks/certificates/`; then warehouse/seeds/certificates.json, which
a page shows where its warehouse holds no certificate of its own.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from configs.load import load_config
from flows.certify import certify
from flows.server import prefect_server
from tasks.finetune import obtain_classifier
from tasks.runs.identity import subject
from tasks.selftest.certificate import SHIPPED, covering
from warehouse import open_warehouse

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".benchmarks" / "certificates"
CONFIGS = ("demo", "reviews")


def made(name: str) -> tuple[str, dict[str, Any]]:
    """The subject of a config, and its certificate."""
    path = ROOT / "configs" / f"{name}.yaml"
    own = tuple(f"{key}={CACHE / place}" for key, place in (("warehouse", "audits.duckdb"), ("output", "runs"), ("models", "models")))  # fmt: skip
    with prefect_server():
        certify(path, own)
    config = load_config(path, own)
    wanted = subject(config, obtain_classifier.fn(config))
    with open_warehouse(config.warehouse, read_only=True) as warehouse:
        found = covering(warehouse, wanted)
    assert found is not None, "it was made above"
    # Where it lies on this machine says nothing elsewhere.
    return wanted, {name: value for name, value in found.items() if name != "folder"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--configs", nargs="+", choices=CONFIGS, default=list(CONFIGS))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    for name in arguments.parse_args().configs:
        wanted, certificate = made(name)
        known = json.loads(SHIPPED.read_text(encoding="utf-8"))
        # Of the same audit there is one, the newest.
        kept = {key: own for key, own in known.items() if own["name"] != certificate["name"]}
        written = json.dumps(kept | {wanted: certificate}, indent=1, default=lambda moment: moment.isoformat())
        SHIPPED.write_text(written + "\n", encoding="utf-8")
        print(f"{name}\t{certificate['certificate_id']}", flush=True)


if __name__ == "__main__":
    main()
