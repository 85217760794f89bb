"""What the audit feeds a model and gets from it is what its users run: the saved tokenizer.json and the pipeline of transformers."""

import json
import shutil
import sys
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

from configs.errors import ModelError
from tasks.finetune import obtain_classifier
from tasks.model import parity
from tasks.model.load import load_classifier
from tasks.model.parity import require_parity
from tasks.model.spec import model_spec
from tests.model.families import CORPUS, FAMILIES, ROBERTA, changed, saved
from tests.model.trained import config_of

pytestmark = pytest.mark.slow

TEXTS = [
    "a",
    "0 1 2 3",
    "naïve café, Straße",
    "你好 ﬁ  \t two",
    "the quick brown fox",
    "A gorgeous, witty, seductive movie. " * 20,
]


def singles(texts=TEXTS):
    return [{"text": text, "pair_start": None} for text in texts]


def pairs(texts=TEXTS):
    return [{"text": f"{text}\nthe lazy dog", "pair_start": len(text) + 1} for text in texts]


def compared(folder, texts, **settings):
    spec = model_spec(folder, 64, **settings)
    return require_parity(load_classifier(spec), spec, texts)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_read_as_their_users_run_them(folder_of, family):
    """Single texts and pairs, the longest of which are cut."""
    said = "6 texts have the tokens of the saved tokenizer.json; 6 have the tokens and probabilities of transformers' text-classification pipeline"
    assert compared(folder_of(family), singles()) == said
    assert compared(folder_of(family), pairs()) == said
    assert compared(folder_of(family), singles(), long_texts="windows") == said


def test_padded_texts_are_compared_padded(folder_of):
    assert "6 have the tokens and probabilities" in compared(folder_of("bert"), singles(), pad_to=64)
    assert "6 have the tokens and probabilities" in compared(folder_of("xlnet"), pairs(), pad_to=48)


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({"head": "multi_label"}, {"problem_type": "multi_label_classification"}),
        # Without a problem_type the pipeline would take the softmax; model.head says what is right.
        ({"head": "multi_label"}, {}),
        ({"head": "sigmoid", "labels": ("no", "yes")}, {"num_labels": 1}),
    ],
)
def test_heads_are_compared_as_probabilities(tmp_path, settings, config):
    assert "6 have the tokens and probabilities" in compared(saved(tmp_path, "bert", **config), singles(), **settings)


def test_of_many_texts_the_longest_and_the_shortest_are_classified(folder_of, monkeypatch):
    classified = []
    monkeypatch.setattr(parity, "_require_same", lambda classifier, spec, theirs, text: classified.append(text["text"]))
    said = compared(folder_of("bert"), singles([f"{i} fox" for i in range(200)]))
    assert said.startswith("200 texts have the tokens")
    assert (len(classified), classified[0], classified[-1]) == (16, "0 fox", "199 fox")


def test_a_network_of_a_factory_has_no_pipeline_and_says_so(trained):
    for network in ("bilstm", "bert_relu"):
        spec = trained(network)
        said = require_parity(load_classifier(spec), spec, singles())
        assert (
            said
            == "6 texts have the tokens of the saved tokenizer.json; a network of model.factory has no pipeline in transformers to compare probabilities with"
        )


def test_a_folder_without_tokenizer_json_says_so(folder_of, tmp_path):
    folder = changed(folder_of, tmp_path, remove=["tokenizer.json"])
    vocabulary = AutoTokenizer.from_pretrained(folder_of("bert")).get_vocab()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": "BertTokenizer"}))
    assert compared(folder, singles()).startswith("the folder has no tokenizer.json to compare tokens with; 6 have")


# ---------------------------------------------------------------- another tokenizer than the saved one


def wordpiece_in_roberta(folder):
    """As CamemBERT v2 ships: a WordPiece, and the class of a byte-level BPE."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    core = Tokenizer(models.WordPiece(unk_token="<unk>"))
    core.normalizer, core.pre_tokenizer = normalizers.BertNormalizer(lowercase=False), pre_tokenizers.BertPreTokenizer()
    core.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=140, special_tokens=special))
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    saved(folder, "roberta")
    core.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "RobertaTokenizer", **ROBERTA}))


def bpe_in_bert(folder):
    """A BPE with Metaspace in the place of the WordPiece that the class builds."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core = Tokenizer(models.BPE(unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=140, special_tokens=special))
    core.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])  # fmt: skip
    saved(folder, "bert")
    core.save(str(folder / "tokenizer.json"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": "BertTokenizer"}))


def other_letters_in_bert(folder):
    """The same pieces, but the class lower-cases the text, and the saved tokenizer does not."""
    saved(folder, "bert")
    content = json.loads((folder / "tokenizer.json").read_text())
    content["normalizer"] = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": False, "lowercase": False}  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(content))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": "BertTokenizer", "do_lower_case": True}))  # fmt: skip


def no_special_tokens(folder):
    """Saved by the library tokenizers without a post-processor; the class adds one."""
    saved(folder, "bert")
    content = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**content, "post_processor": None}))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": "BertTokenizer"}))


@pytest.mark.parametrize("make", [wordpiece_in_roberta, bpe_in_bert, other_letters_in_bert, no_special_tokens])
@pytest.mark.parametrize("texts", [singles, pairs])
def test_a_tokenizer_that_is_not_the_saved_one_is_refused_and_both_ways_out_work(tmp_path, make, texts):
    folder = tmp_path / "model"
    make(folder)
    core = Tokenizer.from_file(str(folder / "tokenizer.json"))
    loaded = AutoTokenizer.from_pretrained(folder)
    with pytest.raises(ModelError) as caught:
        compared(folder, texts())
    message = str(caught.value)
    assert "texts otherwise than the saved tokenizer.json" in message
    assert "\n" not in message
    # The first way out: the saved tokenizer is the right one.
    first = tmp_path / "first"
    shutil.copytree(folder, first)
    assert '"tokenizer_class": "PreTrainedTokenizerFast" in tokenizer_config.json' in message
    settings = json.loads((first / "tokenizer_config.json").read_text())
    (first / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": "PreTrainedTokenizerFast"}))
    assert "6 texts have the tokens" in compared(first, texts())
    assert AutoTokenizer.from_pretrained(first)(TEXTS).input_ids == [core.encode(text).ids for text in TEXTS]
    # The second: what transformers builds is.
    assert f"AutoTokenizer.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})" in message
    AutoTokenizer.from_pretrained(str(folder)).save_pretrained(str(folder))
    assert "6 texts have the tokens" in compared(folder, texts())
    assert AutoTokenizer.from_pretrained(folder)(TEXTS).input_ids == loaded(TEXTS).input_ids


def test_one_text_of_a_thousand_is_enough(tmp_path):
    other_letters_in_bert(tmp_path)
    lower = singles([f"fox {i}" for i in range(999)])
    assert "999 texts have the tokens" in compared(tmp_path, lower)
    with pytest.raises(ModelError, match=r"cuts 1 of 1000 texts otherwise .*, for example 'FOX'"):
        compared(tmp_path, [*lower, {"text": "FOX", "pair_start": None}])


def test_an_encoder_is_not_fine_tuned_with_another_tokenizer_than_its_own(base, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    content = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**content, "post_processor": None}))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": "BertTokenizer"}))
    with pytest.raises(ModelError, match="cuts 8 of 8 texts otherwise than the saved tokenizer"):
        obtain_classifier.fn(config_of(tmp_path, folder, "auto"))


# ---------------------------------------------------------------- another model than the pipeline's


def own(folder, **settings):
    """A classifier that no other test shares."""
    spec = model_spec(folder, 64, **settings)
    return load_classifier(spec, keep=False), spec


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_a_classifier_that_gives_other_probabilities_is_refused(folder_of, family):
    classifier, spec = own(folder_of(family))
    with torch.no_grad():
        next(module for module in classifier.model.modules() if isinstance(module, torch.nn.LayerNorm)).bias += 0.1
    with pytest.raises(ModelError, match=r"the audit gets [01]\.\d{4} / [01]\.\d{4} / [01]\.\d{4} for .*, transformers\.pipeline gets [01]\.\d{4}"):  # fmt: skip
        require_parity(classifier, spec, singles())


def test_a_classifier_in_training_mode_is_refused(folder_of):
    classifier, spec = own(folder_of("bert"))
    classifier.model.train()
    with pytest.raises(ModelError, match="so the figures would be those of another model"):
        require_parity(classifier, spec, singles())


def test_a_tokenizer_that_cuts_elsewhere_is_refused(folder_of):
    """The tokens of whole texts are those of tokenizer.json, those of a cut text are not the pipeline's."""
    classifier, spec = own(folder_of("bert"))
    classifier.tokenizer.truncation_side = "left"
    with pytest.raises(ModelError, match=r"would read other tokens than transformers\.pipeline does, for example of 'A gorgeous"):  # fmt: skip
        require_parity(classifier, spec, singles())


def test_segments_that_are_left_out_are_noticed(folder_of, monkeypatch):
    classifier, spec = own(folder_of("bert"))
    plain = parity.encode
    monkeypatch.setattr(parity, "encode", lambda *given: [replace(text, types=None) for text in plain(*given)])
    assert require_parity(classifier, spec, singles())
    with pytest.raises(ModelError, match="so the figures would be those of another model"):
        require_parity(classifier, spec, pairs())


def test_a_pipeline_that_fails_is_a_sentence(folder_of, monkeypatch):
    def fails(*given, **settings):
        raise KeyError("no such task\nand more")

    monkeypatch.setattr(sys.modules["transformers"], "pipeline", fails)
    with pytest.raises(ModelError, match=r"cannot run it \(KeyError: .*\), so nothing says that the audit reads it") as caught:  # fmt: skip
        compared(folder_of("bert"), singles())
    assert "\n" not in str(caught.value)
