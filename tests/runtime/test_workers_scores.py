"""Attribution and verification on Ray workers: the scores of this process, but for texts that kill their worker."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

import tasks.attribute
from configs.attribution import AttributionConfig
from configs.errors import AttributionError
from configs.schema import VerificationConfig
from tasks.attribute import attribute_shards
from tasks.model.networks import BiLSTM, save_network
from tasks.model.spec import model_spec
from tasks.runtime import bisect
from tasks.runtime.bisect import Job
from tasks.runtime.parts import part_file, read_manifest, write_part
from tasks.trials.placebos import try_placebos
from tasks.trials.runner import try_group
from tests.runtime.jobs import done

pytestmark = pytest.mark.slow

WORDS = ["a", "lovely", "fine", "film", "acting", "story", "of", "the", "what", "and"]
WORDS += ["awful", "dull", "truly", "kane", "is", "not", "it", ";", ".", "deadly"]


def tokenizer_in(folder):
    """Saves one that knows the words; the size of its vocabulary."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {token: i for i, token in enumerate([*special, *WORDS])}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    core.normalizer, core.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, vocabulary[token]) for token in special]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=core, **names).save_pretrained(folder)
    return len(vocabulary)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A BERT of two layers with random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    size = tokenizer_in(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    model = BertForSequenceClassification(
        BertConfig(vocab_size=size, max_position_embeddings=64, id2label={0: "bad", 1: "good"}, **sizes)
    )
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    return model_spec(folder, 64)


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory):
    """No transformer: a new worker reads it in half the time, and one that dies is replaced by a new one."""
    folder = tmp_path_factory.mktemp("recurrent")
    sizes = {"vocabulary": tokenizer_in(folder), "embedding": 8, "lstm": 8, "dense": 8}
    torch.manual_seed(0)
    network = BiLSTM({"network": "bilstm", "id2label": {0: "bad", 1: "good"}, **sizes})
    for parameter in network.parameters():
        parameter.data.normal_(0, 0.5)
    save_network(network, folder)
    return model_spec(folder, 64, labels=("bad", "good"), factory="tasks.model.networks:bilstm")


NUMBERS = ("pair_start", "label_id", "n_tokens", "n_cut")
SHARD = pa.schema(
    [("example_id", pa.int64()), ("source_id", pa.string()), ("text", pa.string())]
    + [(name, pa.int32()) for name in NUMBERS]
)


def shards_of(folder, num_shards, texts_each, deadly=()):
    shards = []
    for k in range(num_shards):
        rows = []
        for i in range(k * texts_each, (k + 1) * texts_each):
            words = [WORDS[(i * 7 + j * (1 + i % 3)) % (len(WORDS) - 1)] for j in range(3 + i % 5)]
            text = " ".join([*words, "deadly"] if i in deadly else words)
            row = {"example_id": i, "source_id": str(i), "text": text, "label_id": i % 2}
            rows.append({**row, "pair_start": None, "n_tokens": len(words) + 2, "n_cut": 0})
        shards.append(folder / f"shard-{k:05d}.json")
        write_part(shards[-1], {"examples": pa.Table.from_pylist(rows, schema=SHARD)}, {"num_examples": len(rows)})
    return shards


def group_of(word, held, others, replacements):
    """A group of trials of one word, which `held` says where to find: example -> the end of the word there. Without
    replacements it is tried against nothing."""
    spans = [{"example_id": i, "spans": [{"span_start": 0, "span_end": end}]} for i, end in held.items()]
    group = {"kind": "word", "label": "good", "word": word, "type": "ordinary", "held": spans}
    asked = {"within_type": bool(replacements), "is_judged": True, "placebo_type": "ordinary"}
    read = [{"example_id": i, "read_share": 1.0} for i in others]
    return [{**group, **asked, "others": read, "replacements": replacements, "inserts": [word]}]


def pool_of(group, words):
    """The placebo trials that such a group needs."""
    return [{"type": "ordinary", "stand_ins": words, "others": group[0]["others"], "held": []}]


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


@pytest.mark.ray
@pytest.mark.slow
def test_workers_write_the_parts_of_this_process_to_the_byte(workers, tiny, tmp_path, one_thread, monkeypatch):
    shards = shards_of(tmp_path / "shards", 5, 12)
    group = group_of("lovely", {1: 4, 2: 3}, [3, 20, 40], ["fine", "dull"])

    def everything(folder):
        attributed = attribute_shards.fn(shards, tiny, AttributionConfig(max_quarantined=1.0), folder)
        settled = (attributed, tiny, "float32", VerificationConfig(min_effect=1e-6))
        placebos = folder / "part-placebos.json"
        done(try_placebos, [Job("placebos", (pool_of(group, ["dull"]), *settled, placebos), 1, lambda: ())])
        trials = (group, *settled, placebos, folder / "part-trials.json")
        done(try_group, [Job("trials", trials, 1, lambda: ())])
        return content(folder)

    there = everything(tmp_path / "there")
    monkeypatch.delenv("TOKEN_AUDIT_WORKERS")
    here = everything(tmp_path / "here")
    assert len(here) == 5 * 3 + 3 + 2 + 3
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


@pytest.mark.ray
@pytest.mark.slow
def test_a_text_that_kills_its_worker_is_quarantined_and_the_others_have_their_scores(
    workers, recurrent, tmp_path, one_thread, monkeypatch
):
    """In the pilot as well, which does without it."""
    shards = shards_of(tmp_path / "shards", 2, 2, deadly={1})
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setattr(bisect, "RETRIES", 0)
    with monkeypatch.context() as deadly:
        for name in ("plan_run", "attribute_part"):
            deadly.setattr(tasks.attribute, name, deadly_word(getattr(tasks.attribute, name)))
        with pytest.raises(AttributionError, match=r"1 of 4 examples .* kill their worker \(1 of them\), more than"):
            attribute_shards.fn(shards, recurrent, AttributionConfig(max_quarantined=0.2), there)
    pilot = pq.read_table(part_file(there / "plan.json", "pilot")).to_pylist()
    assert {row["example_id"] for row in pilot} <= {0, 2, 3}
    # The parts are whole: with a looser limit nothing is computed again, and nobody is asked.
    monkeypatch.setenv("TOKEN_AUDIT_WORKERS", "no address")
    parts = [
        shard.scores for shard in attribute_shards.fn(shards, recurrent, AttributionConfig(max_quarantined=0.3), there)
    ]
    monkeypatch.delenv("TOKEN_AUDIT_WORKERS")
    here.mkdir()
    for path in there.glob("plan*"):
        (here / path.name).write_bytes(path.read_bytes())
    plain = [shard.scores for shard in attribute_shards.fn(shards, recurrent, AttributionConfig(), here)]
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
    group = group_of("a", {0: 1, 3: 1}, [4, 5], [])
    part = tmp_path / "part-00000.json"
    attributed = attribute_shards.fn(shards, tiny, AttributionConfig(max_quarantined=1.0), tmp_path / "parts")
    settled = (attributed, tiny, "float32", VerificationConfig(min_effect=1e-6))
    try_placebos(pool_of(group, ["dull"]), *settled, tmp_path / "placebos.json")
    arguments = (group, *settled, tmp_path / "placebos.json", part)
    assert try_group(*arguments, left_out=frozenset({0, 4, 99}), dry=True)["num_trials"] == 2
    assert not part.exists()
    assert try_group(*arguments, left_out=frozenset({0, 4, 99}))["num_quarantined"] == 2
    assert {row["example_id"] for row in pq.read_table(part_file(part, "trials")).to_pylist()} == {3, 5}
    # The part is of this group, with or without the texts: a repeat leaves it alone.
    assert try_group(*arguments)["num_quarantined"] == 2
