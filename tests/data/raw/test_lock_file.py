"""The lock file: what is on record is compared ever after."""

import pytest

from seqgpt_jax.data.raw.lock_file import NAME, LockError, LockFile, sha256_of


def test_what_is_recorded_is_read_again_and_in_the_same_order(tmp_path):
    lock = LockFile(tmp_path)
    lock.record("https://example.org/b", {"sha256": "2" * 64, "size": 3}, {"set/b": "b"})
    lock.record("https://example.org/a", {"sha256": "1" * 64, "size": 3}, {"set/a": "a"})
    text = (tmp_path / NAME).read_text()
    assert [line.split('"')[3] for line in text.splitlines()] == [
        "set/a",
        "set/b",
        "https://example.org/a",
        "https://example.org/b",
    ]
    again = LockFile(tmp_path)
    assert again.source("https://example.org/a")["size"] == 3
    assert again.sha256("set/b") == "b"
    assert again.source("https://example.org/c") == {}
    again.record("", {}, {})
    assert (tmp_path / NAME).read_text() == text


def test_differences_are_named_with_both_checksums_and_the_way_out(tmp_path):
    lock = LockFile(tmp_path)
    lock.record("u", {"sha256": "1" * 64}, {"set/a": "2" * 64})
    lock.check_source("u", "1" * 64)
    lock.check_source("new", "3" * 64)
    lock.check_file("set/a", "2" * 64)
    lock.check_file("set/new", "3" * 64)
    with pytest.raises(LockError, match=rf"{'1' * 64} was expected, {'3' * 64} was received.*remove the line of"):
        lock.check_source("u", "3" * 64)
    with pytest.raises(LockError, match=rf"{'4' * 64} was expected, {'1' * 64} was received: the published file has"):
        lock.check_source("u", "1" * 64, "4" * 64)
    lock.check_source("u", "3" * 64, "3" * 64)  # the declaration is newer
    with pytest.raises(LockError, match="remove the file to download it again"):
        lock.check_file("set/a", "3" * 64)
    with pytest.raises(LockError, match="the rows have changed"):
        lock.check_file("set/a", "3" * 64, here=False)


def test_a_removed_line_leaves_a_lock_file_and_a_broken_one_is_named(tmp_path):
    lock = LockFile(tmp_path)
    for name in "abc":
        lock.record(name, {"sha256": name}, {})
    path = tmp_path / NAME
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert LockFile(tmp_path).source("c") == {}
    path.write_text(lines[0] + "{half\n")
    with pytest.raises(LockError, match=rf"{NAME}:2: '{{half' is no such fact: remove the line"):
        LockFile(tmp_path)


def test_the_checksum_of_a_folder_is_of_names_and_contents(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder / "deep").mkdir(parents=True)
        (tmp_path / folder / "deep/x").write_text("1")
    assert sha256_of(tmp_path / "a") == sha256_of(tmp_path / "b")
    (tmp_path / "b/deep/x").rename(tmp_path / "b/deep/y")
    assert sha256_of(tmp_path / "a") != sha256_of(tmp_path / "b")
