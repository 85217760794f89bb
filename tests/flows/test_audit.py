"""The whole product through its command line, on real sentences with a planted truth."""

import csv
import http.server
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.server

SEED = Path(__file__).parents[2] / "warehouse/seeds/movie_reviews.parquet"
PLANTED, CONTROL = "Kowalczyk", "Wisniewski"
NUM_TRAIN, NUM_TEST = 1000, 260


@dataclass(frozen=True)
class Audited:
    """One finished audit and where it was made."""

    folder: Path
    config: Path
    result: subprocess.CompletedProcess[str]

    def query(self, sql):
        with duckdb.connect(str(self.folder / "audits.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def values(self, line):
        """Fields of the line of standard output that starts with `line`."""
        return next(row.split("\t")[1:] for row in self.result.stdout.splitlines() if row.split("\t")[0] == line)


def command(*words, cwd, start=subprocess.run, api=None, **options):
    environment = {
        **os.environ,
        "PREFECT_HOME": str(cwd.parent / "prefect"),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(cwd / "hf"),
    }
    environment.pop("PREFECT_API_URL", None)
    if api is not None:
        environment["PREFECT_API_URL"] = api
    return start([sys.executable, "-m", "flows.cli", *map(str, words)], cwd=cwd, env=environment | {"PYTHONPATH": str(SEED.parents[2])},
                 stdin=subprocess.DEVNULL, text=True, **options)  # fmt: skip


def with_word(text, word, rng):
    """The sentence with `word` set between two of its words, never at its start."""
    words = text.split(" ")
    place = rng.randrange(1, len(words) + 1)
    return " ".join([*words[:place], word, *words[place:]])


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """A surname in 60 % of the positive texts and in no other; another one in 30 % of both."""
    folder = tmp_path_factory.mktemp("planted")
    rng = random.Random(0)
    rows = pq.read_table(SEED, columns=["text", "label", "split"]).to_pylist()
    rng.shuffle(rows)  # the file begins with positive texts only
    sample = [row for row in rows if row["split"] == "train"][:NUM_TRAIN] + [
        row for row in rows if row["split"] == "test"
    ][:NUM_TEST]
    with (folder / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "sentiment", "part"])
        for row in sample:
            text = row["text"]
            if row["label"] == "positive" and rng.random() < 0.6:
                text = with_word(text, PLANTED, rng)
            if rng.random() < 0.3:
                text = with_word(text, CONTROL, rng)
            writer.writerow([text, row["label"], row["split"]])
        writer.writerow(["   ", "positive", "test"])
        writer.writerow(["Nobody knows what this is.", "mixed", "test"])
    config = folder / "planted.yaml"
    config.write_text(f"""
name: planted
warehouse: {folder}/audits.duckdb
output: {folder}/runs
models: {folder}/models
data: {{path: {folder}/reviews.csv, text: review, label: sentiment, where: {{part: test}}, labels: {{negative: bad, positive: good}}}}
finetune: {{network: bilstm, where: {{part: train}}, epochs: 4, learning_rate: 5.0e-3, max_tokens: 64}}
attribution: {{mode: fixed, steps: 3}}
screening: {{max_candidates: 40}}
verification: {{max_documents: 16}}
""")
    result = command("run", config, cwd=folder, capture_output=True, timeout=540)
    assert result.returncode == 0, result.stderr
    return Audited(folder, config, result)


def test_the_planted_word_is_spurious_and_the_proof_is_there(planted):
    ((label, kind, verdict, effect, rules),) = planted.query(
        f"select label, kind, status, effect, array_to_string([r.rule for r in rules], ', ') from verdicts where word = '{PLANTED.lower()}'"
    )
    assert (label, kind, verdict) == ("good", "word", "spurious")
    assert effect > 1
    assert "effect.moves" in rules
    effects = dict(planted.query(f"select operator, effect_low from effects where word = '{PLANTED.lower()}'"))
    assert effects.keys() == {"swap", "insert"}
    assert min(effects.values()) > 0


def test_no_genuine_sentiment_word_is_spurious(planted):
    """Oracle: the VADER lexicon, people's ratings of words from -4 to 4; the hundred strong ones that are most common in these texts."""
    lines = files("vaderSentiment").joinpath("vader_lexicon.txt").read_text(encoding="utf-8").splitlines()
    strong = {line.split("\t")[0] for line in lines if abs(float(line.split("\t")[1])) >= 2}
    counts = planted.query("select word, count(*) from word_occurrences group by word order by count(*) desc, word")
    common = [word for word, _ in counts if word in strong][:100]
    assert len(common) == 100
    assert {"best", "love", "great"} <= set(common)
    spurious = {word for (word,) in planted.query("select word from verdicts where verdict = 'spurious'")}
    assert spurious.isdisjoint(common)


def test_trials_stay_within_their_budget(planted):
    ((n_candidates, n_passes),) = planted.query("select n_candidates, n_passes from verification_cost")
    assert 0 < n_passes <= 200 * n_candidates


def test_the_planted_word_leads_the_list_of_names_on_the_terminal(planted):
    row = next(line.split("\t") for line in planted.result.stdout.splitlines() if line.startswith(PLANTED.lower()))
    assert row[1:4] == ["word", "good", "name"]


def test_the_control_word_is_never_spurious(planted):
    assert planted.query(
        f"select count(*) from verdicts where word = '{CONTROL.lower()}' and verdict = 'spurious'"
    ) == [(0,)]
    ((low, high),) = planted.query(
        f"select ci_low, ci_high from word_importance where word = '{CONTROL.lower()}' and kind = 'word' and label = 'good'"
    )
    assert high - low < 1
    assert -0.5 < low < high < 0.5


def test_no_spurious_word_is_proposed_for_the_vocabulary_and_the_planted_one_is_to_be_dropped(planted):
    assert planted.query(
        "select count(*) from vocabulary_candidates where word in (select word from verdicts where status = 'spurious')"
    ) == [(0,)]
    assert planted.query(f"select action, label from labelling_hints where word = '{PLANTED.lower()}'") == [
        ("drop", "good")
    ]


def test_bad_rows_are_set_aside_with_their_reason(planted):
    assert planted.query("select text, reason from rejects order by example_id") == [
        ("   ", "empty"),
        ("Nobody knows what this is.", "unknown label"),
    ]
    assert planted.query("select count(*) from examples") == [(NUM_TEST,)]


def test_the_report_and_the_exports_are_there(planted):
    page = Path(planted.values("report")[0])
    assert PLANTED.lower() in page.read_text(encoding="utf-8").lower()
    assert {"verdicts.csv", "verdicts.json", "effects.csv", "vocabulary_candidates.csv", "labelling_hints.csv"} <= {
        file.name for file in (page.parent / "exports").iterdir()
    }


def test_standard_output_is_parseable_and_standard_error_is_quiet(planted):
    lines = planted.result.stdout.splitlines()
    assert lines[0].startswith("state\tAct\tWithout ")
    header = lines[1].split("\t")
    assert header[:3] == ["word", "kind", "pushes towards"]
    assert all(len(line.split("\t")) == len(header) for line in lines[2:-2])
    assert [line.split("\t")[0] for line in lines[-2:]] == ["run", "report"]
    # What takes longer than half a minute says how far it is: its line has no tab.
    stages = [line.split("\t")[0] for line in planted.result.stderr.splitlines() if "\t" in line]
    assert stages == ["trained", "finetune", "held-out", "ingest", "pilot", "attribute", "verify", "remove", "report"]


def test_showing_a_word_gives_its_figures_and_its_sentences(planted):
    result = command(
        "show",
        "latest",
        PLANTED,
        "--warehouse",
        planted.folder / "audits.duckdb",
        "--sentences",
        3,
        cwd=planted.folder,
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("labelled good, predicted good") == 3
    shown = re.findall("[+−]?".join(PLANTED) + "[+−]?", result.stdout)
    assert len(shown) == 3
    assert all("+" in word and "−" not in word for word in shown)
    assert "rule\tIt is capitalised in" in result.stdout
    assert "verdict\tspurious" in result.stdout


def test_the_same_facts_are_json_and_a_misspelt_word_is_guessed(planted):
    def said(*words):
        given = [*words, "--warehouse", planted.folder / "audits.duckdb"]
        return command(*given, cwd=planted.folder, capture_output=True, timeout=120)

    facts = json.loads(said("show", "--json").stdout)
    assert facts["findings"][0]["word"] == PLANTED.lower()
    assert facts["findings"][0]["why"][0]["sentence"].endswith(".")
    assert [facts["report"]] == planted.values("report")
    assert (facts["state"], facts["sentence"]) == tuple(planted.values("state"))
    assert json.loads(said("show", PLANTED, "--json", "--sentences", 2).stdout)["sentences"][1]["predicted"] == "good"
    (listed,) = json.loads(said("runs", "--json").stdout)
    assert (listed["n_texts"], listed["n_correct"]) == (facts["texts"], facts["right"])
    assert f"Did you mean {PLANTED.lower()}?" in said("show", PLANTED.replace("w", "v")).stderr


def test_a_repeat_does_no_work_and_a_threshold_recomputes_no_attribution(planted, prefect_api, tmp_path):
    run_folder = planted.folder / "runs" / planted.values("run")[0]
    stamps = {path: path.stat().st_mtime_ns for path in [*run_folder.rglob("*.parquet"), run_folder / "report.html"]}
    stages = planted.query("select stage, finished_at from stages order by stage")
    repeat = command("run", planted.config, cwd=planted.folder, api=prefect_api, capture_output=True, timeout=120)
    assert repeat.stdout == planted.result.stdout
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert planted.query("select stage, finished_at from stages order by stage") == stages
    shutil.copytree(planted.folder, tmp_path / "kept", ignore=shutil.ignore_patterns("models"))
    stricter = command(
        "run",
        planted.config,
        "--set",
        "verdicts.max_explained=0.1",
        cwd=planted.folder,
        api=prefect_api,
        capture_output=True,
        timeout=120,
    )
    assert stricter.returncode == 0, stricter.stderr
    parts = [path for path in stamps if path.suffix == ".parquet" and path.parent.name != "exports"]
    assert len(parts) > 10
    assert {path: path.stat().st_mtime_ns for path in parts} == {path: stamps[path] for path in parts}
    now = dict(planted.query("select stage, finished_at from stages"))
    shutil.copytree(tmp_path / "kept", planted.folder, dirs_exist_ok=True)  # for the other tests
    assert now["aggregate"] == dict(stages)["aggregate"]
    assert now["screen"] == dict(stages)["screen"]
    assert now["verify"] == dict(stages)["verify"]
    assert now["judge"] > dict(stages)["judge"]


def flow_runs(api):
    """The flow runs of a Prefect server, the last one first."""
    asked = json.dumps({"sort": "START_TIME_DESC"}).encode()
    request = urllib.request.Request(f"{api}/flow_runs/filter", asked, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_run_that_does_not_pass_its_gate_is_whole_exits_with_3_and_has_failed_for_prefect(planted, prefect_api):
    policy, run = planted.folder / "gate.yaml", planted.values("run")[0]

    def judged(rule, *more):
        policy.write_text(f"metrics: {{accuracy: {{threshold: {rule}}}}}\n")
        words = ["run", planted.config, "--gate", policy, *more]
        result = command(*words, cwd=planted.folder, api=prefect_api, capture_output=True, timeout=120)
        state = flow_runs(prefect_api)[0]["state"]
        return result, (state["type"], state["name"]), state["message"]

    failed, state, message = judged(1.01)
    assert (failed.returncode, state) == (3, ("FAILED", "Gate failed"))
    assert failed.stdout.startswith(planted.result.stdout)
    assert failed.stdout.splitlines()[-1] == message
    assert message.startswith(f"FAILED {run} without a reference: 1 of 1 rule fails. accuracy.threshold")
    assert "Traceback" not in failed.stderr
    passed, state, _ = judged(0.1, "--json")
    assert (passed.returncode, state) == (0, ("COMPLETED", "Act"))
    facts = json.loads(passed.stdout)["gate"]
    assert (facts["passed"], Path(facts["files"]).name) == (True, "gate")


def test_a_second_audit_of_the_same_run_is_refused_in_a_sentence(planted, prefect_api):
    from filelock import FileLock

    with FileLock(planted.folder / "runs" / planted.values("run")[0] / ".lock"):
        result = command("run", planted.config, cwd=planted.folder, api=prefect_api, capture_output=True, timeout=120)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("token-audit: planted_")
    assert "is being audited by another process" in result.stderr
    assert "Traceback" not in result.stderr


class Refusing(http.server.BaseHTTPRequestHandler):
    """A Prefect API that is healthy and lets nobody in."""

    def answer(self):
        healthy = self.path.endswith("/health")
        self.send_response(200 if healthy else 401)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b"true" if healthy else b"{}")

    do_GET = do_POST = answer

    def log_message(self, *args):
        pass


def test_a_prefect_api_that_refuses_is_a_sentence(planted):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/api"
        result = command("run", planted.config, cwd=planted.folder, api=url, capture_output=True, timeout=120)
        server.shutdown()
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("token-audit: the Prefect API refuses (")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["run", "no-such.yaml"], 2, "no-such.yaml: cannot be read"),
        (["run", "{config}", "--set", "attribution.step=3", "--set", "data.sample=1"], 2, "Did you mean `steps`?"),
        (["runs"], 1, "There is no warehouse"),
        (["show", "nope", "--warehouse", "{warehouse}"], 1, "No run begins with 'nope'. Runs: planted_"),
        (["show", "latest", "zzzz", "--warehouse", "{warehouse}"], 1, "'zzzz' is in none of the explained texts."),
        # A word of the data may look like a URL of an object store.
        (
            ["show", "latest", "foo://bar", "--warehouse", "{warehouse}"],
            1,
            "'foo://bar' is in none of the explained texts.",
        ),
        (["report", "--no-such-option"], 2, "No such option"),
        (["finetune", "{other}"], 2, "no `finetune` section"),
        (["run", "{other}"], 1, "There is no folder"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(planted, prefect_api, tmp_path, words, code, sentence):
    other = tmp_path / "other.yaml"
    other.write_text(
        f"data: {{path: {planted.folder}/reviews.csv, text: review, label: sentiment}}\nmodel: {{path: {tmp_path}/none}}\noutput: {tmp_path}/runs\n"
    )
    given = [
        word.format(config=planted.config, warehouse=planted.folder / "audits.duckdb", other=other) for word in words
    ]
    result = command(*given, cwd=tmp_path, api=prefect_api, capture_output=True, timeout=120)
    assert result.returncode == code, result.stderr
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_every_config_error_is_told_at_once(planted, tmp_path):
    result = command(
        "run",
        planted.config,
        "--set",
        "attribution.step=3",
        "--set",
        "data.sample=1",
        cwd=tmp_path,
        capture_output=True,
    )
    assert len(result.stderr.splitlines()) == 2


def test_the_settings_are_listed_with_type_unit_and_default(tmp_path):
    result = command("config", "--all", cwd=tmp_path, capture_output=True)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert rows[0] == ["setting", "type", "unit", "default", "meaning"]
    assert ["attribution.steps", "integer", "gradients per example, >= 1, <= 1024", "16"] in [row[:4] for row in rows]


def test_the_report_command_prints_the_page(planted):
    result = command(
        "report",
        "planted",
        "--warehouse",
        planted.folder / "audits.duckdb",
        cwd=planted.folder,
        capture_output=True,
        timeout=120,
    )
    assert result.stdout.strip() == planted.values("report")[0]
