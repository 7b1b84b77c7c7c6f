"""The command from end to end, on a random model."""

import json
import subprocess
import sys
import time

import pytest

from seqgpt_jax import decode
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.decoding.question_files import QuestionError
from tests.decoding import folders

FAST = ("--gin.Decode.num_beams=2", "--gin.Decode.max_new_tokens=8", "--gin.Decode.batch_size=4")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return folders.write_folder(tmp_path_factory.mktemp("model") / "random")


def questions(path):
    asked = [
        {"text": "Ada in Turin", "task": "ext", "labels": [f"q{i}" for i in range(7)], "id": 1},
        {"text": "杭州欢迎你。", "task": "cls", "labels": ["财经", "旅游"], "id": 2},
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in asked))
    return asked


def test_a_file_is_answered_line_by_line(model, tmp_path, capsys) -> None:
    asked = questions(tmp_path / "asked.jsonl")
    output = tmp_path / "new" / "answers.jsonl"
    flags = (f"--model={model}", f"--input={tmp_path / 'asked.jsonl'}", f"--output={output}")
    assert decode.main([*flags, *FAST]) == 0
    written = [json.loads(line) for line in output.read_text().splitlines()]
    assert [{key: one[key] for key in asked[0]} for one in written] == asked
    assert list(written[0]["answers"]) == asked[0]["labels"]
    assert isinstance(written[1]["answers"], list)
    said = capsys.readouterr().out
    assert "2 questions in 3 prompts" in said
    assert f"{sum(not one['well_formed'] for one in written)} answers not well formed" in said
    assert [len(one["mean_log_probs"]) for one in written] == [2, 1]
    assert all(score < 0 for one in written for score in one["mean_log_probs"])


def test_one_question_is_printed(model, capsys) -> None:
    flags = (f"--model={model}", "--task=ext", "--text=Ada in Turin", "--labels=person, city")
    assert decode.main([*flags, *FAST]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("person: ")
    assert said[1].startswith("city: ")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "nothing to answer: give --input and --output, or --text"),
        (("--input=a.jsonl",), "--input needs --output too"),
        (("--text=a",), "--text needs --task and --labels too"),
        (("--text=a", "--task=cls", "--labels=b,c", "--input=a", "--output=b"), "not both"),
        (("--text=a", "--task=cls", "--labels=b,b"), "--labels=b,b: labels 'b' and 'b' are written alike"),
        (("--text=a", "--task=cls", "--labels=b", "--gin.Decode.num_beams=0"), "Decode.num_beams must be"),
    ],
)
def test_what_is_wrong_with_the_flags_is_said_before_the_model_is_looked_at(flags, message) -> None:
    with pytest.raises(UsageError, match=message):
        decode.main(["--model=nowhere", *flags])


def test_the_whole_input_is_checked_before_the_model_is_looked_at(tmp_path) -> None:
    path = tmp_path / "asked.jsonl"
    questions(path)
    with path.open("a") as file:
        file.write("{broken\n")
    with pytest.raises(QuestionError, match=f"{path}:3: is not JSON"):
        decode.main(["--model=nowhere", f"--input={path}", f"--output={tmp_path / 'out.jsonl'}"])
    with pytest.raises(UsageError, match="is a folder or the input itself"):
        decode.main(["--model=nowhere", f"--input={path}", f"--output={path}"])


def test_help_is_quick() -> None:
    started = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "seqgpt_jax.decode", "--help"], capture_output=True, text=True
    )
    assert run.returncode == 0
    assert "--labels" in run.stdout
    assert " jax\n" not in run.stderr, "--help imports JAX"
    assert time.monotonic() - started < 30
