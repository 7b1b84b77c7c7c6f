"""Passages: every kind of input, cuts at sentence ends, languages, repetitions, the choice of tasks."""

import json
from collections import Counter

import pytest

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.synthesis.config import TABLE_1, SynthesizeConfig
from seqgpt_jax.synthesis.inputs import Text, input_files, texts
from seqgpt_jax.synthesis.passages import PassageCounts, chosen_task, passages, pieces, word_starts
from tests.synthesis.texts import text

pytest.importorskip("py3langid", reason="`pip install -e '.[synthesize]'` brings it")


def cut(*given: str, **settings) -> tuple[list, PassageCounts]:
    counts = PassageCounts(0, 0, {}, [])
    found = passages((Text(f"t:{n}", one) for n, one in enumerate(given)), SynthesizeConfig(**settings), counts)
    return list(found), counts


def test_pieces_hold_the_whole_text_within_the_limit_and_end_with_sentences() -> None:
    whole = " ".join(text(number) for number in range(40))
    found = list(pieces(whole, 60, word_starts))
    assert max(size for _, size in found) <= 60
    assert all(len(word_starts(piece)) == size for piece, size in found)
    assert "".join("".join(piece.split()) for piece, _ in found) == "".join(whole.split())
    assert all(piece.endswith((".", "。")) for piece, _ in found)


def test_a_sentence_that_is_too_long_is_cut_before_a_word() -> None:
    found = [piece for piece, _ in pieces("one two three four five six", 4, word_starts)]
    assert found == ["one two three four", "five six"]
    assert [piece for piece, _ in pieces("一二三四五六七", 3, word_starts)] == ["一二三", "四五六", "七"]


def test_passages_are_one_line_each_once_and_in_a_known_language() -> None:
    french = "Le chat est assis sur la table et regarde les oiseaux qui chantent dans le jardin ce matin."
    found, counts = cut(
        text(0).replace(". ", ".\n\n"),
        text(0).upper(),
        french,
        "Too short.",
        text(4),
        text(1).replace(" and ", " \x07and "),
    )
    assert [(one.id, one.language) for one in found] == [("t:0#0", "en"), ("t:4#0", "zh"), ("t:5#0", "en")]
    assert (found[0].text, found[2].text) == (text(0), text(1))
    assert counts.dropped == {"duplicate": 1, "other_language": 1, "too_short": 1}
    assert (counts.texts, counts.passages) == (6, 3)


def test_the_number_of_passages_is_a_limit() -> None:
    found, counts = cut(*map(text, range(10)), passages=3)
    assert len(found) == counts.passages == 3


def test_tasks_have_the_shares_of_the_paper_and_depend_on_the_text_alone() -> None:
    shares = TABLE_1["en"]
    drawn = Counter(chosen_task(text(number), shares, 0) for number in range(4000))
    for task, number in shares.items():
        assert drawn[task] / 4000 == pytest.approx(number / sum(shares.values()), abs=0.025)
    assert chosen_task("a", {"NER": 1}, 5) == "NER"


def test_json_text_and_parquet_give_the_same_texts(tmp_path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    given = [text(number) for number in range(3)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"body": one}) + "\n" for one in given), encoding="utf-8")
    wrapped = [given[0].replace(" studied", "\nstudied"), *given[1:]]
    (tmp_path / "b.txt").write_text("\n\n".join(wrapped), encoding="utf-8")
    parquet.write_table(pyarrow.table({"body": given, "n": [1, 2, 3]}), tmp_path / "c.parquet")
    files = input_files([str(tmp_path / name) for name in ("a.jsonl", "b.txt", "c.parquet")])
    assert [[one.text for one in texts(file, "body")] for file in files] == [given] * 3
    with pytest.raises(ValueError, match=r"no column 'text'; there are body, n: --gin\.Synthesize\.text_field"):
        list(texts(files[2], "text"))
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="no Parquet file"):
        list(texts(tmp_path / "d.parquet", "text"))


def test_broken_records_are_named_and_counted(tmp_path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": 5}\n{"tex\n{"title": "x"}\n' + json.dumps({"text": text(1)}) + "\n", encoding="utf-8")
    found = list(texts(path, "text"))
    assert [isinstance(one, RecordError) for one in found] == [True, True, True, False]
    assert "a.jsonl:3" in str(found[2])
    assert "there are title" in str(found[2])
    counts = PassageCounts(0, 0, {}, [])
    assert len(list(passages(found, SynthesizeConfig(), counts))) == 1
    assert counts.dropped == {"unreadable": 3}
    assert len(counts.errors) == 3


def test_an_input_that_cannot_be_read_is_named(tmp_path) -> None:
    (tmp_path / "a.pdf").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.pdf: the name must end in one of \.jsonl"):
        input_files([str(tmp_path / "a.pdf")])
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match=r"two files are called a\.txt"):
        input_files([str(tmp_path / "x" / "a.txt"), str(tmp_path / "y" / "a.txt")])
