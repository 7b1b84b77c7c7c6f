"""Every format on small records of our own, in the true form of the data sets."""

import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped
from seqgpt_jax.tasks.assistants.english import atis_slot
from seqgpt_jax.tasks.readers import conll as conll_module
from seqgpt_jax.tasks.readers import names as names_module
from seqgpt_jax.tasks.readers import split as split_module
from seqgpt_jax.tasks.readers.conll import conll, entities, tagged_spans
from seqgpt_jax.tasks.readers.delimited import delimited
from seqgpt_jax.tasks.readers.fields import labelled, pairs, sentence_pair
from seqgpt_jax.tasks.readers.jsonl import json_list, jsonl
from seqgpt_jax.tasks.readers.lines import blocks, lines
from seqgpt_jax.tasks.readers.names import named, spelled_out
from seqgpt_jax.tasks.readers.record import grouped, reader
from seqgpt_jax.tasks.readers.split import hash_split
from seqgpt_jax.tasks.relations.sentences import directed
from tests.tasks.records import json_lines, read, read_all, strict, write

# ---- lines, splits, names


def test_only_line_feeds_end_a_line(tmp_path):
    path = write(tmp_path, "a.txt", "\ufeffone\u2028still one\r\n\n \ntwo\x85still two")
    assert [(record.line, record.value) for record in lines()((path,))] == [
        (1, "one\u2028still one"),
        (4, "two\x85still two"),
    ]
    assert [(record.line, len(record.value)) for record in blocks()((path,))] == [(1, 1), (4, 1)]


def test_records_of_several_lines_keep_their_own_lines(tmp_path):
    sizes = (3, 1, 2000)
    text = "\n\n".join("\n".join(f"{size}\tO" for _ in range(size)) for size in sizes)
    path = write(tmp_path, "a.txt", text)
    found = [[record.value for record in read_file((path,))] for read_file in (blocks(), conll())]
    assert found == [
        [[row] * size for size, row in zip(sizes, rows, strict=True)]
        for rows in ([f"{size}\tO" for size in sizes], [[str(size), "O"] for size in sizes])
    ]
    assert [record.line for record in blocks()((path,))] == [1, 5, 7]


def test_wrong_encoding_names_the_line(tmp_path):
    path = write(tmp_path, "a.txt", "LOC:city fine\nLOC:city sisterðcity\n", "latin-1")
    with pytest.raises(RecordError, match=r"a\.txt:2: byte 0xf0 \(number 16 of the line\) is not utf-8"):
        strict(lines()((path,)))
    assert [item.text for item in read("trec", path)] == ["fine", "sisterðcity"]


@given(st.text(), st.lists(st.floats(0.01, 1), min_size=1, max_size=3))
def test_hash_split_is_a_function_of_the_key(key, weights):
    shares = {f"s{i}": weight / sum(weights) for i, weight in enumerate(weights)}
    assert hash_split(key, shares) == hash_split(key, dict(shares))
    assert hash_split(key, shares) in shares


def test_hash_split_keeps_the_shares_and_its_history():
    shares = {"train": 0.8, "validation": 0.1, "test": 0.1}
    found = [hash_split(f"record {i}", shares) for i in range(20_000)]
    # Five standard deviations of a binomial count are below 0.015 of 20,000.
    assert all(abs(found.count(split) / 20_000 - share) < 0.015 for split, share in shares.items())
    # Written down once: another value here would move records of every data set between its splits.
    assert [hash_split(key, shares) for key in ("天气", "酒店", "1", "11")] == [
        "train",
        "validation",
        "test",
        "validation",
    ]
    with pytest.raises(ValueError, match="add up to 1"):
        hash_split("key", {"train": 0.8})


@pytest.mark.parametrize("module", [conll_module, names_module, split_module])
def test_examples_in_docstrings(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_names():
    assert spelled_out("timeRange") == "time range"
    assert atis_slot("depart_time.time") == "departure time"
    assert atis_slot("flight_mod") == "flight mod"
    assert directed("Cause-Effect(e2,e1)") == "effect-cause"
    with pytest.raises(ValueError, match="'x' has no name; known are a"):
        named({"a": "b"})("x")
    with pytest.raises(ValueError, match="no direction"):
        directed("Cause-Effect(e1)")


# ---- tables and JSON


def test_quoted_table_keeps_delimiters_quotes_and_line_breaks(tmp_path):
    path = write(tmp_path, "a.csv", 'text,label\n"a, ""b""\nc",x\nd,y\n')
    records = list(delimited(",", quoted=True)((path,)))
    assert [(record.line, record.value) for record in records] == [
        (2, {"text": 'a, "b"\nc', "label": "x"}),
        (4, {"text": "d", "label": "y"}),
    ]


def test_unquoted_table_takes_quotes_as_they_are(tmp_path):
    path = write(tmp_path, "train.tsv", 'index\tlabel\tsentence1\tsentence2\n0\t1\t"No" it\'s.\tYes.\n')
    (item,) = read("rte", path)
    assert (item.id, item.text, dict(item.gold)) == ("train.tsv:2", '"No" it\'s.\tYes.', {"not entailment": ()})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a\tb\n1\n", r"a\.tsv:2: 2 columns were expected \(a, b\), found 1"),
        ("a\tb\n1\t2\n1\t2\t3\n", r"a\.tsv:3: 2 columns"),
    ],
)
def test_row_of_the_wrong_width_is_an_error(tmp_path, text, problem):
    with pytest.raises(RecordError, match=problem):
        strict(delimited("\t")((write(tmp_path, "a.tsv", text),)))


def test_open_quote_is_an_error(tmp_path):
    path = write(tmp_path, "a.csv", 'text,label\n"never closed,x\n')
    with pytest.raises(RecordError, match=r"a\.csv:2: not a row"):
        strict(delimited(",", quoted=True)((path,)))


def test_json_errors_name_the_line(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"a": 1}\n\n{"a": \n')
    with pytest.raises(RecordError, match=r"a\.jsonl:3: not JSON"):
        strict(jsonl()((path,)))
    with pytest.raises(RecordError, match=r"b\.jsonl:1: an object of fields was expected, found list"):
        strict(jsonl()((write(tmp_path, "b.jsonl", "[1]\n"),)))
    with pytest.raises(RecordError, match=r"c\.json:2: not JSON"):
        list(json_list()((write(tmp_path, "c.json", "[\n{,}]"),)))
    with pytest.raises(RecordError, match="a list of records was expected, found dict"):
        list(json_list()((write(tmp_path, "d.json", "{}"),)))


def test_missing_field_and_unknown_label_are_errors(tmp_path):
    path = write(tmp_path, "a.jsonl", json_lines({"text": "t", "label": "x"}, {"text": "t", "label": "y"}))
    with pytest.raises(RecordError, match=r"a\.jsonl:2: label 'y' has no name"):
        read(reader(jsonl(), labelled("text", "label", named({"x": "X"}))), path)
    with pytest.raises(RecordError, match=r"a\.jsonl:1: field 'sentence' is missing"):
        read(reader(jsonl(), labelled("sentence", "label")), path)


def test_splits_of_one_file_are_disjoint_and_complete(tmp_path):
    text = "label,review\n" + "".join(f"{i % 2},评论{i}\n" for i in range(200))
    path = write(tmp_path, "all.csv", text)
    parts = {
        split: {item.text for item in read("chnsenticorp_htl", path, split=split)}
        for split in ("train", "validation", "test")
    }
    assert set.union(*parts.values()) == {f"评论{i}" for i in range(200)}
    assert sum(map(len, parts.values())) == 200
    assert len(parts["train"]) > len(parts["validation"]) > 0 < len(parts["test"])


def test_unlabelled_and_empty_records_are_skipped_not_lost(tmp_path):
    rows = [{"sentence1": "甲", "sentence2": "乙", "label": label} for label in ("neutral", "-")]
    found = read("ocnli", write(tmp_path, "train.json", json_lines(*rows)))
    assert found == [
        Instance("train.json:1", "cls", "甲\t乙", {"中立": ()}),
        Skipped("train.json:2", "no_gold_label"),
    ]
    assert read_all("chnsenticorp_htl", write(tmp_path, "a.csv", "label,review\n0,\n")) == [
        Skipped("a.csv:2", "empty_text")
    ]


@pytest.mark.parametrize(
    ("build", "row"),
    [
        (labelled("text", "label"), {"text": 3, "label": "x"}),
        (labelled("text", "label"), {"text": "t", "label": 3}),
        (pairs("text", lambda row: row["pairs"]), {"text": None, "pairs": []}),
        (pairs("text", lambda row: row["pairs"]), {"text": "t", "pairs": [["x", None]]}),
    ],
)
def test_what_is_no_string_is_an_error_in_its_place(build, row, tmp_path):
    with pytest.raises(RecordError, match=r"a\.jsonl:1: a text, a label and a span are strings, not (3|None)"):
        read(reader(jsonl(), build), write(tmp_path, "a.jsonl", json_lines(row)))


def test_null_is_no_text_and_no_label(tmp_path):
    rows = {"a": None, "b": "t", "label": "x"}, {"a": "t", "b": "t", "label": None}
    path = write(tmp_path, "a.jsonl", json_lines(*rows))
    for build in (labelled("a", "label"), sentence_pair("a", "b", "label"), sentence_pair("b", "a", "label")):
        assert read(reader(jsonl(), build), path) == [
            Skipped("a.jsonl:1", "empty_text"),
            Skipped("a.jsonl:2", "no_gold_label"),
        ]


def test_outer_spaces_of_a_span_are_cut_off(tmp_path):
    row = {"userInput": {"text": "at 8"}, "labels": [{"slot": "time", "valueSpan": {"startIndex": 2, "endIndex": 4}}]}
    (item,) = read("restaurant8k", write(tmp_path, "a.json", json.dumps([row])))
    assert item.gold == {"time": ("8",)}


def test_grouping_joins_records_of_one_key(tmp_path):
    path = write(tmp_path, "a.jsonl", json_lines({"k": 1, "v": "a"}, {"k": 2, "v": "b"}, {"k": 1, "v": "c"}))
    records = list(grouped(jsonl(), key=lambda row: row["k"])((path,)))
    assert [(record.id, [row["v"] for row in record.value]) for record in records] == [
        ("a.jsonl:1", ["a", "c"]),
        ("a.jsonl:2", ["b"]),
    ]
    with pytest.raises(RecordError, match=r"a\.jsonl:1: field 'x' is missing"):
        strict(grouped(jsonl(), key=lambda row: row["x"])((path,)))


# ---- columns


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("B-A I-A O B-A", [("A", 0, 2), ("A", 3, 4)]),
        ("B-A B-A I-B", [("A", 0, 1), ("A", 1, 2), ("B", 2, 3)]),
        ("I-A I-A B-A O I-A", [("A", 0, 2), ("A", 2, 3), ("A", 4, 5)]),
        ("B-A M-A E-A S-B E-B", [("A", 0, 3), ("B", 3, 4), ("B", 4, 5)]),
        ("B-creative-work I-creative-work", [("creative-work", 0, 2)]),
        ("", []),
    ],
)
def test_bio_iob1_and_bmes(tags, spans):
    assert tagged_spans(tags.split()) == spans


@given(st.lists(st.sampled_from(["O", "A", "BB"]), max_size=8), st.booleans(), st.data())
def test_spans_written_as_tags_are_read_back(labels, bmes, data):
    tags, spans, place = [], [], 0
    for label in labels:
        length = data.draw(st.integers(1, 3))
        if label == "O":
            tags += ["O"] * length
        else:
            inner = ["M"] * (length - 2) + ["E"] if bmes else ["I"] * (length - 1)
            tags += [f"{prefix}-{label}" for prefix in (["S"] if bmes and length == 1 else ["B", *inner])][:length]
            spans.append((label, place, place + length))
        place = len(tags)
    assert tagged_spans(tags) == spans


def test_columns_english_and_chinese(tmp_path):
    english = write(tmp_path, "en.txt", "Empire\tB-location\nState\tI-location\n.\tO\n\t\nAHFA\tB-group\n")
    assert read("wnut17", english) == [
        Instance("en.txt:1", "ext", "Empire State.", {"location": ("Empire State",)}),
        Instance("en.txt:5", "ext", "AHFA", {"group": ("AHFA",)}),
    ]
    weibo = write(tmp_path, "zh.txt", "在0\tO\n北0\tB-GPE.NAM\n京1\tI-GPE.NAM\n\n")
    assert read("weibo_ner", weibo) == [Instance("zh.txt:1", "ext", "在北京", {"行政区名": ("北京",)})]
    resume = write(tmp_path, "zh.bmes", "高 B-NAME\n勇 E-NAME\n： O\n汉 S-RACE\n")
    assert read("resume_ner", resume) == [
        Instance("zh.bmes:1", "ext", "高勇：汉", {"姓名": ("高勇",), "民族": ("汉",)})
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a\tO\nb\n", "a.txt:2: 2 columns were expected"), ("a\tO\n\nb\tX-LOC\n", "a.txt:3: tag 'X-LOC'")],
)
def test_malformed_columns_are_errors(tmp_path, text, problem):
    with pytest.raises(RecordError, match=problem):
        read(reader(conll(), entities()), write(tmp_path, "a.txt", text))


def test_a_malformed_line_costs_its_sentence(tmp_path):
    text = "a\tB-LOC\n\nb\tO\nc\nd\nd\tO\n\ne\tB-PER\n"
    path = write(tmp_path, "a.txt", text)
    first, broken, last = reader(conll(), entities())("train", (path,))
    assert (first.id, last.id) == ("a.txt:1", "a.txt:8")
    assert (broken.line, broken.problem) == (4, "2 columns were expected, found 1: 'c'")


def test_mentions_of_equal_words_share_one_question(tmp_path):
    rows = "Paris\tB-location_GPE\nand\tO\nParis\tB-person_artist/author\nof\tO\nTroy\tB-location_GPE\n"
    items = read("fewnerd.typing", write(tmp_path, "test.txt", rows), split="test")
    assert [(item.id, item.text, set(item.gold)) for item in items] == [
        (
            "test.txt:1/0",
            "what is the entity type of Paris in Paris and Paris of Troy?",
            {"geopolitical entity", "artist or author"},
        ),
        ("test.txt:1/1", "what is the entity type of Troy in Paris and Paris of Troy?", {"geopolitical entity"}),
    ]


def test_relation_columns(tmp_path):
    text = (
        "#doc 1\n0\tMrs.\tB-Peop\t['N']\t[0]\n1\tRose\tI-Peop\t['Live_In', 'Work_For']\t[3, 4]\n"
        "2\tin\tO\t['N']\t[2]\n3\tRome\tB-Loc\t['N']\t[3]\n4\tFAO\tB-Org\t['OrgBased_In']\t[3]\n"
        "#doc 2\n0\t.\tO\t['N']\t[0]\n"
    )
    path = write(tmp_path, "train.txt", text)
    assert read("conll04.spans", path) == [
        Instance(
            "train.txt:2",
            "ext",
            "Mrs. Rose in Rome FAO",
            {"person": ("Mrs. Rose",), "location": ("Rome",), "organization": ("FAO",)},
        ),
        Instance("train.txt:8", "ext", ".", {}),
    ]
    ask = "what is the relation between {} and {} in Mrs. Rose in Rome FAO?"
    assert [(item.text, set(item.gold)) for item in read("conll04.typing", path)] == [
        (ask.format("Mrs. Rose", "Rome"), {"live in"}),
        (ask.format("Mrs. Rose", "FAO"), {"work for"}),
        (ask.format("FAO", "Rome"), {"organization based in"}),
    ]
    with pytest.raises(RecordError, match="no entity ends there"):
        read("conll04.typing", write(tmp_path, "bad.txt", text.replace("[3, 4]", "[2, 4]")))


# ---- parallel files and labels in the text


def test_parallel_files(tmp_path):
    words = write(tmp_path, "train/seq.in", "fly to st. louis \n")
    tags = write(tmp_path, "train/seq.out", "O O B-toloc.city_name I-toloc.city_name \n")
    label = write(tmp_path, "train/label", "atis_flight#atis_flight_no\n")
    assert read("atis.slots", words, tags) == [
        Instance("seq.in:1", "ext", "fly to st. louis", {"destination city name": ("st. louis",)})
    ]
    assert read("atis.intent", words, label) == [
        Instance("seq.in:1", "cls", "fly to st. louis", {"flight": (), "flight no": ()})
    ]
    with pytest.raises(RecordError, match=r"label:2: the file ends here"):
        read("atis.intent", write(tmp_path, "seq.in", "a\nb\n"), label)
    with pytest.raises(RecordError, match="4 words but 1 tags"):
        read("atis.slots", words, write(tmp_path, "seq.out", "O\n"))


def test_word_tags(tmp_path):
    line = "list:O 2:30:B-YEAR faye:B-ACTOR dunaway:I-ACTOR <=> <NULL>\n"
    assert read("mit_movie", write(tmp_path, "train", line)) == [
        Instance("train:1", "ext", "list 2:30 faye dunaway", {"year": ("2:30",), "actor": ("faye dunaway",)})
    ]
    with pytest.raises(RecordError, match="train:1: 'list' is not `word:tag`"):
        read("mit_movie", write(tmp_path, "train", "list <=> <NULL>\n"))


def test_marked_pair(tmp_path):
    text = '1\t"The <e1>child</e1> is in "the" <e2>cradle</e2>."\r\nContent-Container(e1,e2)\r\nComment:\r\n\r\n'
    (item,) = read("semeval2010_8", write(tmp_path, "TRAIN.TXT", text))
    assert item.text == 'what is the relation between child and cradle in The child is in "the" cradle.?'
    assert set(item.gold) == {"content-container"}
    with pytest.raises(RecordError, match=r"bad\.txt:1: no <e1> … </e1> in"):
        read("semeval2010_8", write(tmp_path, "bad.txt", '1\t"nothing <e2>here</e2>"\nOther\n'))
