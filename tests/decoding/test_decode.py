"""The command from end to end, on a random model."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import time

import pytest

from seqgpt_jax import decode
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.decoding.answer_file import AnswerFile, AnswerFileInUseError
from seqgpt_jax.decoding.answers import answer
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.decoding.question_files import QuestionError
from seqgpt_jax.decoding.questions import Question
from seqgpt_jax.io.contract import ContractFileError, read_contract, write_contract
from seqgpt_jax.io.model_folder import LoadingError
from seqgpt_jax.io.tokenizer import save_tokenizer
from tests.decoding import folders
from tests.decoding.test_answers import Canned
from tests.decoding.test_spans import Reader

# Not to be loaded: it has no weights.
WEIGHTLESS = {"config.json": "{}", "seqgpt.json": "{}"}
FAST = ("--gin.Decode.num_beams=2", "--gin.Decode.max_new_tokens=48", "--gin.Decode.batch_size=4")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return folders.write_folder(tmp_path_factory.mktemp("model") / "random")


@pytest.fixture
def weightless(tmp_path):
    """A model folder with everything but weights."""
    folder = tmp_path / "weightless"
    save_tokenizer(folders.tokenizer(), folder)
    for name, content in WEIGHTLESS.items():
        (folder / name).write_text(content)
    return folder


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
    assert [len(one["output"]) for one in written] == [2, 1]
    assert [one["further_prompts"] for one in written] == [1, 0]
    assert all(prompt["mean_log_prob"] < 0 for one in written for prompt in one["output"])


def test_places_and_scores_are_printed_and_written(model, tmp_path, capsys) -> None:
    text = "Ada\r\nLovelace 👩‍👧 visited 杭州"
    (tmp_path / "asked.jsonl").write_text(json.dumps({"text": text, "task": "ext", "labels": ["a", "b", "c"]}))
    flags = (f"--model={model}", f"--input={tmp_path / 'asked.jsonl'}", f"--output={tmp_path / 'answers.jsonl'}")
    assert decode.main([*flags, *FAST]) == 0
    (line,) = (tmp_path / "answers.jsonl").read_text().splitlines()
    spans = [span for of_label in json.loads(line)["found"].values() for span in of_label]
    assert spans
    for span in spans:
        assert text[span["start"] : span["end"]] == span["text"]
        assert 0 < span["score"] <= 1
    capsys.readouterr()
    assert decode.main([f"--model={model}", "--task=ext", f"--text={text}", "--labels=a, b, c", *FAST]) == 0
    assert re.search(r"\(\d+-\d+, \d+ %\)", capsys.readouterr().out)


def test_a_killed_run_goes_on_and_no_line_is_lost_or_twice(model, tmp_path) -> None:
    path, output = tmp_path / "asked.jsonl", tmp_path / "answers.jsonl"
    asked = [
        {"text": f"Ada {number} in Turin", "task": "cls", "labels": ["a", "b"], "id": number} for number in range(200)
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in asked))
    command = [sys.executable, "-m", "seqgpt_jax.decode", f"--model={model}", f"--input={path}"]
    command += ["--gin.Decode.num_beams=1", "--gin.Decode.max_new_tokens=16", "--gin.Decode.batch_size=1"]
    whole = tmp_path / "whole.jsonl"
    subprocess.run([*command, f"--output={whole}"], check=True, capture_output=True)
    kills = 0
    while not output.exists():
        with subprocess.Popen([*command, f"--output={output}"], stdout=subprocess.PIPE, text=True) as process:
            before = sum(part.stat().st_size for part in tmp_path.glob("answers.jsonl.partial-*"))
            while process.poll() is None and not output.exists():
                sizes = [part.stat().st_size for part in tmp_path.glob("answers.jsonl.partial-*")] if kills < 2 else []
                if sizes and sizes[0] > before:
                    process.kill()
                    kills += 1
                time.sleep(0.002)
        for part in tmp_path.glob("answers.jsonl.partial-*"):
            # As a kill within a write leaves it.
            with part.open("ab") as file:
                file.write(b'{"text": "cut')
    assert kills == 2
    assert output.read_bytes() == whole.read_bytes()
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == list(range(200))
    assert not list(tmp_path.glob("*.partial-*"))


def test_shards_together_are_the_whole(model, tmp_path, capsys) -> None:
    asked = [{"text": f"Ada {n}", "task": "ext", "labels": ["a"], "id": n} for n in range(7)]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked))
    flags = (f"--model={model}", f"--input={tmp_path / 'asked.jsonl'}", *FAST)
    parts = []
    for number in range(3):
        output = tmp_path / f"answers.{number}"
        assert decode.main([*flags, f"--output={output}", f"--shard={number}/3"]) == 0
        parts.append(output.read_text())
    assert all(parts)
    assert [json.loads(line)["id"] for line in "".join(parts).splitlines()] == list(range(7))
    for wrong in ("3/3", "1", "-1/2", "a/b"):
        with pytest.raises(SystemExit):
            decode.main([*flags, f"--output={tmp_path / 'x'}", f"--shard={wrong}"])
        assert "is no part: 0/4 is the first of four" in capsys.readouterr().err


def test_a_file_that_another_process_writes_is_refused(tmp_path) -> None:
    with (
        AnswerFile(tmp_path / "answers.jsonl", {}) as first,
        pytest.raises(AnswerFileInUseError, match="another process writes it"),
    ):
        AnswerFile(tmp_path / "answers.jsonl", {})
    first = AnswerFile(tmp_path / "answers.jsonl", {})
    first.append(["{}\n"])
    first.finish()
    assert (tmp_path / "answers.jsonl").read_text() == "{}\n"


def test_another_question_or_model_begins_anew(tmp_path) -> None:
    path = tmp_path / "answers.jsonl"
    with AnswerFile(path, {"model": "one"}) as file:
        file.append(["a\n", "b\n"])
    with AnswerFile(path, {"model": "one"}) as file:
        assert file.done == 2
    with AnswerFile(path, {"model": "two"}) as file:
        assert file.done == 0
        file.append(["c\n"])
        file.finish()
    assert path.read_text() == "c\n"


def test_bad_lines_are_kept_aside_where_that_is_asked(model, tmp_path, capsys) -> None:
    path, output = tmp_path / "asked.jsonl", tmp_path / "answers.jsonl"
    questions(path)
    with path.open("a") as file:
        file.write('{broken\n{"text": "x", "task": "cls", "labels": ["a", "a"]}\n')
    flags = (f"--model={model}", f"--input={path}", f"--output={output}")
    assert decode.main([*flags, "--skip_bad_lines", *FAST]) == 0
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == [1, 2]
    rejected = [json.loads(line) for line in (tmp_path / "answers.jsonl.rejected.jsonl").read_text().splitlines()]
    assert [one["line"] for one in rejected] == [3, 4]
    assert "not JSON" in rejected[0]["error"]
    assert "written alike" in rejected[1]["error"]
    assert "2 lines could not be asked" in capsys.readouterr().out
    questions(path)
    assert decode.main([*flags, "--skip_bad_lines", *FAST]) == 0
    assert not (tmp_path / "answers.jsonl.rejected.jsonl").exists()


def test_an_input_that_changes_while_it_is_answered_is_an_error(model, tmp_path, monkeypatch) -> None:
    asked = tmp_path / "asked.jsonl"
    questions(asked)
    append = AnswerFile.append

    def change_input(self, lines) -> None:
        append(self, lines)
        asked.write_text(asked.read_text() + "\n")

    monkeypatch.setattr(AnswerFile, "append", change_input)
    output = tmp_path / "answers.jsonl"
    with pytest.raises(UsageError, match=r"asked\.jsonl was changed while it was answered"):
        decode.main([f"--model={model}", f"--input={asked}", f"--output={output}", *FAST])
    assert not output.exists()


def test_half_an_emoji_does_not_end_the_run(model, tmp_path) -> None:
    asked = tmp_path / "asked.jsonl"
    line = {"text": "Ada left \ud83d", "task": "cls", "labels": ["a", "b"], "user": "\ud83d"}
    asked.write_text(json.dumps(line) + "\n")
    output = tmp_path / "answers.jsonl"
    assert decode.main([f"--model={model}", f"--input={asked}", f"--output={output}", *FAST]) == 0
    (written,) = [json.loads(line) for line in output.read_text().splitlines()]
    assert written["user"] == "\ud83d"


def test_what_a_file_itself_excludes_is_counted(model, tmp_path, capsys) -> None:
    asked = tmp_path / "prodigy.jsonl"
    records = [
        {"text": f"text {i}", "accept": ["a"], "options": [], "answer": answer}
        for i, answer in enumerate(["accept", "reject", "ignore", "reject"])
    ]
    asked.write_text("".join(json.dumps(one) + "\n" for one in records))
    flags = [f"--model={model}", f"--input={asked}", f"--output={tmp_path / 'answers.jsonl'}", "--labels=a,b"]
    assert decode.main([*flags, *FAST]) == 0
    assert "2 records are left out: the annotator's answer is 'reject'" in capsys.readouterr().out


def test_the_likeliest_label_is_chosen_and_all_are_scored(model, tmp_path, capsys) -> None:
    questions(tmp_path / "asked.jsonl")
    flags = (f"--model={model}", f"--input={tmp_path / 'asked.jsonl'}", f"--output={tmp_path / 'answers.jsonl'}")
    assert decode.main([*flags, "--choose=one_or_none", *FAST]) == 0
    extraction, classification = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert "label_scores" not in extraction
    scores = classification["label_scores"]
    assert list(scores) == ["财经", "旅游", "None"]
    best = max(scores, key=scores.get)
    assert classification["answers"] == ([] if best == "None" else [best])
    assert sum(classification["label_probabilities"].values()) == pytest.approx(1)
    one = (f"--model={model}", "--task=cls", "--text=杭州", "--labels=财经, 旅游", "--choose=one")
    capsys.readouterr()
    assert decode.main([*one, *FAST]) == 0
    said = capsys.readouterr().out.splitlines()
    label, _, share = said[0].partition(", ")
    assert label in ("财经", "旅游")
    assert re.fullmatch(r"\d+ %", share)
    assert said[1].endswith(f"%  {label}")


def test_a_span_over_a_line_break_is_in_the_text(capsys) -> None:
    known = {"person": ("Ada Lovelace",), "city": ()}
    decode._print_answer(*answer(Reader(known), [Question("Ada\r\nLovelace left", "ext", tuple(known))]))
    said = capsys.readouterr().out
    assert "Lovelace (0-13)" in said
    assert "not in the text" not in said
    decode._print_answer(*answer(Canned("person: Ada\tEve\n"), [Question("Ada left", "ext", ("person",))]))
    assert "(not in the text: Eve)" in capsys.readouterr().out


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
        (("--text=  ", "--task=cls", "--labels=b,c"), "^--text=  : the text is empty"),
        (("--text=a", "--task=cls", "--labels=b,b"), "--labels=b,b: labels 'b' and 'b' are written alike"),
        (("--text=a", "--task=cls", "--labels=b", "--gin.Decode.num_beams=0"), "Decode.num_beams must be"),
        (("--text=a", "--task=ext", "--labels=b", "--choose=one"), "'choose' is for classifications"),
        (
            ("--text=a", "--task=ext", "--labels=a person", "--gin.Decode.max_new_tokens=4"),
            r"label 'a person' takes \d+ tokens, but may have only 4: set Decode.max_new_tokens to \d+ or more",
        ),
    ],
)
def test_what_is_wrong_with_the_flags_is_reported_before_the_model_is_loaded(flags, message, weightless) -> None:
    with pytest.raises(UsageError, match=message):
        decode.main([f"--model={weightless}", *flags])


def test_a_missing_model_and_a_broken_contract_are_named(weightless) -> None:
    flags = ("--task=cls", "--text=a", "--labels=b, c")
    with pytest.raises(LoadingError, match="no folder 'nowhere': give a run folder"):
        decode.main(["--model=nowhere", *flags])
    (weightless / "seqgpt.json").write_text('{"template": "latin"}')
    with pytest.raises(UsageError, match="there is no template 'latin'"):
        decode.main([f"--model={weightless}", *flags])
    (weightless / "seqgpt.json").write_text('{"max_prompt_tokens": 0}')
    with pytest.raises(ContractFileError, match="max_prompt_tokens must be a whole number of at least 1, not 0"):
        decode.main([f"--model={weightless}", *flags])


def test_the_model_is_asked_as_its_folder_says(model, tmp_path, monkeypatch, capsys) -> None:
    """Template, chunks and limits of the contract reach the engine; without a contract the defaults do, with a note."""
    prompts = []

    def generate(engine, batch, progress=None):
        prompts.extend((engine.limits.contract.max_prompt_tokens, prompt.text) for prompt in batch)
        return [Completion("") for _ in batch]

    monkeypatch.setattr("seqgpt_jax.decoding.engine.Engine.generate", generate)
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    asked = [f"--model={folder}", "--task=ext", "--text=Ada", "--labels=a, b, c"]
    written = dataclasses.replace(read_contract(folder), template="english", max_queries=2, max_prompt_tokens=77)
    write_contract(folder, written)
    assert decode.main(asked) == 0
    assert "note" not in capsys.readouterr().out
    (folder / "seqgpt.json").unlink()
    assert decode.main(asked) == 0
    assert "has no seqgpt.json: using the chinese template, prompts of at most 1,024" in capsys.readouterr().out
    english = [f"Input: Ada\nExtract: {labels}\nOutput: [GEN]" for labels in ("a, b", "c")]
    assert prompts == [*((77, text) for text in english), (1024, "输入: Ada\n抽取: a，b，c\n输出: [GEN]")]


def test_the_whole_input_is_checked_before_the_model_is_loaded(tmp_path, weightless) -> None:
    path = tmp_path / "asked.jsonl"
    questions(path)
    with path.open("a") as file:
        file.write("{broken\n")
    with pytest.raises(QuestionError, match=f"{path}:3: not JSON"):
        decode.main([f"--model={weightless}", f"--input={path}", f"--output={tmp_path / 'out.jsonl'}"])
    with pytest.raises(UsageError, match="is a folder or the input itself"):
        decode.main([f"--model={weightless}", f"--input={path}", f"--output={path}"])


def test_help_is_quick() -> None:
    started = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "seqgpt_jax.decode", "--help"], capture_output=True, text=True
    )
    assert run.returncode == 0
    assert "--labels" in run.stdout
    assert " jax\n" not in run.stderr, "--help imports JAX"
    assert time.monotonic() - started < 30
