"""CSV and TSV files as people keep them: where a row ends, and no line without a fate."""

import csv
import io
import random

import duckdb
import pandas as pd
import pytest

from configs.errors import DataError
from tasks.data.sources import open_dataset
from tests.data.files import LABELS, csv_of, data_of, reasons_of, rows_of, texts_of

QUOTATION = '"Room {i} is cold,\tnegative\nthe porter told us so.\tnegative\nYou may have {i} instead."\tpositive\n'
"""Three rows of a file without quoting, which by the rules of CSV are one."""


def lines_of(path, **settings):
    return open_dataset(data_of(path, **settings)).lines


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        # Nothing but quotation marks of the texts.
        ('text\tlabel\n"What a film"\tpositive\nbad\tnegative\n', ['"What a film"', "bad"]),
        ('text\tlabel\n"So fine" he said\tpositive\n"bad\tnegative\n', ['"So fine" he said', '"bad']),
        ('text\tlabel\n"\tpositive\n""\tnegative\n', ['"', '""']),
        ('label\ttext\nnegative\t"It began,\nnegative\tand ended.\npositive\tFine"\nnegative\t"\n', ['"It began,', "and ended.", 'Fine"', '"']),
        # By quotes, a row would have a field too few.
        ('label\ttext\tnote\npositive\t"a\tn\nnegative\tb\tx"\npositive\tc\ty\n', ['"a', "b", "c"]),
        # A writer that quotes where it must, or everything.
        ('text\tlabel\n"a\tb"\tpositive\nbad\tnegative\n', ["a\tb", "bad"]),
        ('text\tlabel\n"say ""hi"" twice"\tpositive\nbad\tnegative\n', ['say "hi" twice', "bad"]),
        ('text\tlabel\n"two\nlines"\tpositive\nbad\tnegative\n', ["two\nlines", "bad"]),
        ('"text"\t"label"\n"a"\t"positive"\n"two\nlines"\t"negative"\n', ["a", "two\nlines"]),
    ],
)  # fmt: skip
def test_a_tsv_is_read_as_its_writer_meant_it(tmp_path, content, texts):
    path = csv_of(tmp_path, content, "d.tsv")
    assert texts_of(path) == texts
    lines = lines_of(path)
    assert lines.num_lines == content.count("\n") == 1 + len(texts) + lines.num_joined


def test_a_quotation_over_several_rows_of_a_tsv_swallows_none(tmp_path):
    """Every row that a reader of CSV makes of them has two fields and a known label, and none is negative."""
    content = "text\tlabel\n" + "".join(f"Fine {i}.\tpositive\n" + QUOTATION.format(i=i) for i in range(30))
    rows = rows_of(csv_of(tmp_path, content, "d.tsv"))
    assert [LABELS[row.label] for row in rows] == ["POSITIVE", "NEGATIVE", "NEGATIVE", "POSITIVE"] * 30
    assert [row.text for row in rows[1:4]] == ['"Room 0 is cold,', "the porter told us so.", 'You may have 0 instead."']


AMBIGUOUS = 'text,label\nfine,positive\n"Great film,positive\nso he said",negative\n'


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("d.csv", AMBIGUOUS, 3),
        ("d.csv", AMBIGUOUS.replace(",", ";"), 3),
        ("d.csv", 'label,text,note\npositive,a,b\npositive,"a,n\npositive,b,x"\npositive,c,y\n', 3),
        # By lines, some lines would not be rows.
        ("d.tsv", 'text\tlabel\n"a\tb"\tpositive\n' + QUOTATION.format(i=1), 3),
        # By its lines `b` would be a label.
        ("d.tsv", 'text\tlabel\nx\tnegative\n"a\tb\nc ""d"""\tpositive\n', 3),
    ],
)
def test_a_row_that_could_be_several_is_asked_about_and_both_answers_work(tmp_path, name, content, line):
    path = csv_of(tmp_path, content, name)
    with pytest.raises(DataError, match=rf"the row that begins in line {line} is one row if quotes join lines, and"):
        rows_of(path)
    quoted, plain = rows_of(path, dialect="quoted"), rows_of(path, dialect="plain")
    assert len(plain) == content.count("\n") - 1
    assert len(quoted) < len(plain)
    assert len(quoted) + lines_of(path, dialect="quoted").num_joined == len(plain)


def test_a_review_of_several_lines_is_one_row_of_a_csv(tmp_path):
    texts = [
        "Good food,\nbad service.\nAll in all, fine.",
        "Pros, many\n\nCons: none",
        "a\r\nb, c\rd",
        "one line, though",
    ]
    path = tmp_path / "d.csv"
    pd.DataFrame({"text": texts, "label": "positive"}).to_csv(path, index=False)
    assert texts_of(path) == texts
    lines = lines_of(path)
    assert (lines.num_lines, lines.num_joined, lines.num_rows) == (1 + 4 + 6, 6, 4)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_what_separates_the_fields_of_a_csv_is_seen_in_its_header(tmp_path, separator):
    content = f"id{separator}text{separator}label\n1{separator}Yes! Fine.{separator}positive\n"
    assert texts_of(csv_of(tmp_path, content)) == ["Yes! Fine."]


def test_empty_lines_are_counted_and_are_no_rows(tmp_path):
    content = "\n\r\ntext,label\r\n\r\na,positive\r\r\nb,negative\r"
    lines = lines_of(csv_of(tmp_path, content))
    assert (lines.num_lines, lines.num_blank, lines.num_rows) == (7, 4, 2)
    assert [reason for _, reason in reasons_of(csv_of(tmp_path, content))] == [None, None]
    path = csv_of(tmp_path, '\n{"text": "a", "label": "positive"}\n  \n{"text": "b", "label": "positive"}', "d.jsonl")
    lines = lines_of(path)
    assert (lines.num_lines, lines.num_blank, lines.num_rows) == (4, 2, 2)


def test_lines_are_counted_across_blocks_of_a_large_file(tmp_path):
    """A line ends with CR LF where one block of 2^20 bytes ends and the next begins."""
    first = "text,label\r\n"
    filler = "x" * (2**20 - len(first) - len(",positive\r")) + ",positive\r\n"
    lines = lines_of(csv_of(tmp_path, first + filler + "b,negative\r\n"))
    assert (lines.num_lines, lines.num_rows) == (3, 2)


@pytest.mark.parametrize(
    "content",
    [
        "I loved every minute,positive\nI hated it,negative\nfine,positive\n",
        "3,good,positive\n4,bad,negative\n5,fine,positive\n",
        "It was the best of times and it was the worst,1\nbad,0\n",
    ],
)
def test_a_header_that_is_missing_is_said_and_the_advice_works(tmp_path, content):
    path = csv_of(tmp_path, content)
    with pytest.raises(DataError, match=r"has no column 'text', and its first line looks like data \(") as caught:
        rows_of(path)
    assert str(caught.value).endswith("Put a line with the names of the columns on top: text,label.")
    names = "text,label" if content.count(",") < 6 else "id,text,label"
    assert len(rows_of(csv_of(tmp_path, f"{names}\n{content}"), labels=("0", "1", *LABELS))) == content.count("\n")


def test_a_header_of_other_names_is_no_data(tmp_path):
    content = "review,stars\nfine,positive\nbad,negative\n"
    with pytest.raises(DataError, match=r"has no column 'text'\. Columns: review, stars\. Set data\.text\."):
        rows_of(csv_of(tmp_path, content))


def test_the_dialect_of_a_file_that_has_none_is_refused(tmp_path):
    path = csv_of(tmp_path, '{"text": "a", "label": "positive"}\n', "d.jsonl")
    with pytest.raises(DataError, match=r"data\.dialect is about CSV and TSV files, and .*d\.jsonl is none\."):
        rows_of(path, dialect="plain")


def test_a_quote_that_is_never_closed_is_a_sentence_whose_advice_works(tmp_path):
    path = csv_of(tmp_path, 'text,label\n"Great film,positive\nbad,negative\n')
    with pytest.raises(DataError, match=r"and every line is a row, set data\.dialect: plain\."):
        rows_of(path)
    assert texts_of(path, dialect="plain") == ['"Great film', "bad"]


ODD = [
    "plain",
    "a, b",
    'say "hi"',
    "two\nlines",
    "tab\there",
    '"',
    '""',
    " spaced ",
    "semi;colon",
    "x" * 300,
    "négatif",
    "'",
]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize(("name", "separator"), [("d.csv", ","), ("d.csv", ";"), ("d.tsv", "\t")])
def test_what_another_library_reads_is_what_is_read(tmp_path, name, separator, quoting):
    """DuckDB's reader, told the dialect, is the oracle."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator="\n")
    writer.writerow(["text", "label"])
    writer.writerows([text, LABELS[i % 2]] for i, text in enumerate(ODD))
    path = csv_of(tmp_path, out.getvalue(), name)
    read = f"read_csv('{path}', delim='{separator}', quote='\"', escape='\"', header=true, all_varchar=true)"
    with duckdb.connect() as connection:
        rows = connection.execute(f"select text from {read}").fetchall()
    assert texts_of(path) == [text for (text,) in rows] == ODD


def written(dice, separator):
    """Texts full of what a dialect is made of, and a file of them as Python's writer quotes it."""
    bits = ("word", '"', '""', "\n", separator, " ", "fine, yes", '"quoted"', "\t", ";")
    texts = [f"n{i} " + "".join(dice.choices(bits, k=dice.choice((1, 3, 8)))) if dice.random() < 0.6 else f"plain {i}" for i in range(10)]  # fmt: skip
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator="\n", quoting=dice.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))  # fmt: skip
    writer.writerows([("text", "label"), *((text, dice.choice(LABELS)) for text in texts)])
    return texts, out.getvalue()


def unquoted(dice, separator):
    """Texts that begin or end with a quote, and a file of them as it is without a writer."""
    texts = [dice.choice(('"', "", "")) + f"text {i}" + dice.choice(('"', "", "")) for i in range(10)]
    return texts, f"text{separator}label\n" + "".join(f"{text}{separator}{dice.choice(LABELS)}\n" for text in texts)


def outcome(path, texts):
    try:
        return "as written" if texts_of(path) == texts else f"{texts_of(path)} for {texts}"
    except DataError as error:
        return "asked" if "is one row if quotes join lines" in str(error) else str(error)


@pytest.mark.parametrize(("name", "separator", "make"), [("d.tsv", "\t", unquoted), ("d.tsv", "\t", written), ("d.csv", ",", written), ("d.csv", ";", written)])  # fmt: skip
def test_what_is_read_is_what_was_written_or_is_asked_about(tmp_path, name, separator, make):
    found = []
    for seed in range(60):
        texts, content = make(random.Random(seed), separator)
        found.append(outcome(csv_of(tmp_path, content, name), texts))
    assert set(found) <= {"as written", "asked"}
    assert found.count("as written") >= 45
