"""The rule by which texts with markup are cleaned."""

import pytest

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.cleaning import cleaned, plain_text, visible, without_markers
from seqgpt_jax.tasks.readers.jsonl import jsonl
from tests.tasks.records import json_lines, write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("He said &ldquo;no&rdquo;.", "He said “no”."),
        ("one<br /><br>two&lt;br/&gt;three", "one two three"),
        (r"first\nsecond\r\nthird", "first second third"),
        (r"a \"good\" place", 'a "good" place'),
        ("\u200b\ufeffzero\u00adwidth\u202e", "zerowidth"),
        ("👩\u200d🔬 at work", "👩\u200d🔬 at work"),
        ("two  spaces", "two spaces"),
        ("a line\nand\ta tab stay", "a line\nand\ta tab stay"),
        ("nothing to do here.", "nothing to do here."),
    ],
)
def test_markup_becomes_what_a_person_would_have_written(text, expected):
    assert plain_text(text) == expected
    assert plain_text(plain_text(text)) == expected


def test_only_what_nobody_sees_goes():
    assert visible("\u202a合作者\u202c") == "合作者"
    assert visible("e\u0301 ü 中") == "e\u0301 ü 中"


def test_a_span_of_a_marked_passage_is_one_of_the_cleaned_passage():
    passage = "[DOC] [TLE] Ulm [PAR] <P> Ulm  is <Tr>old</Tr> . </P> 3 < 4 [SEP] end"
    for start in range(len(passage)):
        for end in range(start + 1, len(passage) + 1):
            before, after = passage[start - 1 : start], passage[end : end + 1]
            if before.strip() or after.strip():  # a span is made of whole tokens
                continue
            span = without_markers(passage[start:end])
            assert span in without_markers(passage)
    assert without_markers(passage) == "Ulm Ulm is old . 3 < 4 end"


def test_fields_are_cleaned_and_everything_else_stays(tmp_path):
    rows = [{"text": "a<br />b", "note": "a<br />b", "label": 1}, {"text": None, "label": 2}]
    path = write(tmp_path, "a.jsonl", json_lines(*rows) + "broken\n")
    first, second, error = cleaned(jsonl(), "text")((path,))
    assert first.value == {"text": "a b", "note": "a<br />b", "label": 1}
    assert second.value == {"text": None, "label": 2}
    assert isinstance(error, RecordError)
