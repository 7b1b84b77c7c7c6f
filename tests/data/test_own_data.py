"""What --data may be: a file, files by split, a folder, each with or without a name."""

import pytest

from seqgpt_jax.data.own_data import is_own_data, parse_own_data


@pytest.mark.parametrize(
    ("text", "name", "files"),
    [
        ("a/tickets.jsonl", "tickets", "a/tickets.jsonl"),
        ("my_task:a b/tickets of May.csv", "my_task", "a b/tickets of May.csv"),
        ("train=a.jsonl", "a", {"train": "a.jsonl"}),
        ("train=d/train.csv,dev=d/dev.csv", "d", {"train": "d/train.csv", "validation": "d/dev.csv"}),
        ("test=x/mail-test.tsv,train=mail-train.tsv", "mail", {"test": "x/mail-test.tsv", "train": "mail-train.tsv"}),
        ("train=x/train_a.tsv", "a", {"train": "x/train_a.tsv"}),
        ("t:train=a.jsonl,valid=b.csv,test=c", "t", {"train": "a.jsonl", "validation": "b.csv", "test": "c"}),
        ("train=one.csv,test=two.csv", "one", {"train": "one.csv", "test": "two.csv"}),
    ],
)
def test_names_and_files(text, name, files):
    assert parse_own_data(text) == (name, files)


def test_a_folder_holds_a_file_for_each_split(tmp_path, capsys):
    folder = tmp_path / "calls"
    folder.mkdir()
    for name in ("train.jsonl", "dev.conll", "test.csv", "README.md", "train_2.jsonl", ".hidden"):
        (folder / name).touch()
    files = {"train": f"{folder}/train.jsonl", "validation": f"{folder}/dev.conll", "test": f"{folder}/test.csv"}
    assert parse_own_data(str(folder)) == ("calls", files)
    assert capsys.readouterr() == (
        "",
        f"--data={folder}: read are dev.conll, test.csv, train.jsonl; not read: README.md, train_2.jsonl\n",
    )
    assert parse_own_data(f"other:{folder}/") == ("other", files)
    (folder / "valid.csv").touch()
    capsys.readouterr()
    with pytest.raises(ValueError, match=r"dev\.conll and .*valid\.csv are both of validation"):
        parse_own_data(str(folder))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"--data=.*empty: the folder has no file called train.*--data=train=FILE"):
        parse_own_data(f"{tmp_path}/empty")


def test_a_file_that_is_there_is_meant_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("train=1,2.csv", "notes:may.csv", "a,b.csv", "c.csv"):
        (tmp_path / name).touch()
    assert parse_own_data("t:train=1,2.csv") == ("t", "train=1,2.csv")
    assert parse_own_data("t:notes:may.csv") == ("t", "notes:may.csv")
    assert parse_own_data("t:train=a,b.csv,test=c.csv") == ("t", {"train": "a,b.csv", "test": "c.csv"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tain=a.csv,test=b.csv", "--data=tain=a.csv,test=b.csv: 'tain' is not a split: did you mean 'train'"),
        ("train=a.csv,train=b.csv", "train is there twice"),
        ("dev=a.csv,valid=b.csv", "validation is there twice"),
        ("train=,test=b.csv", "'' is not a file"),
        ("train=a.csv,b.csv", "write train=FILE,test=FILE: 'a.csv,b.csv' is not a file"),
        ("my tickets.csv", "'my tickets' is not a task name.*--data=NAME:my tickets.csv"),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(text, message):
    with pytest.raises(ValueError, match=message):
        parse_own_data(text)


def test_own_data_and_stores_of_evaluation(tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    assert is_own_data(str(store))
    (store / "manifest.json").touch()
    assert not is_own_data(str(store))
    assert not is_own_data("prepared/held_out.test.0123456789")
    assert not is_own_data("gs://bucket/store")
    assert is_own_data("train=a.csv,test=b.csv")
    (tmp_path / "a.csv").touch()
    assert is_own_data(str(tmp_path / "a.csv"))
