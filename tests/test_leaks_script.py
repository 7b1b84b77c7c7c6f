"""The command: exit codes, flags, a report without texts."""

import json

import pytest

from seqgpt_jax import leaks
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.data.raw.files import DATA_DIR_VARIABLE


@pytest.fixture
def trec(tmp_path, monkeypatch):
    """A data folder with a training and a test file of one data set; returns a function that writes them."""
    folder = tmp_path / "data" / "trec"
    folder.mkdir(parents=True)
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path / "data"))

    def write(train: list[str], test: list[str]) -> None:
        for name, questions in (("TREC.train", train), ("TREC.test", test)):
            lines = "".join(f"LOC:other {question}\n" for question in questions)
            (folder / name).write_text(lines, encoding="latin-1")

    return write


def run(*words: str) -> int:
    return leaks.main(["--train=trec", "--evaluation=trec", *words])


def test_no_leaks_exit_code_0(trec, capsys) -> None:
    trec(["Where is the salt mine ?"], ["Where does the tram end ?"])
    assert run() == 0
    assert "0 of 1 training instances leak" in capsys.readouterr().out


def test_leaks_exit_code_1_and_a_report_of_ids(trec, capsys, tmp_path) -> None:
    trec(["Where is the salt mine ?", "Where is Bo ?"], ["Where does the tram end ?", "where is the Salt-Mine"])
    assert run(f"--output={tmp_path}/leaks.json") == 1
    assert "1 of 2 training instances leak: 1 exactly, 0 nearly, 0 by a sentence" in capsys.readouterr().out
    report = json.loads((tmp_path / "leaks.json").read_text(encoding="utf-8"))
    assert report["command"].startswith("python -m seqgpt_jax.leaks --train=trec --evaluation=trec")
    (example,) = report["pairs"][0]["examples"]
    assert (example["train_id"], example["evaluation_id"]) == ("trec/train/TREC.train:1", "trec/test/TREC.test:2")
    assert "salt" not in (tmp_path / "leaks.md").read_text(encoding="utf-8")


def test_own_data(trec, tmp_path) -> None:
    trec(["Where is Bo ?"], ["Where is the salt mine ?"])
    texts = [*(f"where is the salt mine number {number}" for number in range(40)), "Where is the salt mine?"]
    rows = [{"text": text, "task": "cls", "answers": "place"} for text in texts]
    path = tmp_path / "mines.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    binding = f"--gin.Prepare.own_data={{'mines': {{'train': '{path}'}}}}"
    assert leaks.main([binding, "--train=mines", "--evaluation=trec"]) == 1
    with pytest.raises(
        UsageError, match="--data: mines would not be used, because neither --train nor --evaluation names it"
    ):
        leaks.main([f"--data={path}", "--train=trec", "--evaluation=trec"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--train=trec", "--evaluation=tresc"), "no mixture or task 'tresc': did you mean trec"),
        (("--train=ag_news", "--evaluation=trec"), "ag_news.*(no split 'train'|has a split 'train'|held out)"),
    ],
)
def test_unknown_names(trec, words, message) -> None:
    trec(["a"], ["b"])
    with pytest.raises(ValueError, match=message):
        leaks.main(words)


def test_missing_files_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="TREC"):
        run()


def test_the_output_must_be_json(trec, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("--output=leaks.txt")
    assert stopped.value.code == 2
    assert "must end in .json" in capsys.readouterr().err


def test_help_has_an_example(capsys) -> None:
    with pytest.raises(SystemExit):
        leaks.main(["--help"])
    assert "--train=ft --evaluation=ft,held_out" in capsys.readouterr().out
