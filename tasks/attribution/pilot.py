"""The pilot of a run: where on the path gradients are taken, how many, and a check that they are enough.

Some texts, stratified by length, are computed on a dense grid of places. Half of them fit the warp and choose the
number of gradients. The other half are held out to verify both; the report shows their error. The result is one part,
`plan.json`, so that a run that was killed continues with the same plan.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from configs.errors import AttributionError
from tasks.attribution.batches import Engine, batches, draw, engine_for, predict, target_ids
from tasks.attribution.plan import Plan, corpus_plan, document_plan, stored_plan, warp_in_words, warp_table
from tasks.attribution.warp import FINE_PANELS, PANELS, Integrand, fit_warp, grid
from tasks.model.baselines import baseline_token
from tasks.model.load import load_classifier
from tasks.model.spec import ModelSpec
from tasks.model.tokens import Encoded
from tasks.model.windows import read_texts, windows_of
from tasks.runtime.parts import read_part, write_part


def example_ids(shard: Path) -> list[int]:
    ids: list[int] = read_part(shard, "examples", ["example_id"])["example_id"].to_pylist()
    return ids


def plan_of(
    engine: Engine,
    shards: Sequence[Path],
    model: ModelSpec,
    folder: Path,
    left_out: frozenset[int] = frozenset(),
    advance: Callable[[int], None] = lambda amount: None,
) -> Plan:
    """The stored plan of this run, or a new one from a pilot of its texts, without those in `left_out`."""
    manifest = folder / "plan.json"
    stored = stored_plan(manifest)
    if stored is not None:
        return stored
    chosen = [i for i in pilot_ids(shards, engine.attribution.seed) if i not in left_out]
    if not chosen:
        raise AttributionError("Workers die at every text of the pilot.")
    place = {example_id: k for k, example_id in enumerate(chosen)}
    rows: list[dict[str, Any]] = []
    num_examples = 0
    for shard in shards:
        ids = example_ids(shard)
        num_examples += len(ids)
        if place.keys() & ids:
            table = read_part(shard, "examples")
            rows += table.filter(pc.is_in(table["example_id"], pa.array(sorted(place), pa.int64()))).to_pylist()
    rows.sort(key=lambda row: place[row["example_id"]])
    encoded = read_texts(engine.classifier, rows, model)
    windows = [windows_of(text, engine.classifier, model)[0][0] for text in encoded]
    labels = [row["label_id"] for row in rows]
    attribution = engine.attribution
    unrounded = None
    if attribution.adaptive and attribution.dtype != "float32":
        unrounded = engine_for(load_classifier(model, keep=False), attribution.model_copy(update={"dtype": "float32"}))
    plan = make_plan(engine, chosen, windows, labels, num_examples, manifest, unrounded)
    advance(len(rows))
    return plan


def pilot_ids(shards: Sequence[Path], seed: int) -> list[int]:
    columns = ["example_id", "n_tokens"]
    index = pa.concat_tables([read_part(shard, "examples", columns) for shard in shards])
    ids = index["example_id"].to_pylist()
    return [ids[i] for i in pilot_texts(ids, index["n_tokens"].to_pylist(), seed)]


TEXTS = 64
"""Texts of the pilot: half to fit, half to verify."""


def pilot_texts(example_ids: Sequence[int], num_tokens: Sequence[int], seed: int) -> list[int]:
    """Indices of the pilot's texts, evenly spread over the lengths, in the order of length."""
    order = sorted(range(len(example_ids)), key=lambda i: (num_tokens[i], draw(seed, str(example_ids[i]).encode())))
    wanted = min(TEXTS, len(order))
    return [order[int((k + 0.5) * len(order) / wanted)] for k in range(wanted)]


def make_plan(
    engine: Engine,
    ids: Sequence[int],
    windows: Sequence[Encoded],
    gold: Sequence[int],
    num_examples: int,
    manifest: Path,
    unrounded: Engine | None = None,
) -> Plan:
    """Compute the pilot on these texts, choose and verify the plan for `num_examples`, and write it as a part.

    `unrounded` is the same engine in float32, given where the arithmetic of the run rounds more. More gradients do not
    reduce rounding errors, so the stated errors have to include them.

    Raises:
        AttributionError: the held-out texts show that the plan does not keep what the settings ask for.
    """
    attribution = engine.attribution
    facts = _facts_without_pilot(engine, num_examples)
    logits = predict(engine, windows)
    targets = target_ids(engine, logits, gold)
    rows: list[dict[str, object]] = []
    warp = None
    if attribution.adaptive:
        texts, num_gradients = _finite_integrands(engine, ids, windows, targets, logits, unrounded)
        facts["pilot_gradients"] = num_gradients
        fitted, held_out = texts[::2], texts[1::2] or texts
        warp = fit_warp(fitted)
        choose = corpus_plan if attribution.mode == "corpus" else document_plan
        chosen, rows = choose(attribution, warp, fitted, held_out, num_examples)
        facts |= {"warp": warp_in_words(warp), **chosen}
    plan = Plan(
        facts["gradients"] or attribution.steps,
        facts["last_draw"],
        facts["noise_factor"],
        tuple(facts["error_factors"]),
        warp,
    )
    if attribution.mode == "fixed" and "integrated_gradients" in attribution.computed:
        facts |= {"rule": attribution.rule, "gradients": attribution.steps}
    tables = {
        "pilot": pa.Table.from_pylist(rows, schema=PILOT),
        "warp": warp_table(warp),
    }
    write_part(manifest, tables, facts)
    return plan


def _facts_without_pilot(engine: Engine, num_examples: int) -> dict[str, Any]:
    """The facts of a plan; those that only a pilot gives are null or neutral."""
    unknown = ("rule", "warp", "gradients", "noise", "error_p50", "error_p90", "error_p99", "inflation", "width")
    return {
        "mode": engine.attribution.mode,
        **dict.fromkeys(unknown),
        "n_planned": num_examples,
        "pilot_gradients": 0,
        "baseline_used": baseline_token(engine.classifier, engine.attribution.baseline)[1],
        "last_draw": 1.0,
        "noise_factor": 0.0,
        "error_factors": [],
    }


def _finite_integrands(
    engine: Engine,
    ids: Sequence[int],
    windows: Sequence[Encoded],
    targets: Sequence[int],
    logits: np.ndarray,
    unrounded: Engine | None,
) -> tuple[list[Integrand], int]:
    """The integrands of the pilot that are finite, and the number of gradients that all of them took."""
    baseline = engine.attribution.baseline
    panels = FINE_PANELS if engine.attribution.mode == "document" else PANELS
    texts = dense_integrands(engine, ids, windows, targets, logits, baseline, panels)
    num_gradients = panels * len(windows)
    if unrounded is not None:
        exact = dense_integrands(unrounded, ids, windows, targets, predict(unrounded, windows), baseline)
        texts = [replace(text, unrounded_T=other.integral_T) for text, other in zip(texts, exact, strict=True)]
        num_gradients += PANELS * len(windows)
    texts = [text for text in texts if np.isfinite(text.values_GT).all()]
    if not texts:
        raise AttributionError("The gradients of none of the pilot's texts are numbers. Try attribution.dtype float32.")
    return texts, num_gradients


PILOT = pa.schema(
    [
        ("example_id", pa.int64()),
        ("n_tokens", pa.int32()),
        ("role", pa.string()),
        ("error", pa.float64()),
        ("estimate", pa.float64()),
        ("noise", pa.float64()),
    ]
)


def dense_integrands(
    engine: Engine,
    ids: Sequence[int],
    windows: Sequence[Encoded],
    targets: Sequence[int],
    logits: np.ndarray,
    baseline: str,
    panels: int = PANELS,
) -> list[Integrand]:
    """The integrand of each text on the dense grid."""
    found: dict[int, Integrand] = {}
    for chosen, batch in batches(engine, windows, targets, logits, baseline):
        device = batch.target_B.device
        example_R = torch.arange(len(chosen), device=device).repeat_interleave(panels)
        place_R = torch.tensor(grid(panels)[1:], device=device).repeat(len(chosen))
        swept = batch.sweep(example_R, place_R).integrand_RT.view(len(chosen), panels, -1)
        values_BGT = torch.cat([batch.start_BT[:, None], swept], dim=1).double().cpu().numpy()
        for b, i in enumerate(chosen):
            found[i] = Integrand(ids[i], len(windows[i].ids), values_BGT[b])
    return [found[i] for i in range(len(windows))]
