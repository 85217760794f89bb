"""From tables of words that are cut to a checkpoint in which they are one token, and to the page."""

import json

import pyarrow as pa
import pytest
from transformers import AutoTokenizer

import tasks.extend
import tasks.teach
from configs.errors import AuditError, ModelError
from tasks.assess import assess_words
from tasks.data.rows import read_rows
from tasks.extend import Ways, extend_vocabulary, require_patchable
from tasks.finetune import obtain_classifier
from tasks.model.load import load_classifier
from tasks.model.tokens import encode
from tasks.model.training import new_classifier
from tasks.runs.identity import enter_run, name_run
from tasks.runtime.parts import read_manifest, read_part, write_part
from tasks.scan import scan_tokens
from tasks.teach import teach_words
from tasks.text.words import word_spans
from tasks.vocabulary.checkpoint import apply_patch
from tasks.vocabulary.choice import AS_IT_IS, CANDIDATES, EVERY, PLACEBO
from tests.model.families import saved
from tests.model.trained import config_of
from warehouse import open_warehouse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """Config, run and classifier, whose tokenizer cuts most words, and the tables that an audit would have made."""
    folder = tmp_path_factory.mktemp("vocabulary")
    config = config_of(
        folder, saved(folder / "base", "bert"), "auto", finetune={"epochs": 2}, statistics={"min_examples": 2}
    )
    model = obtain_classifier.fn(config)
    run = name_run(config, model)
    enter_run(config, run, model)
    write_tables(config, run, model)
    return config, run, model


def write_tables(config, run, model):
    tokenizer = load_classifier(model).tokenizer
    texts = [row.text for row in read_rows(config.data, config.data.where, model.labels)]
    words, pieces, tokens = [], [], []
    for i, (text, own) in enumerate(zip(texts, encode(tokenizer, texts, None, 64), strict=True)):
        for start, end in word_spans(text):
            held = [j for j, (a, b) in enumerate(own.offsets) if start <= a < b <= end and not own.special[j]]
            word = text[start:end]
            words.append({"example_id": i, "word_start": start, "word_end": end, "surface": word, "word": word, "n_pieces": len(held)})  # fmt: skip
            for j in held:
                a, b = own.offsets[j]
                tokens.append({"example_id": i, "token_id": own.ids[j], "token_start": a, "token_end": b, "word_start": start})  # fmt: skip
                piece = f"{'·' * (a > start)}{text[a:b]}{'·' * (b < end)}"
                # lovely decides most, then awful.
                score = {"lovely": 9.0, "awful": 1.0}.get(word, 0.1)
                pieces.append({"example_id": i, "position": j, "piece": piece, "source_word": word, "score": score})
    pieces = [row for row in pieces if row["piece"] != row["source_word"]]
    names = sorted({row["word"] for row in words})
    tables = {
        "examples": [{"example_id": i, "text": text, "converged": True, "target_label": "good", "n_cut": 0} for i, text in enumerate(texts)],
        "word_occurrences": words, "piece_occurrences": pieces, "spellings": [{"word": word, "surface": word} for word in names],
        "word_types": [
            {"kind": "word", "word": word, "type": "name" if word == "story" else "content word", "expectation": "meaning"} for word in names
        ],
        "type_rules": [
            {"type": "name", "is_named": True, "as_token": "own"}, {"type": "content word", "is_named": False, "as_token": "term"},
        ],
        "word_importance": [
            {"kind": "word", "word": word, "label": "good", "mean_score": 1.0, "typical_score": 0.0, "ci_low": 0.5, "ci_high": 1.5, "n_words": 1, "n_examples": 4}
            for word in names
        ],
        "verdicts": [{"kind": "word", "word": "lovely", "status": "spurious"}],
    }  # fmt: skip
    with open_warehouse(config.warehouse) as warehouse:
        warehouse.use(run.run_id, create=True)
        for name, rows in tables.items():
            warehouse._connection.register("incoming", pa.Table.from_pylist(rows))
            warehouse._connection.execute(f"create table {name} as select * from incoming")
            warehouse._connection.unregister("incoming")
        entry = {"run_id": run.run_id, "stage": "recommend", "stage_key": "made by hand", "seconds": 0.0}
        warehouse.run("registry/finish_stage", entry)
    write_part(run.storage / "parts" / "part-00000.json", {"tokens": pa.Table.from_pylist(tokens)}, {})


@pytest.fixture(scope="module")
def tried(reviewed):
    config, run, model = reviewed
    return extend_vocabulary.fn(config, run, model, scan_tokens.fn(config, run, model))


def words_of(tried, arm):
    return [row["word"] for row in read_part(tried.part, "arms").to_pylist() if row["arm"] == arm]


def test_the_words_that_decide_most_are_proposed_and_no_other_text_is_read_otherwise(reviewed, tried):
    config, _, model = reviewed
    assert words_of(tried, CANDIDATES) == ["lovely"]
    assert set(words_of(tried, EVERY)) > {"lovely", "awful"}
    assert len(words_of(tried, PLACEBO)) == 1
    answers = {row["word"]: row for row in read_part(tried.part, "words").to_pylist()}
    assert (answers["lovely"]["answer"], answers["lovely"]["token"]) == ("token.candidate", "lovely")
    assert answers["awful"]["answer"] == "token.light"
    texts = [row.text for row in read_rows(config.data, config.data.where, model.labels)]
    cut = len(AutoTokenizer.from_pretrained(model.folder).tokenize("lovely"))
    number = sum(text.count("lovely") for text in texts)
    assert answers["lovely"]["tokens_saved"] == number * (cut - 1)
    size = next(row for row in read_part(tried.part, "sizes").to_pylist() if row["arm"] == CANDIDATES)
    assert size["tokens_before"] - size["tokens_after"] == number * (cut - 1)
    assert size["n_affected"] == sum("lovely" in text for text in texts)
    assert (size["n_strays"], size["n_unreachable"], size["n_moved"], size["bytes_added"]) == (0, 0, 0, 16 * 4)
    shifts = read_part(tried.part, "shifts").to_pylist()
    assert {row["method"] for row in shifts} == {"mean", "weighted", "mean_resizing", "distilled"}
    assert {row["n_flips"] for row in shifts if row["texts"] == "other"} == {0}


def test_the_patch_makes_a_checkpoint_with_the_word_as_one_token(reviewed, tried, tmp_path):
    _, _, model = reviewed
    folder = apply_patch(tried.patch, model.folder, tmp_path / "more")
    assert AutoTokenizer.from_pretrained(folder).tokenize("a lovely film")[1] == "lovely"


def test_a_repeat_does_no_work_and_a_lost_patch_is_written_again(reviewed, tried, monkeypatch):
    config, run, model = reviewed
    scanned = scan_tokens.fn(config, run, model)
    with monkeypatch.context() as patch:
        patch.setattr(tasks.extend, "extended", None)
        assert extend_vocabulary.fn(config, run, model, scanned) == tried
    tried.patch.unlink()
    assert extend_vocabulary.fn(config, run, model, scanned) == tried
    assert tried.patch.is_file()


def test_by_option_words_of_more_than_two_pieces_are_refused(reviewed, tried):
    config, run, model = reviewed
    found = extend_vocabulary.fn(config, run, model, scan_tokens.fn(config, run, model), Ways(monotone=True))
    tokenizer = AutoTokenizer.from_pretrained(model.folder)
    answers = {row["word"]: row["answer"] for row in read_part(found.part, "words").to_pylist()}
    # Every word of the texts that is cut at all is cut into more.
    more = {word for word in words_of(tried, EVERY) if len(tokenizer.tokenize(word)) > 2}
    assert "lovely" in more
    assert {answers[word] for word in more} == {"token.more_than_two_pieces"}
    assert {len(tokenizer.tokenize(word)) for word in words_of(found, EVERY)} <= {2}
    assert found.patch is None
    # That of the words above goes, and comes back with them.
    assert not tried.patch.is_file()
    assert extend_vocabulary.fn(config, run, model, scan_tokens.fn(config, run, model)) == tried
    assert tried.patch.is_file()


def test_by_option_words_are_added_tokens_in_the_patch_and_in_training(reviewed, tried, tmp_path):
    config, run, model = reviewed
    found = extend_vocabulary.fn(config, run, model, scan_tokens.fn(config, run, model), Ways("added_token"))
    folder = apply_patch(found.patch, model.folder, tmp_path / "more")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert "lovely" in {token.content for token in tokenizer.added_tokens_decoder.values()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.teach, "NUM_SEEDS", 1)
        done = teach_words.fn(config, run, model, found.part)
    facts = {own["arm"]: own["trained"] for own in map(read_manifest, done.predictions)}
    assert facts[CANDIDATES].endswith("1 added words (lovely)")
    assert extend_vocabulary.fn(config, run, model, scan_tokens.fn(config, run, model)) == tried


@pytest.fixture(scope="module")
def taught(reviewed, tried):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.teach, "NUM_SEEDS", 1)
        return teach_words.fn(*reviewed, tried.part)


def test_every_arm_is_trained_with_its_new_rows_and_reads_the_held_out_texts(reviewed, tried, taught):
    config, _, model = reviewed
    facts = [read_manifest(part) for part in taught.predictions]
    rows = [read_part(part, "predictions").to_pylist() for part in taught.predictions]
    assert [own[0]["arm"] for own in rows] == [AS_IT_IS, CANDIDATES, PLACEBO, EVERY]
    assert {len(own) for own in rows} == {8}
    assert facts[0]["trained"].endswith("all but the word embeddings and the first 2 layers")
    assert facts[1]["trained"].endswith("and the embeddings of 1 added words (lovely)")
    held = {row["row_number"]: row["words"] for row in read_part(taught.held_out, "held_out").to_pylist()}
    assert sum("lovely" in words for words in held.values()) == 3
    # The arm of no change is the classifier of the config.
    texts = {row.number: row.text for row in read_rows(config.data, config.data.where, model.labels)}
    classifier = load_classifier(model)
    ids = classifier.tokenizer(list(texts.values()), padding=True, return_tensors="pt")
    expected = dict(zip(texts, classifier.model(**ids).logits.argmax(dim=1).tolist(), strict=True))
    assert {row["row_number"]: row["predicted"] for row in rows[0]} == expected


def test_the_page_says_what_is_cut_what_was_tried_and_what_retraining_says(reviewed, tried, taught):
    config, run, _ = reviewed
    page = assess_words.fn(config, run, tried.part, tried.patch, taught.predictions, taught.held_out)
    html, facts = page.read_text(), json.loads(page.with_suffix(".json").read_text())
    assert facts["proposed"] == ["lovely"]
    assert {(row["arm"], row["texts"]) for row in facts["gains"]} >= {(CANDIDATES, "all"), (PLACEBO, "affected")}
    verdicts = {row["word"]: row["verdict"] for row in facts["gains"] if row["word"]}
    assert verdicts == {"lovely": "no evidence"}
    assert "no: spurious" in html
    # The sure gain: what each occurrence in the held-out texts saves.
    texts = [row.text for row in read_rows(config.data, config.data.where, reviewed[2].labels)]
    cut = len(AutoTokenizer.from_pretrained(reviewed[2].folder).tokenize("lovely"))
    tokens = {row["arm"]: row["tokens"] for row in facts["trainings"]}
    assert tokens[AS_IT_IS] - tokens[CANDIDATES] == sum(text.count("lovely") for text in texts) * (cut - 1)
    assert [row["arm"] for row in facts["trainings"]] == [AS_IT_IS, CANDIDATES, PLACEBO, EVERY]
    assert facts["trainings"][1]["trained"].endswith("1 added words (lovely)")
    table = (run.folder / "exports" / "token_words.csv").read_text()
    assert "token.candidate" in next(line for line in table.splitlines() if ",lovely," in line)
    before = assess_words.fn(config, run, tried.part, tried.patch)
    assert "nothing was retrained" in before.read_text()


def test_a_name_is_hidden_in_page_facts_and_table(reviewed, tried):
    config, run, _ = reviewed
    assert "story" in assess_words.fn(config, run, tried.part, tried.patch).read_text()
    hidden = config.model_copy(update={"report": config.report.model_copy(update={"redact": "names"})})
    page = assess_words.fn(hidden, run, tried.part, tried.patch)
    for file in (page, page.with_suffix(".json"), run.folder / "exports" / "token_words.csv"):
        assert "story" not in file.read_text()


def test_a_record_of_words_that_the_tokenizer_does_not_know_is_refused(reviewed, tried, tmp_path):
    config, _, model = reviewed
    folder = apply_patch(tried.patch, model.folder, tmp_path / "more")
    (folder / "added_words.json").write_text('{"nobody": 3}')
    with pytest.raises(ModelError, match="names 'nobody', which is not that token of its tokenizer"):
        new_classifier(config.finetune, folder, model.labels, None)


def test_what_cannot_be_reviewed_is_one_sentence(reviewed, tmp_path):
    config, run, model = reviewed
    own = model.__class__(**{**model.__dict__, "factory": "mine:network"})
    with pytest.raises(ModelError, match=r"it is a network of your own \(mine:network\)"):
        require_patchable(config, own)
    pairs = config.model_copy(update={"data": config.data.model_copy(update={"pair": "second"})})
    with pytest.raises(ModelError, match="a classifier of pairs cannot be reviewed"):
        require_patchable(pairs, model)
    gone = run.__class__(run.run_id, run.folder, tmp_path, run.inputs)
    with pytest.raises(AuditError, match="they were pruned"):
        scan_tokens.fn(config, gone, model)
