"""Compare what the audit feeds a model, and gets from it, with what its users run: once a run, on texts of the dataset.

Their side is loaded anew, from the folder: the saved tokenizer.json by the library `tokenizers`, and
`transformers.pipeline("text-classification")`, which shares neither code nor a loaded module with the audit's side.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from configs.errors import ModelError
from tasks.model.forward import Classifier, inputs_of, plain_logits
from tasks.model.spec import ModelSpec
from tasks.model.tokens import encode, quiet_transformers, split_pair
from tasks.runtime.plugins import first_line

MOST_TEXTS = 1000
"""Texts whose tokens are compared with those of tokenizer.json: some 50 ms."""
_CLASSIFIED = 16
"""Texts that the pipeline classifies as well."""
_SAME = 1e-4
"""Largest difference of two probabilities that rounding explains, in float32."""

Text = Mapping[str, Any]
"""A row with `text` and `pair_start`."""


def require_parity(classifier: Classifier, spec: ModelSpec, texts: Sequence[Text]) -> str:
    """Compare on these texts, which are in the order of their lengths; return what was compared, as a sentence.

    Raises:
        ModelError: the tokens are not those of tokenizer.json or of the pipeline, or the probabilities not those of the
            pipeline.
    """
    with quiet_transformers():
        if require_saved_tokenizer(classifier.tokenizer, spec.folder, texts):
            first = f"{len(texts)} texts have the tokens of the saved tokenizer.json"
        else:
            first = "the folder has no tokenizer.json to compare tokens with"
        if spec.factory is not None:
            return f"{first}; a network of model.factory has no pipeline in transformers to compare probabilities with"
        places = np.unique(np.linspace(0, len(texts) - 1, _CLASSIFIED).round().astype(int))
        classified = [texts[i] for i in places if texts]
        _require_pipeline(classifier, spec, classified)
    return f"{first}; {len(classified)} have the tokens and probabilities of transformers' text-classification pipeline"


def require_saved_tokenizer(tokenizer: Any, folder: Path, texts: Sequence[Text]) -> bool:
    """Whether the folder has a tokenizer.json, which then cuts these texts as the tokenizer does.

    Raises:
        ModelError: the tokenizer cuts one of the texts otherwise than the tokenizer.json of the folder.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return False
    saved = Tokenizer.from_file(str(file))
    saved.no_padding()
    saved.no_truncation()
    pairs = [split_pair(text["text"], text["pair_start"]) for text in texts]
    wanted = saved.encode_batch([first if second is None else (first, second) for first, second in pairs])
    found = encode(tokenizer, [text["text"] for text in texts], [text["pair_start"] for text in texts], None)
    different = [i for i in range(len(texts)) if found[i].ids != wanted[i].ids]
    if different:
        example = min(different, key=lambda i: len(texts[i]["text"]))
        raise ModelError(
            f"{folder}: transformers builds a {type(tokenizer).__name__} that cuts {len(different)} of {len(texts)} "
            f"texts otherwise than the saved tokenizer.json, for example {_shown(texts[example])}: "
            f"{tokenizer.convert_ids_to_tokens(found[example].ids)[:8]}, saved {wanted[example].tokens[:8]}. If the "
            'model was trained with tokenizer.json, set "tokenizer_class": "PreTrainedTokenizerFast" in '
            "tokenizer_config.json; if with the other, save that: "
            f"`AutoTokenizer.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})`."
        )
    return True


def _require_pipeline(classifier: Classifier, spec: ModelSpec, texts: Sequence[Text]) -> None:
    # Two seconds of imports, which a repeat need not pay.
    from transformers import pipeline

    if spec.pad_to is not None:
        # The pipeline cuts and pads to one length.
        fitting = encode(
            classifier.tokenizer, [text["text"] for text in texts], [text["pair_start"] for text in texts], None
        )
        texts = [
            text
            for text, encoded in zip(texts, fitting, strict=True)
            if len(encoded.ids) <= min(classifier.max_tokens, spec.pad_to)
        ]
    try:
        theirs = pipeline(
            "text-classification",
            model=str(spec.folder),
            device=classifier.device,
            dtype=torch.float32,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
        for text in texts:
            _require_same(classifier, spec, theirs, text)
    except ModelError:
        raise
    except Exception as error:  # whatever a pipeline may raise
        raise ModelError(
            f'{spec.folder}: transformers.pipeline("text-classification") cannot run it '
            f"({type(error).__name__}: {first_line(error)}), so nothing says that the audit reads it rightly."
        ) from error


def _require_same(classifier: Classifier, spec: ModelSpec, theirs: Any, text: Text) -> None:
    first, second = split_pair(text["text"], text["pair_start"])
    padding = {} if spec.pad_to is None else {"padding": "max_length"}
    inputs = theirs.preprocess(
        first if second is None else {"text": first, "text_pair": second},
        truncation=True,
        max_length=spec.pad_to or classifier.max_tokens,
        **padding,
    )
    (own,) = encode(classifier.tokenizer, [text["text"]], [text["pair_start"]], classifier.max_tokens)
    ids_T = inputs["input_ids"][0]
    mask_T = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"]))[0].bool()
    if own.ids != ids_T[mask_T].tolist():
        raise ModelError(
            f"{spec.folder}: the audit would read other tokens than transformers.pipeline does, for example of "
            f"{_shown(text)}. Save the tokenizer with the version of transformers that is installed."
        )
    scores = theirs.postprocess(
        theirs.forward(inputs), function_to_apply="softmax" if spec.head == "softmax" else "sigmoid", top_k=None
    )
    wanted_K = torch.tensor([score["score"] for score in scores])
    found_K = _probabilities(classifier, plain_logits(classifier, inputs_of(classifier, [own])).cpu())
    difference = float((found_K - wanted_K).abs().max())
    if not difference <= _SAME:
        raise ModelError(
            f"{spec.folder}: the audit gets {_listed(found_K)} for {_shown(text)}, transformers.pipeline gets "
            f"{_listed(wanted_K)}, so the figures would be those of another model. "
            + ("Leave out model.pad_to." if spec.pad_to is not None else "This architecture cannot be audited.")
        )


def _probabilities(classifier: Classifier, logits_1K: Tensor) -> Tensor:
    """As the pipeline returns them: one for a single output."""
    if classifier.head == "multi_label":
        return logits_1K[0].sigmoid()
    probabilities_K = logits_1K[0].softmax(dim=0)
    return probabilities_K[1:] if classifier.head == "sigmoid" else probabilities_K


def _listed(probabilities_K: Tensor) -> str:
    return " / ".join(f"{value:.4f}" for value in probabilities_K[:4].tolist())


def _shown(text: Text) -> str:
    whole = str(text["text"])
    return repr(whole if len(whole) <= 60 else whole[:59] + "…")
