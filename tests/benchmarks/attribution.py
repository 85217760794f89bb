"""Speed, accuracy and memory of attribution, beside Captum on the same texts: `make benchmark`, after `make audit`.

Every engine explains the same thing: the log-odds margin of the predicted label, at the word embeddings, against
[MASK], by the demo's classifier; layer-wise relevance, the default, explains it without a baseline. Each case runs in a
process of its own, in rounds, so that the noise of the machine falls on all of them; the figures are medians over the
rounds. Error of a text: sum over tokens of |score - reference| over the sum of |reference|, the reference being
Gauss-Legendre with 256 nodes in float32 (float64 on a subset, whose difference is printed). Results go to tests/benchmarks/results/attribution.json.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from configs.attribution import ON_THE_PATH, AttributionConfig
from configs.load import load_config
from tasks.attribution.batches import batches, by_length, engine_for, predict, target_ids
from tasks.attribution.gradients import explained_scalar
from tasks.attribution.part import attribute_shard
from tasks.attribution.pilot import plan_of
from tasks.attribution.quadrature import quadrature
from tasks.finetune import obtain_classifier
from tasks.model.forward import Inputs, inputs_of
from tasks.model.layers import WORD_EMBEDDINGS, logits_at
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.model.tokens import Encoded, encode
from tasks.runs.run import SHARD_TOKENS
from tasks.runtime.parts import part_file, write_part
from tests.benchmarks.memory import peak_rss_mb

RESULTS = Path(__file__).parent / "results" / "attribution.json"
CACHE = Path("runs/.benchmark")
THREADS = 2
NUM_SHORT, NUM_LONG = 240, 16
EVERY = {"short": 4, "long": 4}
"""Engines that take one text at a time get every fourth of them."""
CHECKED = {"short": 4, "long": 4}
"""The error is looked at on every fourth text: the reference costs more than all engines together."""
TOLERANCE = 0.025
"""90th percentile of the token error that `document` mode and the tuned peer have to reach."""


@cache
def model() -> ModelSpec:
    return replace(obtain_classifier.fn(load_config(Path("configs/reviews.yaml"))), max_tokens=512)


@cache
def texts(kind: str) -> tuple[str, ...]:
    """`short`: held-out reviews, evenly spread over the file. `long`: reviews joined to 128 to 512 tokens."""
    table = pq.read_table("warehouse/seeds/movie_reviews.parquet", filters=[("split", "=", "test")], columns=["text"])
    reviews = table["text"].to_pylist()
    if kind.startswith("short"):
        count = int(kind.removeprefix("short") or NUM_SHORT)
        return tuple(reviews[:: len(reviews) // count][:count])
    tokenizer = load_classifier(model()).tokenizer
    joined, place = [], 0
    for wanted in np.linspace(128, 510, NUM_LONG):
        text = reviews[place % len(reviews)]
        while len(tokenizer(text)["input_ids"]) < wanted:
            place += 1
            text += " " + reviews[place % len(reviews)]
        joined.append(text)
        place += 1
    return tuple(joined)


@cache
def encoded(kind: str) -> list[Encoded]:
    return encode(load_classifier(model()).tokenizer, texts(kind), None, 512)


# ---------------------------------------------------------------- reference


def checked(kind: str) -> list[int]:
    """The texts whose error is looked at."""
    return list(range(0, len(texts(kind)), CHECKED[kind]))


def reference(kind: str, double: bool = False, nodes: int = 256) -> dict[int, np.ndarray]:
    """Scores (T,) of each checked text by Gauss-Legendre, of some of them in float64; kept on disk, because it takes minutes."""
    wanted = checked(kind)[: 1 if kind == "long" else 3] if double else checked(kind)
    read = [texts(kind)[i] for i in wanted]
    name = hashlib.sha256(repr((model().fingerprint, read, nodes, double)).encode()).hexdigest()[:16]
    path = CACHE / f"{kind}-{nodes}-{name}.npz"
    if path.is_file():
        with np.load(path) as stored:
            return {i: stored[f"arr_{k}"] for k, i in enumerate(wanted)}
    classifier = load_classifier(model())
    if double:
        classifier = replace(classifier, model=classifier.model.double())
    engine = engine_for(classifier, AttributionConfig(mode="fixed"))
    pieces = [encoded(kind)[i] for i in wanted]
    logits = predict(engine, pieces)
    places, weights = quadrature("gauss_legendre", nodes)
    scores: dict[int, np.ndarray] = {}
    for chosen, batch in batches(engine, pieces, target_ids(engine, logits, [0] * len(pieces)), logits, "mask"):
        for b, i in enumerate(chosen):
            swept = batch.sweep(torch.full((nodes,), b), torch.tensor(places))
            scores[i] = weights @ swept.integrand_RT.double().numpy()
    found = [scores[i] for i in range(len(pieces))]
    if double:
        classifier.model.float()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, *found)
    return dict(zip(wanted, found, strict=True))


def errors(found: dict[int, np.ndarray], kind: str) -> np.ndarray:
    wanted = reference(kind)
    return np.array([np.abs(found[i] - exact).sum() / np.abs(exact).sum() for i, exact in wanted.items() if i in found])


# ---------------------------------------------------------------- engines


def shard_of(folder: Path, kind: str, number: int = 0, chosen: Sequence[int] | None = None) -> Path:
    lengths = [len(piece.ids) for piece in encoded(kind)]
    rows = [
        {
            "example_id": int(i),
            "source_id": str(i),
            "text": texts(kind)[i],
            "pair_start": None,
            "label_id": 0,
            "n_tokens": lengths[i],
            "n_cut": 0,
        }
        for i in (range(len(lengths)) if chosen is None else chosen)
    ]
    schema = pa.schema([
        ("example_id", pa.int64()), ("source_id", pa.string()), ("text", pa.string()), ("pair_start", pa.int32()),
        ("label_id", pa.int32()), ("n_tokens", pa.int32()), ("n_cut", pa.int32()),
    ])  # fmt: skip
    shard = folder / f"shard-{number:05d}.json"
    write_part(shard, {"examples": pa.Table.from_pylist(rows, schema=schema)}, {})
    return shard


def ours(kind: str, dtype: str, **settings: object) -> tuple[Callable[[], dict[int, np.ndarray]], dict[str, object]]:
    """Everything a shard takes: tokenising, prediction, gradients, words, the files on disk. The pilot is counted apart."""
    methods = settings.pop("methods", ON_THE_PATH)
    (method, *_) = methods
    folder = Path(tempfile.mkdtemp())
    shard = shard_of(folder, kind)
    attribution = AttributionConfig(methods=methods, dtype=dtype, **settings)
    engine = engine_for(load_classifier(model(), dtype), attribution)
    started = time.perf_counter()
    plan = plan_of(engine, [shard], model(), folder)
    facts: dict[str, object] = {"pilot_seconds": time.perf_counter() - started}
    part = folder / "part-00000.json"

    def run() -> dict[int, np.ndarray]:
        attribute_shard(shard, engine, model(), plan, part, lambda amount: None)
        table = pq.read_table(part_file(part, "tokens"), columns=["example_id", method]).to_pandas()
        examples = pq.read_table(part_file(part, "examples")).to_pandas()
        facts["gradients_per_doc"] = float(examples["gradients"].mean())
        facts["within_tolerance"] = float(examples["converged"].mean())
        return {i: group[method].to_numpy() for i, group in table.groupby("example_id")}

    return run, facts


def captum(
    kind: str, dtype: str, steps: int, method: str, batch: int | None, rows: int
) -> tuple[Callable[[], dict[int, np.ndarray]], dict[str, object]]:
    """Captum's LayerIntegratedGradients. `batch` None: one text at a time, as people use it, with the convergence delta.

    Otherwise: sorted by length, `batch` texts at a time, padded with a mask, `rows` forward passes at once, parameters
    frozen, no delta.
    """
    from captum.attr import LayerIntegratedGradients

    classifier = load_classifier(model(), dtype)
    network = classifier.model
    network.requires_grad_(batch is None)
    tokenizer = classifier.tokenizer
    layer = network.bert.embeddings.word_embeddings

    def margin(ids, mask, target):
        logits = network(input_ids=ids, attention_mask=mask).logits.float()
        return explained_scalar(
            logits, target.repeat_interleave(len(ids) // len(target)) if len(ids) != len(target) else target, "margin"
        )

    explainer = LayerIntegratedGradients(margin, layer)
    chosen = list(range(0, len(texts(kind)), EVERY[kind])) if batch is None else list(range(len(texts(kind))))

    def explain(group: list[int]) -> dict[int, np.ndarray]:
        read = tokenizer(
            [texts(kind)[i] for i in group], padding=True, truncation=True, max_length=512, return_tensors="pt",
            return_special_tokens_mask=True,
        )  # fmt: skip
        ids, mask = read["input_ids"], read["attention_mask"]
        with torch.no_grad():
            target = network(input_ids=ids, attention_mask=mask).logits.argmax(dim=1)
        baseline = torch.where(read["special_tokens_mask"].bool(), ids, tokenizer.mask_token_id)
        found = explainer.attribute(
            ids, baseline, additional_forward_args=(mask, target), n_steps=steps, method=method,
            internal_batch_size=None if batch is None else max(rows, len(group)), return_convergence_delta=batch is None,
        )  # fmt: skip
        scores_BT = (found[0] if batch is None else found).sum(dim=-1).detach().float().numpy()
        return {i: scores_BT[b, : int(mask[b].sum())] for b, i in enumerate(group)}

    def run() -> dict[int, np.ndarray]:
        scores: dict[int, np.ndarray] = {}
        size = batch or 1
        order = sorted(chosen, key=lambda i: len(texts(kind)[i])) if batch else chosen
        for start in range(0, len(order), size):
            scores |= explain(order[start : start + size])
        return scores

    return run, {"gradients_per_doc": float(steps), "within_tolerance": None}


def gemm_peak(dtype: torch.dtype) -> float:
    """Best FLOP/s of the matrix products that a layer of this size and a large one make."""
    best = 0.0
    for n, k, m in ((1024, 384, 1536), (2048, 2048, 2048)):
        a, b = torch.randn(n, k, dtype=dtype), torch.randn(k, m, dtype=dtype)
        for _ in range(30):
            started = time.perf_counter()
            a @ b
            best = max(best, 2 * n * k * m / (time.perf_counter() - started))
    return best


def flop_per_gradient(kind: str, *, whole: bool) -> float:
    """FLOP of a forward and a backward pass to the embeddings, on average over the texts.

    `whole`: of the model as it is; otherwise of what our engine computes, the last block at the first position.
    """
    classifier = load_classifier(model())
    if whole:
        classifier = replace(classifier, last_block=None)
    total = 0.0
    pieces = encoded(kind)
    for group in by_length(pieces):
        inputs = inputs_of(classifier, [pieces[group[0]]])
        embedded = classifier.word_embeddings(inputs.ids_NT).detach().requires_grad_()
        with FlopCounterMode(display=False) as counter:
            logits = logits_at(classifier, WORD_EMBEDDINGS, inputs, embedded)
            torch.autograd.grad(logits.sum(), embedded)
        total += counter.get_total_flops() * len(group)
    return total / len(pieces)


def transformers_interpret(kind: str) -> tuple[Callable[[], dict[int, np.ndarray]], dict[str, object]]:
    """The explainer as its documentation uses it: one text at a time, its own layer, baseline and scalar; timing only."""
    from transformers_interpret import SequenceClassificationExplainer

    classifier = load_classifier(model())
    explainer = SequenceClassificationExplainer(classifier.model.requires_grad_(), classifier.tokenizer)
    chosen = range(0, len(texts(kind)), EVERY[kind])

    def run() -> dict[int, np.ndarray]:
        for i in chosen:
            explainer(texts(kind)[i])
        return dict.fromkeys(chosen, np.empty(0))

    return run, {"gradients_per_doc": 50.0, "within_tolerance": None}


SWEPT = {"short": ((8, 32), (16, 32), (16, 64), (32, 64), (32, 128)), "long": ((2, 4), (4, 4), (4, 8), (8, 8), (8, 16))}
"""Texts in a batch and forward passes at once that the tuned peer is tried with (`--sweep`)."""
TUNED = {"short": {"batch": 16, "rows": 64}, "long": {"batch": 4, "rows": 4}}
"""The best of them."""
STEPS = {
    "short": {"float32": (16, 18), "bfloat16": (16, 18)},
    "long": {"float32": (12, 14), "bfloat16": (14, 18)},
}
"""Midpoint steps of the tuned peer: around the fewest that meet the tolerance. Gauss-Legendre, its default, needs more (`corpus.py`)."""


def cases(kind: str) -> dict[str, tuple[Callable[..., object], dict[str, object]]]:
    one_by_one = {"dtype": "float32", "steps": 50, "method": "gausslegendre", "batch": None, "rows": 0}
    listed: dict[str, tuple[Callable[..., object], dict[str, object]]] = {
        "captum as used": (captum, one_by_one),
    }
    if kind == "short":
        listed["transformers-interpret"] = (transformers_interpret, {})
    for dtype in ("float32", "bfloat16"):
        for steps in STEPS[kind][dtype]:
            listed[f"captum tuned, midpoint {steps}, {dtype}"] = (
                captum, {"dtype": dtype, "steps": steps, "method": "riemann_middle", **TUNED[kind]},
            )  # fmt: skip
        listed[f"relevance, {dtype}"] = (ours, {"dtype": dtype, "mode": "corpus", "methods": ("relevance",)})
        listed[f"document {TOLERANCE:.3f}, {dtype}"] = (
            ours,
            {"dtype": dtype, "mode": "document", "tolerance": TOLERANCE},
        )
        for gradients in (3, 5) if kind == "short" else (5,):
            listed[f"corpus {gradients}, {dtype}"] = (ours, {"dtype": dtype, "mode": "corpus", "gradients": gradients})
    return listed


def measure(kind: str, name: str, seconds: float) -> dict[str, object]:
    """One case, in this process."""
    torch.set_num_threads(THREADS)
    make, settings = cases(kind)[name]
    run, facts = make(kind, **settings)  # type: ignore[misc]
    times: list[float] = []
    started = time.perf_counter()
    found = run()
    first = time.perf_counter() - started
    # A long first run is warm for nearly all of its time.
    if first > 3 * seconds:
        times.append(first)
    while sum(times) < seconds:
        started = time.perf_counter()
        found = run()
        times.append(time.perf_counter() - started)
    rate = len(found) / float(np.median(times))
    peak = peak_rss_mb()
    dtype = str(settings.get("dtype", "float32"))
    row: dict[str, object] = {
        "engine": name,
        "texts": kind,
        "dtype": dtype,
        "mode": str(settings.get("mode", "peer")),
        "docs_per_s": rate,
    }
    row |= {"peak_rss_mb": peak, **facts}
    # Relevance is no integral, and the other explainer has a baseline of its own.
    if name != "transformers-interpret" and not name.startswith("relevance"):
        token_error = errors(found, kind)
        row |= {f"p{q}_token_error": float(np.quantile(token_error, q / 100)) for q in (50, 90, 99)}
    gradients = float(str(facts["gradients_per_doc"]))
    # Ours predict every text once besides: half of a gradient. The peers do, too.
    flop = flop_per_gradient(kind, whole=row["mode"] == "peer") * (gradients + 0.5) * rate
    row["share_of_gemm_peak"] = flop / gemm_peak(torch.bfloat16 if dtype == "bfloat16" else torch.float32)
    return row


def driver(kinds: list[str], rounds: int, seconds: float, only: str | None) -> None:
    for kind in kinds:
        started = time.perf_counter()
        reference(kind)
        off = [
            np.abs(reference(kind)[i] - exact).sum() / np.abs(exact).sum()
            for i, exact in reference(kind, double=True).items()
        ]
        print(
            f"{kind}: {len(texts(kind))} texts, reference {time.perf_counter() - started:.0f} s; float32 against float64, largest error {max(off):.1e}",
            flush=True,
        )
        collected: dict[str, list[dict[str, object]]] = {}
        for _ in range(rounds):
            for name in cases(kind):
                if only is not None and only not in name and name != "captum as used":
                    continue
                command = [sys.executable, __file__, "--kind", kind, "--case", name, "--seconds", str(seconds)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    print(
                        f"{kind} / {name}: left out ({(done.stderr.strip().splitlines() or ['no message'])[-1][:160]})",
                        flush=True,
                    )
                    continue
                collected.setdefault(name, []).append(json.loads(done.stdout.splitlines()[-1]))
            # After each round: a benchmark that is stopped keeps those that are done.
            rows = rows_of(collected)
            save({"rows": rows})
        for row in rows:
            if row["texts"] == kind:
                print(table_line(row), flush=True)


def rows_of(collected: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
    """What was measured, medians over the rounds, among the rows that the file has of the other cases; ratios within each kind of texts."""
    new: list[dict[str, object]] = []
    for found in collected.values():
        row = dict(found[0])
        for name in ("docs_per_s", "share_of_gemm_peak"):
            row[name] = float(np.median([float(str(one[name])) for one in found]))
        row["rounds"] = len(found)
        new.append(row)
    known = json.loads(RESULTS.read_text())["rows"] if RESULTS.is_file() else []
    # A case that is no more leaves no row behind.
    kept = {(kind, engine) for kind in TUNED for engine in cases(kind)} - {(row["texts"], row["engine"]) for row in new}
    rows = [row for row in known if (row["texts"], row["engine"]) in kept] + new
    for kind in {str(row["texts"]) for row in new}:
        compared([row for row in rows if row["texts"] == kind])
    return rows


def compared(rows: list[dict[str, object]]) -> None:
    """Add their ratios to the peers to the rows of one kind of texts."""
    rate = {str(row["engine"]): float(str(row["docs_per_s"])) for row in rows}
    for row in rows:
        exact = [
            rate[str(peer["engine"])]
            for peer in rows
            if str(peer["engine"]).startswith("captum tuned") and peer["dtype"] == row["dtype"] and float(str(peer["p90_token_error"])) <= TOLERANCE
        ]  # fmt: skip
        row["times_captum_as_used"] = rate[str(row["engine"])] / rate["captum as used"]
        row["step_gain"] = 50 / float(str(row["gradients_per_doc"]))
        row["systems_gain"] = row["times_captum_as_used"] / row["step_gain"]
        row["times_captum_tuned"] = rate[str(row["engine"])] / max(exact) if exact else None
        row |= on_words(row)


def measure_cost() -> None:
    save(
        {
            "sizes": sizes(),
            "operators": {dtype: operators(dtype) for dtype in ("float32", "bfloat16")},
            "designs": [row for dtype in ("float32", "bfloat16") for row in designs(dtype)],
        }
    )


def save(found: dict[str, object]) -> None:
    """Put what was measured beside what the file holds already."""
    header = {
        "machine": platform.processor() or platform.machine(), "cpu": cpu_name(), "threads": THREADS,
        "python": platform.python_version(), **{name: version(name) for name in ("torch", "transformers", "captum")},
        "gemm_gflops": {name: gemm_peak(dtype) / 1e9 for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))},
    }  # fmt: skip
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known | {"header": header} | found, indent=1) + "\n")
    print(f"written to {RESULTS}", flush=True)


def on_words(row: dict[str, object]) -> dict[str, object]:
    """What so many gradients a text do to the figures on words, as `corpus.py` found it, and the gain to a given interval width."""
    found = json.loads((RESULTS.parent / "corpus.json").read_text())["corpus"] if row["mode"] == "corpus" else []
    match = next((one for one in found if one["gradients"] == round(float(str(row["gradients_per_doc"])))), None)
    if match is None:
        return {"word_error_in_se": None, "se_inflation": None, "times_captum_to_width": None}
    gain = float(str(row["times_captum_as_used"])) / (1 + match["se_inflation"]) ** 2
    return {name: match[name] for name in ("word_error_in_se", "se_inflation")} | {"times_captum_to_width": gain}


def sizes(dtype: str = "float32") -> list[dict[str, object]]:
    """Seconds and peak memory of `corpus` mode with 5 gradients on 1, 2, 4 and 16 times the texts, and the exponents of its cost."""
    rows: list[dict[str, object]] = []
    for num in (120, 240, 480, 1920):
        command = [sys.executable, __file__, "--kind", f"short{num}", "--case", f"size, {dtype}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(
            f"{num} texts\t{rows[-1]['tokens']} tokens\t{rows[-1]['seconds']:.1f} s\t{rows[-1]['peak_rss_mb']:.0f} MB",
            flush=True,
        )
    tokens, seconds = (np.log([float(str(row[name])) for row in rows]) for name in ("tokens", "seconds"))
    print(f"cost grows like tokens ** {np.polyfit(tokens, seconds, 1)[0]:.3f}", flush=True)
    return rows


def measure_size(kind: str, dtype: str) -> dict[str, object]:
    """The texts as an audit cuts them into shards: by length, so many tokens each."""
    folder = Path(tempfile.mkdtemp())
    lengths = [len(piece.ids) for piece in encoded(kind)]
    order = np.argsort(lengths, kind="stable")
    cuts = np.flatnonzero(np.diff((np.cumsum(np.array(lengths)[order]) - 1) // SHARD_TOKENS)) + 1
    engine = engine_for(load_classifier(model(), dtype), AttributionConfig(dtype=dtype, mode="corpus", gradients=5))
    shards = [shard_of(folder, kind, number, chosen) for number, chosen in enumerate(np.split(order, cuts))]
    plan = plan_of(engine, shards, model(), folder)
    started = time.perf_counter()
    for number, shard in enumerate(shards):
        attribute_shard(shard, engine, model(), plan, folder / f"part-{number:05d}.json", lambda amount: None)
    seconds = time.perf_counter() - started
    return {
        "texts": kind,
        "shards": len(shards),
        "tokens": sum(lengths),
        "seconds": seconds,
        "peak_rss_mb": peak_rss_mb(),
    }


def operators(dtype: str) -> dict[str, float]:
    """Where the time of a gradient goes: shares of the operators of torch, of 32 texts of 32 tokens at a time."""
    classifier = load_classifier(model(), dtype)
    ids_NT = torch.randint(1000, 20000, (32, 32), generator=torch.Generator().manual_seed(0))
    inputs = Inputs(ids_NT, torch.ones_like(ids_NT), None)
    embedded = classifier.word_embeddings(ids_NT).detach().float().requires_grad_()

    def gradient() -> None:
        logits = logits_at(classifier, WORD_EMBEDDINGS, inputs, embedded)
        torch.autograd.grad(logits.sum(), embedded)

    gradient()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(10):
            gradient()
    spent = {event.key: float(event.self_cpu_time_total) for event in profiled.key_averages()}
    total = sum(spent.values())
    shares = {name: time / total for name, time in sorted(spent.items(), key=lambda item: -item[1])[:12]}
    for name, share in shares.items():
        print(f"{dtype}\t{share:.1%}\t{name}", flush=True)
    return shares


def designs(dtype: str) -> list[dict[str, object]]:
    """Microseconds a token of a gradient, with and without what the engine leaves out or chooses; medians of nine turns."""
    classifier = load_classifier(model(), dtype)
    fused = replace(classifier, two_attentions=False)
    variants = {
        "as it is": classifier,
        "whole last block": replace(classifier, last_block=None),
        "fused attention": fused,
    }
    rows: list[dict[str, object]] = []
    for num_tokens, num_texts in ((28, 36), (64, 16), (256, 4), (28, 72), (28, 144)):
        ids_NT = torch.randint(1000, 20000, (num_texts, num_tokens), generator=torch.Generator().manual_seed(0))
        inputs = Inputs(ids_NT, torch.ones_like(ids_NT), None)
        embedded = classifier.word_embeddings(ids_NT).detach().float().requires_grad_()
        spent: dict[str, list[float]] = {name: [] for name in variants}
        for turn in range(10):
            for name, variant in variants.items():
                if name == "fused attention":
                    variant.model.set_attn_implementation("sdpa")  # type: ignore[operator]
                started = time.perf_counter()
                torch.autograd.grad(logits_at(variant, WORD_EMBEDDINGS, inputs, embedded).sum(), embedded)
                if turn:
                    spent[name].append((time.perf_counter() - started) * 1e6 / ids_NT.numel())
        medians = {name: float(np.median(times)) for name, times in spent.items()}
        rows.append({"dtype": dtype, "tokens": num_tokens, "texts": num_texts, "microseconds_per_token": medians})
        shown = "\t".join(f"{name} {median:.0f}" for name, median in medians.items())
        print(f"{dtype}\t{num_texts} texts of {num_tokens} tokens\t{shown} microseconds a token", flush=True)
    return rows


def sweep_of_peer(kind: str) -> list[dict[str, object]]:
    """Documents a second of the tuned peer by the size of its batches."""
    swept: list[dict[str, object]] = []
    for batch, rows in SWEPT[kind]:
        run, _ = captum(kind, "float32", STEPS[kind]["float32"][0], "riemann_middle", batch, rows)
        started = time.perf_counter()
        found = run()
        rate = len(found) / (time.perf_counter() - started)
        swept.append({"texts": kind, "batch": batch, "rows": rows, "docs_per_s": rate})
        print(f"{kind}\tbatch {batch}\trows {rows}\t{rate:.2f} documents/s", flush=True)
    return swept


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def table_line(row: dict[str, object]) -> str:
    def number(name: str, form: str) -> str:
        return format(row[name], form) if row.get(name) is not None else "-"

    columns = [
        ("docs_per_s", ".1f"),
        ("times_captum_as_used", ".1f"),
        ("times_captum_tuned", ".2f"),
        ("times_captum_to_width", ".1f"),
        ("step_gain", ".1f"),
        ("systems_gain", ".2f"),
        ("gradients_per_doc", ".1f"),
    ]
    columns += [(f"p{q}_token_error", ".3f") for q in (50, 90, 99)] + [
        ("share_of_gemm_peak", ".2f"),
        ("peak_rss_mb", ".0f"),
        ("pilot_seconds", ".1f"),
    ]
    return "\t".join(
        [str(row["texts"]), f"{row['engine']:<36}", *(f"{name} {number(name, form)}" for name, form in columns)]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", action="append", help="short or long; both without it")
    parser.add_argument("--case", help="measure this case alone, in this process")
    parser.add_argument("--only", help="cases whose name holds this, and captum as used")
    parser.add_argument("--sweep", action="store_true", help="try the tuned peer with several sizes of batches")
    parser.add_argument("--cost", action="store_true", help="only how cost and memory grow, and where the time goes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="least time for a case in a round")
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    torch.set_num_threads(THREADS)
    if arguments.sweep:
        save({"sweep": [row for kind in arguments.kind or ["short", "long"] for row in sweep_of_peer(kind)]})
    elif arguments.cost:
        measure_cost()
    elif (arguments.case or "").startswith("size, "):
        print(json.dumps(measure_size(arguments.kind[0], arguments.case.removeprefix("size, "))))
    elif arguments.case:
        print(json.dumps(measure(arguments.kind[0], arguments.case, arguments.seconds)))
    else:
        driver(arguments.kind or ["short", "long"], arguments.rounds, arguments.seconds, arguments.only)
