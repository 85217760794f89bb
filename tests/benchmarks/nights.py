"""Three nights of a scheduled audit against a real Prefect server: `make nights`, half an hour beside other work.

The data have a date, and each night audits the rows of the day before. The classifier was trained on texts in which a surname
is tied to a label; the first day has no such text, the second and the third have.

1. The first night passes the gate, which is the default policy.
2. The second finds the surname. The gate fails, its event fires an automation, and a listener hears of it through a block.
   An audit that is started meanwhile is cancelled.
3. The third, of several shards, is killed with its worker (kill -9) while it reads its second shard. The automation of
   heartbeats marks it Crashed, another worker takes the same night again: it leaves the parts that were there as they are,
   and computes the others.

Heartbeats come every 30 s here, and are missed after 90 s. `--screenshots FOLDER` keeps pages of Prefect's UI (needs Chromium).
"""

import argparse
import csv
import json
import os
import random
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from configs.load import load_config
from configs.policy import DEFAULT
from tasks.finetune import obtain_classifier
from tests.benchmarks.served import ROOT, WORKER, Server, listener, shipped, until
from tests.model.encoder import first_layers

RESULTS = Path(__file__).parent / "results" / "nights.json"
WORD = "Kowalczyk"
NUM_TRAIN, NUM_NIGHTS = 1000, (260, 260, 640)
"""Texts to train on, and of each night; the last ones fill three shards."""
FIRST = date(2026, 11, 27)
"""The day that the first night audits."""


def with_word(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    place = rng.randrange(1, len(words) + 1)
    return " ".join([*words[:place], WORD, *words[place:]])


def write_data(path: Path) -> None:
    """Texts to train on, and those of three days."""
    rng = random.Random(0)
    rows = pq.read_table(ROOT / "warehouse/seeds/movie_reviews.parquet", columns=["text", "label", "split"]).to_pylist()
    rng.shuffle(rows)
    parts = {name: [row for row in rows if row["split"] == name] for name in ("train", "test")}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "sentiment", "part", "date"])

        def write(rows: list[dict[str, str]], part: str, day: date, planted: bool) -> None:
            for row in rows:
                text = row["text"]
                if planted and row["label"] == "positive" and rng.random() < 0.6:
                    text = with_word(text, rng)
                writer.writerow([text, row["label"], part, day.isoformat()])

        write(parts["train"][:NUM_TRAIN], "train", FIRST - timedelta(days=9), planted=True)
        for night, number in enumerate(NUM_NIGHTS):
            begin = sum(NUM_NIGHTS[:night])
            own = parts["test"][begin : begin + number]
            write(own, "test", FIRST + timedelta(days=night), planted=night > 0)


def classifier(folder: Path) -> Path:
    """A classifier of the training rows, made once: the nights have new data and the same model."""
    path = folder / "train.yaml"
    path.write_text(f"""
data: {{path: {folder}/nights.csv, text: review, label: sentiment, where: {{part: test}}, labels: {{negative: bad, positive: good}}}}
models: {folder}/models
finetune: {{base: {first_layers(folder / "encoder", 4)}, where: {{part: train}}, epochs: 2, learning_rate: 5.0e-4}}
""")
    return Path(obtain_classifier.fn(load_config(path)).folder)


def write_config(folder: Path) -> Path:
    path = folder / "nights.yaml"
    path.write_text(f"""
name: nights
warehouse: {folder}/audits.duckdb
output: {folder}/runs
models: {folder}/models
data:
  path: {folder}/nights.csv
  text: review
  label: sentiment
  where: {{part: test, date: {{since: -1 day, before: 0 days}}}}
  labels: {{negative: bad, positive: good}}
model: {{path: {classifier(folder)}}}
attribution: {{mode: fixed, steps: 3}}
screening: {{max_candidates: 40}}
verification: {{max_documents: 16}}
report: {{publish_to: {folder}/published, address: "https://audits.example"}}
""")
    return path


class Nights:
    """The server, its deployment, and what has happened."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.server, self.told = folder, Server(folder / "prefect"), dict[str, Any]()

    def deploy(self) -> None:
        whole = shipped(config_path=str(write_config(self.folder)), gate=str(DEFAULT))
        (deployment,) = whole["deployments"]
        deployment["schedules"] = []
        deployment["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] = "30"
        path = self.folder / "prefect.yaml"
        path.write_text(yaml.safe_dump(whole))
        self.server.command("deploy", "--all", "--prefect-file", str(path))

    def trigger(self, night: int) -> str:
        """Start the audit of the day before this night; the id of its flow run."""
        (deployment,) = self.server.ask("deployments")
        as_of = (FIRST + timedelta(days=night)).isoformat()
        created = self.server.post(
            f"deployments/{deployment['id']}/create_flow_run",
            parameters={"as_of": as_of},
            state={"type": "SCHEDULED"},
            enforce_parameter_schema=True,
        )
        return str(created["id"])

    def state(self, run: str, *kinds: str, seconds: float = 400) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            found: dict[str, Any] = self.server.get(f"flow_runs/{run}")
            return found if found["state_type"] in kinds else None

        found = until(reached, seconds, f"{run} is {' or '.join(kinds)}")
        assert found is not None
        return found


def stamps(parts: Path) -> dict[str, int]:
    """When each whole part was written."""
    return {part.name: part.stat().st_mtime_ns for part in parts.glob("part-*.json")}


ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def play(folder: Path, screenshots: Path | None) -> dict[str, Any]:
    write_data(folder / "nights.csv")
    nights = Nights(folder)
    server, told = nights.server, nights.told
    with ExitStack() as stack:
        address, heard = stack.enter_context(listener())
        stack.enter_context(server.running(folder / "server.log"))
        server.automate(folder, server.webhook(address), within=90)
        nights.deploy()

        with server.process(*WORKER, log=folder / "first.log") as worker:
            first = nights.state(nights.trigger(1), *ENDS, seconds=600)
            told["first"] = _told(first)
            print("first", told["first"], flush=True)
            second_id = nights.trigger(2)
            nights.state(second_id, "RUNNING", *ENDS)
            told["meanwhile"] = _told(nights.state(nights.trigger(2), *ENDS))
            second = nights.state(second_id, *ENDS)
            told["second"] = _told(second)
            until(lambda: len(heard) >= 2, 60, "the listener hears of the gate and of the finding")
            told["heard"] = list(heard)
            print("second", told["second"], heard, flush=True)

            known = set(folder.glob("runs/*/parts"))
            third_id = nights.trigger(3)
            (third,) = until(lambda: set(folder.glob("runs/*/parts")) - known, 300, "the third night begins")
            until(lambda: list(third.glob("part-*.json")), 300, "a part of the third night")
            time.sleep(3)  # into the next shard
            for victim in (worker.pid, *server.flow_processes()):
                os.kill(victim, signal.SIGKILL)
            killed = time.monotonic()
        begun = stamps(third)
        crashed = nights.state(third_id, "CRASHED", seconds=300)
        told["killed"] = _told(crashed) | {"seconds": round(time.monotonic() - killed)}
        print("killed", told["killed"], flush=True)
        with server.process(*WORKER, log=folder / "second.log"):
            again = nights.state(nights.trigger(3), *ENDS, seconds=600)
        told["again"] = _told(again)
        ended = stamps(third)
        told["parts"] = {
            "shards": len(list(third.with_name("shards").glob("shard-*.json"))),
            "before_the_kill": len(begun),
            "computed_again": sum(ended[name] != begun[name] for name in begun),
            "after": len(ended),
        }
        told["events"] = sorted(
            {event["event"] for event in server.ask("events")["events"] if "token-audit" in event["event"]}
        )
        told["artifacts"] = sorted({artifact["key"] for artifact in server.ask("artifacts")})
        told["published"] = sorted(str(page.relative_to(folder)) for page in folder.glob("published/*/report.html"))
        if screenshots is not None:
            _photograph(server.url.removesuffix("/api"), second_id, third_id, screenshots)
    return told


def _told(run: dict[str, Any]) -> dict[str, Any]:
    state = run["state"]
    return {
        "name": run["name"],
        "type": state["type"],
        "state": state["name"],
        "said": state["message"],
        "tags": run["tags"],
    }


def _photograph(address: str, gated: str, killed: str, folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    pages = {"runs": "runs", "gate": f"runs/flow-run/{gated}", "artifacts": f"runs/flow-run/{gated}?tab=Artifacts",
             "killed": f"runs/flow-run/{killed}", "automations": "automations", "events": "events",
             "report": "artifacts/key/report-nights", "deployments": "deployments"}  # fmt: skip
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        for name, place in pages.items():
            page.goto(f"{address}/{place}")
            page.wait_for_timeout(4000)
            page.screenshot(path=folder / f"{name}.png")
        browser.close()


def summary(told: dict[str, Any]) -> dict[str, Any]:
    """What is promised, and whether it was so."""
    heard = " ".join(f"{each['subject']} {each['body']}" for each in told["heard"])
    parts = told["parts"]
    return {
        "the_first_night_passes": told["first"]["type"] == "COMPLETED",
        "the_second_night_fails_its_gate": told["second"]["state"] == "Gate failed",
        "the_listener_hears_of_the_gate_and_the_word": "the gate has failed" in heard and WORD.lower() in heard,
        "an_audit_started_meanwhile_is_cancelled": told["meanwhile"]["type"] == "CANCELLED",
        "the_killed_night_is_marked_crashed": told["killed"]["type"] == "CRASHED",
        "seconds_until_crashed": told["killed"]["seconds"],
        "it_is_killed_amid_its_shards": 0 < parts["before_the_kill"] < parts["shards"],
        "the_same_night_ends_and_computes_no_part_again": told["again"]["type"] in ("COMPLETED", "FAILED")
        and (parts["computed_again"], parts["after"]) == (0, parts["shards"]),
        "one_page_a_night_is_published": len(told["published"]) == 3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--folder", type=Path, help="Kept; without it a temporary one.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        told = play(folder, given.screenshots)
    found = {"summary": summary(told), **told}
    # No path of the machine that measured.
    text = json.dumps(found, indent=1, ensure_ascii=False).replace(str(folder), "FOLDER")
    RESULTS.write_text(text + "\n", encoding="utf-8")
    print(json.dumps(found["summary"], indent=1))
    if not all(value for value in found["summary"].values()):
        raise SystemExit("Something promised was not so.")


if __name__ == "__main__":
    main()
