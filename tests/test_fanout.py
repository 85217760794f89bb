"""Workers: a cluster of two nodes on this machine whose GPUs are names, and what the same jobs give in this process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
import torch
from ray.cluster_utils import Cluster
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

import tasks.attribute
from configs.errors import AttributionError, AuditError
from configs.schema import AttributionConfig, VerificationConfig, WorkersConfig
from tasks.attribute import attribute_shards
from tasks.model.spec import model_spec
from tasks.runtime import workers as fanout
from tasks.runtime.parts import part_file, read_manifest, write_part
from tasks.runtime.workers import Job, fan_out
from tasks.trials.runner import try_group
from tests.conftest import free_port

NODE = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": 100 * 2**20}


class Meter(Counter):
    """Stands for the one of tasks/runtime/progress.py."""

    def __call__(self, amount):
        self["done"] += amount

    def count(self, **amounts):
        self.update(amounts)


@pytest.fixture(scope="module")
def cluster():
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()


@pytest.fixture
def workers(cluster, monkeypatch):
    """Two of them, and one retry, since a process that dies costs a second or more."""
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", cluster.address)
    monkeypatch.setattr(fanout, "RETRIES", 1)
    return cluster


def write_numbers(deadly=(), stuck=(), most=99, seconds=0.0):
    """A job that writes down what it was given. Inside a function, Ray sends it whole: workers cannot import a test."""

    def job(folder, numbers, *, left_out, dry, advance):
        import os
        import time
        from pathlib import Path

        kept = [number for number in numbers if number not in left_out]
        time.sleep(seconds)
        if set(kept) & set(deadly) or len(kept) > most:
            os.kill(os.getpid(), 9)
        if set(kept) & set(stuck):
            time.sleep(1000)
        if not dry:
            with Path(folder, f"{numbers[0]}").open("a") as file:
                print(*kept, os.environ.get("CUDA_VISIBLE_DEVICES"), os.getpid(), os.getppid(), file=file)
        return {"num_quarantined": len(numbers) - len(kept)}

    return job


def jobs_of(folder, num_jobs, num_items=4):
    numbers = [range(start, start + num_items) for start in range(0, num_jobs * num_items, num_items)]
    return [Job(f"job {own[0]}", (str(folder), tuple(own)), num_items, partial(tuple, own)) for own in numbers]


def done(function, jobs, minutes=30.0):
    meter = Meter()
    with fan_out(WorkersConfig(job_minutes=minutes)) as run_everywhere:
        run_everywhere(function, jobs, meter)
    return meter


def written(folder):
    """Per job the numbers it kept; each job is written once."""
    found = {}
    for path in folder.iterdir():
        (line,) = path.read_text().splitlines()
        found[int(path.name)] = [int(word) for word in line.split()[:-3]]
    return [number for first in sorted(found) for number in found[first]]


# ---------------------------------------------------------------- the same scores

WORDS = [
    "a",
    "lovely",
    "fine",
    "film",
    "acting",
    "story",
    "of",
    "the",
    "what",
    "and",
    "awful",
    "dull",
    "truly",
    "kane",
    "is",
    "not",
    "it",
    ";",
    ".",
    "deadly",
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A BERT of two layers with random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {token: i for i, token in enumerate([*special, *WORDS])}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    core.normalizer, core.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, vocabulary[token]) for token in special]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=core, **names).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    model = BertForSequenceClassification(
        BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, id2label={0: "bad", 1: "good"}, **sizes)
    )
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    return model_spec(folder, 64)


SHARD = pa.schema([
    ("example_id", pa.int64()), ("source_id", pa.string()), ("text", pa.string()), ("pair_start", pa.int32()),
    ("label_id", pa.int32()), ("n_tokens", pa.int32()), ("n_cut", pa.int32()),
])  # fmt: skip


def shards_of(folder, num_shards, texts_each, deadly=()):
    shards = []
    for k in range(num_shards):
        rows = []
        for i in range(k * texts_each, (k + 1) * texts_each):
            words = [WORDS[(i * 7 + j * (1 + i % 3)) % (len(WORDS) - 1)] for j in range(3 + i % 5)]
            text = " ".join([*words, "deadly"] if i in deadly else words)
            rows.append({"example_id": i, "source_id": str(i), "text": text, "pair_start": None, "label_id": i % 2, "n_tokens": len(words) + 2, "n_cut": 0})  # fmt: skip
        shards.append(folder / f"shard-{k:05d}.json")
        write_part(shards[-1], {"examples": pa.Table.from_pylist(rows, schema=SHARD)}, {"num_examples": len(rows)})
    return shards


def content(folder):
    """The bytes of the parts; a manifest also names the folder that it is in."""
    place = f'"{folder.parent.name}/{folder.name}/'.encode()
    files = [path for path in folder.iterdir() if path.name.startswith(("part", "plan"))]
    return {path.name: path.read_bytes().replace(place, b'"') for path in files}


def examples_of(parts):
    return [row for part in parts for row in pq.read_table(part_file(part, "examples")).to_pylist()]


@pytest.fixture
def one_thread(monkeypatch):
    """As on the workers of a cluster."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_workers_write_the_parts_of_this_process_to_the_byte(workers, tiny, tmp_path, one_thread, monkeypatch):
    shards = shards_of(tmp_path / "shards", 5, 12)
    group = [{
        "kind": "word", "label": "good", "word": "lovely", "type": "ordinary",
        "held": [{"example_id": 1, "spans": [{"span_start": 0, "span_end": 4}]}, {"example_id": 2, "spans": [{"span_start": 0, "span_end": 3}]}],
        "others": [3, 20, 40], "replacements": ["fine", "dull"], "inserts": ["lovely"],
    }]  # fmt: skip

    def everything(folder):
        parts = attribute_shards.fn(shards, tiny, AttributionConfig(max_quarantined=1.0), folder)
        trials = (group, shards, parts, tiny, "float32", VerificationConfig(), folder / "part-trials.json")
        done(try_group, [Job("trials", trials, 1, lambda: ())])
        return content(folder)

    there = everything(tmp_path / "there")
    monkeypatch.delenv("TOKEN_AUDIT_WORKERS")
    here = everything(tmp_path / "here")
    assert len(here) == 5 * 3 + 4 + 3
    assert there == here


def deadly_word(real):
    """The function as it is, in a process that is killed when the model's tokenizer meets the word `deadly`."""

    def job(*arguments, **keywords):
        import os

        from tasks.attribution import part, pilot

        read = part.read_texts

        def read_or_die(classifier, rows, model):
            if any("deadly" in row["text"] for row in rows):
                os.kill(os.getpid(), 9)
            return read(classifier, rows, model)

        part.read_texts = pilot.read_texts = read_or_die
        try:
            return real(*arguments, **keywords)
        finally:
            part.read_texts = pilot.read_texts = read

    return job


def test_a_text_that_kills_its_worker_is_quarantined_and_the_others_have_their_scores(
    workers, tiny, tmp_path, one_thread, monkeypatch
):
    """In the pilot as well, which does without it."""
    shards = shards_of(tmp_path / "shards", 2, 2, deadly={1})
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setattr(fanout, "RETRIES", 0)
    with monkeypatch.context() as deadly:
        for name in ("plan_run", "attribute_part"):
            deadly.setattr(tasks.attribute, name, deadly_word(getattr(tasks.attribute, name)))
        with pytest.raises(AttributionError, match=r"1 of 4 examples .* kill their worker \(1 of them\), more than"):
            attribute_shards.fn(shards, tiny, AttributionConfig(max_quarantined=0.2), there)
    assert {row["example_id"] for row in pq.read_table(part_file(there / "plan.json", "pilot")).to_pylist()} <= {
        0,
        2,
        3,
    }
    # The parts are whole: with a looser limit nothing is computed again, and nobody is asked.
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", "no address")
    parts = attribute_shards.fn(shards, tiny, AttributionConfig(max_quarantined=0.3), there)
    monkeypatch.delenv("TOKEN_AUDIT_WORKERS")
    here.mkdir()
    for path in there.glob("plan*"):
        (here / path.name).write_bytes(path.read_bytes())
    plain = attribute_shards.fn(shards, tiny, AttributionConfig(), here)
    unread = dict.fromkeys(examples_of(parts)[0])
    assert examples_of(parts) == [
        row if row["example_id"] != 1 else {**unread, "example_id": 1, "converged": False, "reason": "worker died"}
        for row in examples_of(plain)
    ]
    tokens = [pq.read_table(part_file(some[0], "tokens")).to_pylist() for some in (parts, plain)]
    assert tokens[0] == [row for row in tokens[1] if row["example_id"] != 1]
    facts = read_manifest(parts[0])
    assert (facts["num_examples"], facts["num_planned"], facts["num_died"], facts["num_quarantined"]) == (2, 2, 1, 1)


def test_verification_leaves_out_a_text_and_counts_it(tiny, tmp_path):
    shards = shards_of(tmp_path / "shards", 1, 8)
    group = [{
        "kind": "word", "label": "good", "word": "a", "type": "ordinary", "held": [{"example_id": i, "spans": [{"span_start": 0, "span_end": 1}]} for i in (0, 3)],
        "others": [4, 5], "replacements": [], "inserts": ["a"],
    }]  # fmt: skip
    part = tmp_path / "part-00000.json"
    parts = attribute_shards.fn(shards, tiny, AttributionConfig(max_quarantined=1.0), tmp_path / "parts")
    arguments = (group, shards, parts, tiny, "float32", VerificationConfig(), part)
    assert try_group(*arguments, left_out=frozenset({0, 4, 99}), dry=True)["num_trials"] == 3
    assert not part.exists()
    assert try_group(*arguments, left_out=frozenset({0, 4, 99}))["num_quarantined"] == 2
    assert {row["example_id"] for row in pq.read_table(part_file(part, "trials")).to_pylist()} == {3, 5}
    # The part is of this group, with or without the texts: a repeat leaves it alone.
    assert try_group(*arguments)["num_quarantined"] == 2


# ---------------------------------------------------------------- faults


def test_items_that_kill_or_hold_up_their_worker_are_found_among_many(workers, tmp_path):
    meter = done(write_numbers(deadly=[3, 17], stuck=[5]), jobs_of(tmp_path, 3, 8), minutes=3 / 60)
    assert written(tmp_path) == [number for number in range(24) if number not in (3, 5, 17)]
    assert (meter["done"], meter["quarantined"]) == (24, 3)
    assert meter["retries"] > 3


def test_workers_that_die_before_the_first_item_end_the_run_in_a_sentence(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(fanout, "RETRIES", 0)
    with pytest.raises(AttributionError, match="Workers die at job 0 before its first example"):
        done(write_numbers(most=-1), jobs_of(tmp_path, 1))


def test_a_job_that_dies_without_a_culprit_ends_the_run_in_a_sentence(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(fanout, "RETRIES", 0)
    with pytest.raises(AttributionError, match="at none of its examples by itself"):
        done(write_numbers(most=3), jobs_of(tmp_path, 1))


def test_errors_of_a_worker_are_the_sentences_they_are_here(workers, tmp_path, monkeypatch):
    def refuse(*arguments, left_out, dry, advance):
        from configs.errors import ModelError

        raise ModelError("The model is of a kind that is refused.")

    with pytest.raises(AuditError) as caught:
        done(refuse, jobs_of(tmp_path, 1))
    assert (type(caught.value).__name__, str(caught.value)) == ("ModelError", "The model is of a kind that is refused.")
    with pytest.raises(FileNotFoundError):
        done(write_numbers(), jobs_of(tmp_path / "not shared", 1))
    monkeypatch.setattr(fanout, "code_version", lambda: "another")
    with pytest.raises(AuditError, match="another version of token-audit"):
        done(write_numbers(), jobs_of(tmp_path, 1))


def test_jobs_in_flight_are_few_and_every_worker_has_a_gpu_of_its_own(workers, tmp_path, monkeypatch):
    waited_for = []
    wait = ray.wait
    monkeypatch.setattr(ray, "wait", lambda refs, **how: waited_for.append(len(refs)) or wait(refs, **how))
    monkeypatch.setattr(fanout, "IN_FLIGHT", 3)
    meter = done(write_numbers(), jobs_of(tmp_path, 60, 1))
    assert written(tmp_path) == list(range(60))
    assert max(waited_for) == 3 * 2
    seen = {tuple(path.read_text().split()[-3:-1]) for path in tmp_path.iterdir()}
    # One process for each of the two nodes, kept from job to job; each node calls its only GPU 0.
    assert {device for device, _ in seen} == {"0"}
    assert len(seen) == 2
    assert (meter["done"], meter["retries"]) == (60, 0)


def test_a_node_that_goes_away_loses_nothing(workers, tmp_path):
    third = workers.add_node(**NODE)
    raylet = str(third.all_processes["raylet"][0].process.pid)
    gone = []

    class Watching(Meter):
        def __call__(self, amount):
            super().__call__(amount)
            seen = [path.read_text().split() for path in tmp_path.iterdir()]
            # Its worker has begun, and is in the middle of its next job. It would outlive its node for a second.
            for pid in [int(line[-2]) for line in seen if line[-1:] == [raylet] and not gone]:
                time.sleep(0.2)
                os.kill(pid, signal.SIGKILL)
                gone.append(workers.remove_node(third, allow_graceful=False))
                break

    meter = Watching()
    with fan_out(WorkersConfig()) as run_everywhere:
        run_everywhere(write_numbers(seconds=0.5), jobs_of(tmp_path, 40, 1), meter)
    assert gone
    assert written(tmp_path) == list(range(40))
    assert (meter["done"], meter["quarantined"]) == (40, 0)
    assert meter["retries"] >= 1


STOPPED = """
import signal, sys, time
from configs.schema import WorkersConfig
from tasks.runtime.workers import Job, fan_out

def job(*, left_out, dry, advance):
    time.sleep(1000)

class Meter:
    def count(self, **amounts): pass

signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    with fan_out(WorkersConfig()) as run_everywhere:
        print("connected", flush=True)
        run_everywhere(job, [Job(str(i), (), 1, tuple) for i in range(4)], Meter())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_the_workers_within_seconds(tmp_path, how):
    """Local workers, which are processes of the one that is stopped."""
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED)
    environment = {**os.environ, "TOKEN_AUDIT_WORKERS": "2", "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )  # fmt: skip
    try:
        # Nothing else is on standard output, and the workers need a moment to begin.
        assert process.stdout.readline() == "connected\n"
        time.sleep(2)
        children = descendants(process.pid)
        assert len(children) > 3
        started = time.monotonic()
        # As a terminal does, to everything that is still in the group.
        os.killpg(process.pid, how)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, ""), err
        assert "Traceback" not in err
        assert time.monotonic() - started < 15
        deadline = time.monotonic() + 10
        while alive := [pid for pid in children if is_alive(pid)]:
            assert time.monotonic() < deadline, alive
            time.sleep(0.1)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


OUTSIDE = """
import os, sys
from pathlib import Path
from tests.test_fanout import done, jobs_of, write_numbers

done(write_numbers(), jobs_of(Path(sys.argv[1]), 4))
print(os.getpid())
"""


def test_a_driver_outside_the_cluster_hands_out_the_same_jobs(tmp_path):
    """By ray://, through the Ray client."""
    ports = [str(free_port()) for _ in range(3)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "RAY_AUTH_MODE": "disabled"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "TOKEN_AUDIT_WORKERS": f"ray://127.0.0.1:{ports[1]}"}
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus", "2", "--port", ports[0],
        "--ray-client-server-port", ports[1], "--runtime-env-agent-port", ports[2], "--include-dashboard", "false",
        "--object-store-memory", str(100 * 2**20),
    ]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, start_new_session=True, **quiet) as head:
        try:
            deadline = time.monotonic() + 90
            # The client's server takes no driver before the agent is there.
            while not (answers("127.0.0.1", ports[1]) and answers(ray.util.get_node_ip_address(), ports[2])):
                assert time.monotonic() < deadline
                time.sleep(0.2)
            folder = tmp_path / "numbers"
            folder.mkdir()
            driver = subprocess.run(
                [sys.executable, "-c", OUTSIDE, folder], env=environment, capture_output=True, text=True, timeout=120
            )
            assert driver.returncode == 0, driver.stderr
            assert written(folder) == list(range(16))
            assert driver.stdout.strip() not in {path.read_text().split()[-2] for path in folder.iterdir()}
        finally:
            children = descendants(head.pid)
            head.terminate()
            with suppress(subprocess.TimeoutExpired):
                head.wait(20)
            for pid in (head.pid, *children):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def answers(host, port):
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def descendants(pid):
    """All processes below one, which have it for a parent, or for a parent's parent."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# ---------------------------------------------------------------- where


def test_without_the_variable_jobs_run_here_in_their_order(tmp_path, monkeypatch):
    monkeypatch.delenv("TOKEN_AUDIT_WORKERS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert done(write_numbers(), jobs_of(tmp_path, 3))["quarantined"] == 0
    assert {path.read_text().split()[-2] for path in tmp_path.iterdir()} == {str(os.getpid())}


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", "2")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        AuditError, match=r"needs Ray, which is not installed\. Install it with `pip install 'ray\[client\]'`"
    ):
        done(None, [])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("two", "should be a number of processes, devices such as cuda:0,cuda:1, or the address"),
        ("0", "should be a number of processes"),
        ("cpu,cpu", "should be a number of processes"),
        ("cuda:0,cuda:0", "should be a number of processes"),
        ("cuda:0,cuda:9", "torch finds 2 GPUs on this machine"),
        ("3", "this machine has 2 GPUs"),
    ],
)
def test_a_place_that_is_none_is_one_sentence(monkeypatch, given, said):
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", given)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(AuditError) as caught:
        done(None, [])
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"TOKEN_AUDIT_WORKERS={given}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "num_gpus", "device", "where"),
    [
        ("4", 0, None, ("local", 4, 0, None)),
        ("2", 2, None, ("local", 2, 2, "0,1")),
        ("4", 2, "cpu", ("local", 4, 0, None)),
        ("cuda:1", 2, None, ("local", 1, 1, "1")),
        ("cuda:2, cuda:0", 3, None, ("local", 2, 2, "2,0")),
        ("ray", 0, None, ("auto", None, None, None)),
        ("10.0.0.7:6379", 0, None, ("10.0.0.7:6379", None, None, None)),
        ("ray://head:10001", 0, None, ("ray://head:10001", None, None, None)),
    ],
)
def test_the_variable_says_where(monkeypatch, given, num_gpus, device, where):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("TOKEN_AUDIT_DEVICE", raising=False)
    if device is not None:
        monkeypatch.setenv("TOKEN_AUDIT_DEVICE", device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: num_gpus)
    monkeypatch.setattr(fanout, "_num_processors", lambda: 8)
    arguments, threads, visible = fanout._where(given)
    found = arguments["address"], arguments.get("num_cpus"), arguments.get("num_gpus"), visible
    assert found == where
    assert threads == (1 if where[1] is None else 8 // where[1])
