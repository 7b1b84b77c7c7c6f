"""Append-only journal: cut and corrupt lines, one process at a time, and the key that is never written."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.io.journal import AppendOnlyJournal, JournalError, records
from seqgpt_jax.io.openai_client import secret

RECORDS = [{"output": "爱\n\ud83d", "n": 1}, {"output": "", "n": 2}, {"output": "x" * 50, "n": 3}]


def written(path: Path, **settings) -> list[int]:
    with AppendOnlyJournal(path, lambda *_: None, **settings) as journal:
        return [journal.append(record) for record in RECORDS]


def read(path: Path, **settings) -> list[dict]:
    found = []
    with AppendOnlyJournal(path, lambda record, _: found.append(record), **settings):
        pass
    return found


def test_records_are_read_again_by_their_places(tmp_path) -> None:
    places = written(tmp_path / "a.jsonl", seconds_between_syncs=60)
    again = []
    with AppendOnlyJournal(tmp_path / "a.jsonl", lambda *found: again.append(found)) as journal:
        assert [journal.at(place) for place in reversed(places)] == RECORDS[::-1]
        journal.append({"n": 4})
        assert journal.at(places[1]) == RECORDS[1]
    assert again == [*zip(RECORDS, places, strict=True)]
    assert [*records(tmp_path / "a.jsonl")] == [*RECORDS, {"n": 4}]


@given(st.data())
def test_wherever_a_kill_cuts_the_file_whole_records_stay_and_more_can_follow(data) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        written(path)
        content = path.read_bytes()
        kept = content[: data.draw(st.integers(0, len(content)))]
        path.write_bytes(kept)
        whole = RECORDS[: kept.count(b"\n")]
        assert read(path) == whole
        written(path)
        assert read(path) == [*whole, *RECORDS]


@given(st.data())
def test_every_changed_byte_is_found(data) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        written(path)
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 2))  # without its last byte it is cut off
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        line = bytes(content[:place]).count(b"\n") + 1
        # Whoever reads lines without checksums sees that these are no records of his.
        for unchecked in (False, True):
            with pytest.raises(JournalError, match=rf"a\.jsonl:{line}: the line is corrupt \(.*remove the line"):
                AppendOnlyJournal(path, lambda record, _: record["n"], unchecked=unchecked)
        assert path.read_bytes() == content


def test_lines_without_checksums_are_read_on_request(tmp_path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS), encoding="utf-8")
    with pytest.raises(JournalError, match=r"a\.jsonl:1: the line is corrupt"):
        read(path)
    written(path, unchecked=True)
    assert read(path, unchecked=True) == RECORDS * 2


def test_one_process_has_it(tmp_path) -> None:
    path = tmp_path / "a.jsonl"
    for _ in range(2):
        with AppendOnlyJournal(path, lambda *_: None), pytest.raises(JournalError, match="another process writes it"):
            read(path)


@pytest.mark.parametrize("key", ['sk-"0123456789', "EMPTY"])
def test_the_key_is_not_written_and_a_word_in_its_place_changes_nothing(tmp_path, monkeypatch, key) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with AppendOnlyJournal(tmp_path / "a.jsonl", lambda *_: None, secret=secret()) as journal:
        journal.append({"output": f"a {key}."})
    assert [*records(tmp_path / "a.jsonl")] == [{"output": "a EMPTY." if key == "EMPTY" else "a ***."}]
