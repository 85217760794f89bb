"""Run the classifier on texts and on their paths, texts of one length at a time.

Shape letters as in tasks/attribution/gradients.py. A window is what goes through the model at once: a whole text, or
only a part of one that is longer than the model reads.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from configs.attribution import AttributionConfig
from configs.errors import AttributionError
from tasks.attribution.families import FAMILIES
from tasks.attribution.gradients import Budget, Head, Sweep, explained_scalar, is_out_of_memory, sweep
from tasks.attribution.relevance import FrozenFactors, takes_relevance
from tasks.model.baselines import PAD_EVERYWHERE, baseline_activations
from tasks.model.forward import Classifier, Inputs, inputs_of, plain_logits
from tasks.model.layers import PARITY, Layer, activations, find_layer, logits_at, require_explainable
from tasks.model.tokens import Encoded


def batch_tokens(device: torch.device) -> int:
    """Tokens that go through the model at a time: `TOKEN_AUDIT_BATCH_TOKENS`, or what suits the device."""
    given = os.environ.get("TOKEN_AUDIT_BATCH_TOKENS")
    if not given:
        return 1024 if device.type == "cpu" else 32768
    if not given.isdecimal() or int(given) < 1:
        raise AttributionError(f"TOKEN_AUDIT_BATCH_TOKENS={given} should be a whole number of tokens, 1 or more.")
    return int(given)


@dataclass(frozen=True)
class Engine:
    """A classifier, what is explained of it, and how much of it fits into memory at a time."""

    classifier: Classifier
    attribution: AttributionConfig
    layer: Layer
    against: int | None
    budget: Budget

    @property
    def head(self) -> Head:
        head: Head = self.classifier.head  # type: ignore[assignment]
        return head


def engine_for(classifier: Classifier, attribution: AttributionConfig) -> Engine:
    """Resolve what the settings name, and check that the explained forward pass is the model's own.

    Raises:
        AttributionError: there is no such layer or label, or the forward pass from that layer is not the model's.
    """
    for setting in ("target", "against"):
        label = getattr(attribution, setting)
        if label not in (None, "predicted", "gold", *classifier.labels):
            raise AttributionError(
                f"attribution.{setting}: the model has no label {label!r}. Its labels: {', '.join(classifier.labels)}."
            )
    if "relevance" in attribution.computed and not takes_relevance(classifier.model):
        raise AttributionError(
            f"attribution.methods: relevance is defined for models of the types {', '.join(FAMILIES)} with GELU or "
            f"ReLU, and this is a {type(classifier.model).__name__}. Leave it out."
        )
    layer = find_layer(classifier, attribution.layer)
    require_explainable(classifier, layer)
    against = None if attribution.against is None else classifier.labels.index(attribution.against)
    return Engine(classifier, attribution, layer, against, Budget(batch_tokens(classifier.device)))


def by_length(windows: Sequence[Encoded]) -> Iterator[list[int]]:
    """Indices of the windows of each length, shortest first. Batches of one length need no padding and no mask."""
    order = sorted(range(len(windows)), key=lambda i: (len(windows[i].ids), i))
    for _, group in groupby(order, key=lambda i: len(windows[i].ids)):
        yield list(group)


def predict(engine: Engine, windows: Sequence[Encoded]) -> np.ndarray:
    """Logits (window, K) of the plain forward pass, float32.

    Raises:
        AttributionError: a window does not fit into memory even alone, or a logit is not a number.
    """
    logits: dict[int, np.ndarray] = {}
    for group in by_length(windows):
        start = 0
        while start < len(group):
            chosen = group[start : start + engine.budget.rows(len(windows[group[0]].ids))]
            try:
                found_NK = plain_logits(engine.classifier, inputs_of(engine.classifier, [windows[i] for i in chosen]))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if len(chosen) == 1:
                    raise AttributionError(
                        f"A text of {len(windows[chosen[0]].ids)} tokens does not fit into the device's memory, "
                        "not even to be predicted. "
                        "Set model.max_tokens lower, or use a device with more memory."
                    ) from error
                engine.budget.tokens = len(chosen) // 2 * len(windows[chosen[0]].ids)
                continue
            logits.update(zip(chosen, found_NK.cpu().numpy(), strict=True))
            start += len(chosen)
    found = np.stack([logits[i] for i in range(len(windows))])
    if not np.isfinite(found).all():
        raise AttributionError(
            "The model's logits are not all numbers (NaN or infinite). "
            "Its weights are damaged, or its arithmetic overflows: try attribution.dtype float32."
        )
    return found


@dataclass(frozen=True)
class Batch:
    """Pieces of one length, ready to be explained."""

    engine: Engine
    inputs: Inputs
    inputs_BTD: Tensor
    baseline_BTD: Tensor
    target_B: Tensor
    plain_BK: Tensor
    baseline_score_B: Tensor
    start_BT: Tensor
    """The integrand at the baseline."""

    @property
    def score_B(self) -> Tensor:
        return value(self.engine, self.plain_BK, self.target_B)

    def sweep(self, example_R: Tensor, place_R: Tensor, *, frozen: bool = False) -> Sweep:
        """Gradients at places on the paths of these windows, of the network itself or with frozen factors.

        Raises:
            AttributionError: the logits at the input are not those of the plain forward pass.
        """

        def logits_of(points_NTD: Tensor, example_N: Tensor) -> Tensor:
            # The explained scalar is no part of the network: a probability is made by a softmax, too.
            with FrozenFactors() if frozen else nullcontext():
                return logits_at(self.engine.classifier, self.engine.layer, self.inputs.rows(example_N), points_NTD)

        found = sweep(
            logits_of,
            lambda logits_NK, example_N: value(self.engine, logits_NK, self.target_B[example_N]),
            self.inputs_BTD,
            self.baseline_BTD,
            example_R,
            place_R,
            self.engine.budget,
        )
        example_E = example_R[place_R == 1]
        fits_E = torch.tensor([int(example) not in found.too_large for example in example_E.tolist()], dtype=torch.bool)
        _require_parity(
            found.logits_EK[fits_E], self.plain_BK[example_E][fits_E], PARITY[self.engine.attribution.dtype]
        )
        return found


def value(engine: Engine, logits_NK: Tensor, target_N: Tensor) -> Tensor:
    """The explained scalar of each row."""
    return explained_scalar(logits_NK, target_N, engine.attribution.scalar, engine.against, engine.head)


def batches(
    engine: Engine, windows: Sequence[Encoded], targets: Sequence[int], logits: np.ndarray, baseline: str
) -> Iterator[tuple[list[int], Batch]]:
    """The windows in batches of one length that fit into the budget, with the index of each member.

    Texts of one length, target and pattern of special tokens share a baseline, so its score and its gradient
    are computed once for all of them; with two labels that mirror each other, once for both, with the sign turned.
    """
    device, mirrored = engine.classifier.device, _is_mirrored(engine)
    for group in by_length(windows):
        shared: dict[tuple[object, ...], tuple[Tensor, Tensor]] = {}
        size = engine.budget.rows(len(windows[group[0]].ids))
        for start in range(0, len(group), size):
            chosen = group[start : start + size]
            inputs = inputs_of(engine.classifier, [windows[i] for i in chosen])
            keep_BT = _kept(inputs, [windows[i] for i in chosen], baseline)
            inputs_BTD = activations(engine.classifier, engine.layer, inputs).float()
            baseline_BTD = baseline_activations(engine.classifier, engine.layer, inputs, keep_BT, baseline).float()
            target_B = torch.tensor([targets[i] for i in chosen], device=device)
            common_B = torch.ones_like(target_B) if mirrored else target_B
            sign_B = torch.where(target_B == common_B, 1.0, -1.0)
            keys = [_baseline_key(windows[i], 1 if mirrored else targets[i]) for i in chosen]
            missing = {key: b for b, key in reversed(list(enumerate(keys))) if key not in shared}
            if missing:
                index_M = torch.tensor(list(missing.values()), device=device)
                score_M, gradient_MTD = _at_baseline(
                    engine, inputs.rows(index_M), baseline_BTD[index_M], common_B[index_M]
                )
                shared.update(zip(missing, zip(score_M, gradient_MTD, strict=True), strict=True))
            start_BT = torch.stack(
                [((inputs_BTD[b] - baseline_BTD[b]) * shared[key][1]).sum(dim=-1) for b, key in enumerate(keys)]
            )
            score_B = torch.stack([shared[key][0] for key in keys])
            yield (
                chosen,
                Batch(
                    engine,
                    inputs,
                    inputs_BTD,
                    baseline_BTD,
                    target_B,
                    torch.tensor(logits[chosen], device=device),
                    sign_B * score_B,
                    sign_B[:, None] * start_BT,
                ),
            )


def _is_mirrored(engine: Engine) -> bool:
    """Whether the explained scalar of one of two labels is minus that of the other."""
    # Not for a probability p: with the other label its gradient changes sign, but its value becomes 1 - p.
    attribution = engine.attribution
    if attribution.scalar != "margin" or engine.against is not None:
        return False
    return attribution.mirrored(len(engine.classifier.labels), engine.head)


def _kept(inputs: Inputs, windows: Sequence[Encoded], baseline: str) -> Tensor:
    """Which positions keep their embedding in the baseline: padding, and special tokens unless all of it is padding."""
    keep_BT = inputs.mask_NT == 0
    if baseline == PAD_EVERYWHERE:
        return keep_BT
    for b, window in enumerate(windows):
        real = (~keep_BT[b]).nonzero().squeeze(1)
        special = torch.tensor(window.special, dtype=torch.bool, device=keep_BT.device)
        keep_BT[b, real[special]] = True
    return keep_BT


def _baseline_key(window: Encoded, target: int) -> tuple[object, ...]:
    special = tuple((t, window.ids[t]) for t in range(len(window.ids)) if window.special[t])
    return (target, special, None if window.types is None else tuple(window.types))


def _at_baseline(
    engine: Engine, inputs: Inputs, baseline_MTD: Tensor, target_M: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Score and gradient at baselines, one by one within the budget."""
    scores: list[Tensor] = []
    gradients: list[Tensor] = []
    start = 0
    while start < len(target_M):
        rows = slice(start, start + engine.budget.rows(baseline_MTD.shape[1]))
        points_NTD = baseline_MTD[rows].clone().requires_grad_()
        index_N = torch.arange(len(target_M), device=target_M.device)[rows]
        try:
            logits_NK = logits_at(engine.classifier, engine.layer, inputs.rows(index_N), points_NTD)
            score_N = value(engine, logits_NK, target_M[rows])
            (gradient_NTD,) = torch.autograd.grad(score_N.sum(), points_NTD)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if len(index_N) > 1:
                engine.budget.tokens = len(index_N) // 2 * baseline_MTD.shape[1]
                continue
            # The text does not fit either: it is quarantined later, with its reason.
            score_N, gradient_NTD = target_M[rows] * torch.nan, torch.full_like(points_NTD, torch.nan)
        scores += list(score_N.detach().float())
        gradients += list(gradient_NTD.float())
        start += len(index_N)
    return scores, gradients


def _require_parity(explained_NK: Tensor, plain_NK: Tensor, share: float) -> None:
    if not len(explained_NK):
        return
    difference = float((explained_NK - plain_NK).abs().max())
    allowed = share * max(1.0, float(plain_NK.abs().max()))
    if not difference <= allowed:
        raise AttributionError(
            "The explained forward pass is not the model's own: "
            f"logits differ by {difference:.2g}, allowed is {allowed:.2g}. Nothing was stored. "
            "This architecture does something between its embeddings and its first layer that cannot be explained "
            "here."
        )


def draw(seed: int, content: bytes) -> float:
    """A number in [0, 1) that depends on nothing but the seed and the content: not on the batch, the shard or the
    machine."""
    key = hashlib.blake2b(content, digest_size=8, key=str(seed).encode()).digest()
    # 53 bits, so that the division is exact and 1 is never reached.
    return (int.from_bytes(key, "big") >> 11) / 2**53


def shift_of(window: Encoded, seed: int) -> float:
    """The random shift of a window's places on its path."""
    return draw(seed, np.array(window.ids, dtype=np.int64).tobytes())


def target_ids(engine: Engine, logits: np.ndarray, gold: Sequence[int]) -> list[int]:
    """The explained label of each text.

    Raises:
        AttributionError: the target of a text is the label it is explained against.
    """
    target = engine.attribution.target
    if target == "predicted":
        found = [int(label) for label in logits.argmax(axis=1)]
    elif target == "gold":
        found = list(gold)
    else:
        found = [engine.classifier.labels.index(target)] * len(gold)
    return found
