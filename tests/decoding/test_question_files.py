"""Files of questions: every fault is named with file and line, and nothing else gets lost."""

import json
import math
import tracemalloc

import pytest

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding.answers import answer
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.question_files import QuestionError, answered_lines, parse_question, read_questions
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.tasks.own_questions import question_lines

LIMITS = PromptLimits(ModelContract())


class Canned:
    """Completes with what it was given."""

    def __init__(self, completions) -> None:
        self.limits, self.completions = LIMITS, completions

    def generate(self, prompts, progress=None):
        assert len(prompts) == len(self.completions)
        return self.completions


def _read(*args):
    return list(read_questions(*args))


GOOD = {"text": "Ada in Turin", "task": "ext", "labels": ["person", "city"]}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"text": ', "not JSON: Expecting value"),
        ("[1, 2]", "an object of fields was expected, .* found a list"),
        ('{"text": "x", "task": "cls"}', "lacks 'labels'"),
        (json.dumps(GOOD | {"labels": []}), "label set is empty"),
        (json.dumps(GOOD | {"labels": "a, b"}), "'labels' must be a list of strings, not 'a, b'"),
        (json.dumps(GOOD | {"labels": ["a", 3]}), "'labels' must be a list of strings"),
        (json.dumps(GOOD | {"labels": ["a", "a"]}), "are written alike"),
        (json.dumps(GOOD | {"task": "cls", "labels": ["a，b"]}), "holds the separator"),
        (json.dumps(GOOD | {"task": "ner"}), "'task' must be .*not 'ner'"),
        (json.dumps(GOOD | {"task": ["cls"]}), "'task' must be"),
        (json.dumps(GOOD | {"text": 3}), "'text' must be a string"),
        (
            json.dumps(GOOD | {"task": "cls", "choose": "two"}),
            "'choose' must be one of any, .*not 'two'",
        ),
        (json.dumps(GOOD | {"choose": "one"}), "'choose' is for classifications"),
        (json.dumps(GOOD | {"label_scores": {}}), "has 'label_scores', which the output uses"),
        (b"\xff\xfe", "byte 0xff .* is not utf-8"),
    ],
)
def test_faults_are_named_with_file_and_line(tmp_path, line, fault) -> None:
    path = tmp_path / "asked.jsonl"
    raw = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(json.dumps(GOOD).encode() + b"\n\n" + raw + b"\n")
    with pytest.raises(QuestionError, match=fault) as error:
        _read(path, question_lines(path), LIMITS)
    assert str(error.value).startswith(f"{path}:3: ")


def test_all_faults_are_named_at_once_but_not_thousands(tmp_path) -> None:
    path = tmp_path / "asked.jsonl"
    path.write_text("{}\n" * 5)
    with pytest.raises(QuestionError) as error:
        _read(path, question_lines(path), LIMITS)
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == [f"{path}:{i}" for i in range(1, 6)]
    path.write_text("{}\n" * 500)
    with pytest.raises(QuestionError, match="… and 490 more"):
        _read(path, question_lines(path), LIMITS)


def test_a_missing_or_empty_file_is_named(tmp_path) -> None:
    with pytest.raises(QuestionError, match=r"none.jsonl: cannot be read \(No such file"):
        _read(tmp_path / "none.jsonl", question_lines(tmp_path / "none.jsonl"), LIMITS)
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(QuestionError, match=r"empty.jsonl: holds no question"):
        _read(tmp_path / "empty.jsonl", question_lines(tmp_path / "empty.jsonl"), LIMITS)


def test_further_keys_and_own_spelling_are_carried_through(tmp_path) -> None:
    asked = [
        {"id": 7, **GOOD, "labels": ["who，exactly", "city"], "note": {"deep": ["杭州"]}},
        {**GOOD, "task": "cls", "text": "line\u2028break"},
    ]
    path = tmp_path / "asked.jsonl"
    path.write_text("\ufeff" + "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in asked), encoding="utf-8")
    lines = _read(path, question_lines(path), LIMITS)
    outputs = ("who,exactly: Ada\ncity: None\n", "person\tcity or so")
    completions = (Completion(outputs[0], score=-0.25), Completion(outputs[1], truncated=7, finished=False))
    answers = answer(Canned(completions), [line.question for line in lines])
    (tmp_path / "answered.jsonl").write_text("".join(answered_lines(lines, answers)), encoding="utf-8")
    written = [json.loads(line) for line in (tmp_path / "answered.jsonl").read_bytes().splitlines()]
    assert written == [
        asked[0]
        | {"answers": {"who，exactly": ["Ada"], "city": []}, "well_formed": True}
        | {"found": {"who，exactly": [{"text": "Ada", "start": 0, "end": 3, "score": None}], "city": []}}
        | {"output": [{"text": outputs[0], "mean_log_prob": -0.25}]}
        | {"further_prompts": 0, "truncated_tokens": 0, "unfinished": False},
        asked[1]
        | {"answers": ["person"], "well_formed": False, "output": [{"text": outputs[1], "mean_log_prob": None}]}
        | {"found": [{"label": "person", "score": None}]}
        | {"further_prompts": 0, "truncated_tokens": 7, "unfinished": True},
    ]


def test_a_file_of_any_size_takes_the_same_memory(tmp_path) -> None:
    path = tmp_path / "asked.jsonl"
    line = json.dumps(GOOD | {"text": "Ada in Turin. " * 20, "note": "x" * 4000}) + "\n"
    path.write_text(line * 4000)
    assert next(read_questions(path, question_lines(path), LIMITS)).fields["note"]  # imports and caches
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_questions(path, question_lines(path), LIMITS)) == 4000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.15 * path.stat().st_size


def test_own_data_are_questions_with_their_answers_as_gold(tmp_path) -> None:
    path = tmp_path / "export.jsonl"
    spans = [
        {"text": "Ada in Turin", "label": [[0, 3, "PER"]]},
        {"text": "In Rome", "label": [[3, 7, "CITY"]], "id": 3},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*spans, {"text": " ", "label": []}]))
    found = _read(path, question_lines(path), LIMITS)
    assert [record.question and record.question.labels for record in found] == [("PER", "CITY"), ("PER", "CITY"), None]
    assert found[0].fields["gold"] == {"PER": [{"start": 0, "end": 3}]}
    asked = [record.question for record in found if record.question]
    completions = (Completion("PER: Ada\nCITY: None\n"), Completion("PER: None\nCITY: Rome\n"))
    (tmp_path / "out.jsonl").write_text(
        "".join(answered_lines(found, answer(Canned(completions), asked))), encoding="utf-8"
    )
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row.get("answers") for row in written] == [
        {"PER": ["Ada"], "CITY": []},
        {"PER": [], "CITY": ["Rome"]},
        None,
    ]
    assert written[2]["error"] == "the text is empty"


def test_a_table_of_texts_takes_task_and_labels_of_the_flags(tmp_path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("number;Text;task\n7;late again;x\n8;torn;y\n", encoding="utf-16")
    found = _read(path, question_lines(path, labels=("a", "b"), task="cls"), LIMITS)
    assert [record.fields for record in found] == [
        {"number": number, "text": text, "task": "cls", "labels": ["a", "b"]}
        for number, text in (("7", "late again"), ("8", "torn"))
    ]
    with pytest.raises(QuestionError, match=r"lacks 'task', 'labels' \(or give --task=… and --labels=…"):
        _read(path, question_lines(path), LIMITS)
    lines = tmp_path / "asked.jsonl"
    lines.write_text(json.dumps({"text": "x", "labels": ["a", "b"]}) + "\n")
    with pytest.raises(QuestionError, match=r"lacks 'task' \(or give --task=…"):
        _read(lines, question_lines(lines), LIMITS)


def test_labels_of_the_command_line_are_split_at_both_commas() -> None:
    question = parse_question("t", "ext", " person, city，公司 ,", None, LIMITS)
    assert question.labels == ("person", "city", "公司")
    with pytest.raises(ContractError, match="label set is empty"):
        parse_question("t", "ext", " , ", None, LIMITS)


def test_a_line_says_how_many_labels_fit_and_the_flag_says_it_for_other_classifications(tmp_path) -> None:
    path = tmp_path / "asked.jsonl"
    asked = [GOOD | {"task": "cls"}, GOOD | {"task": "cls", "choose": "any"}, GOOD]
    path.write_text("".join(json.dumps(one) + "\n" for one in asked))
    assert [line.question.choose for line in _read(path, question_lines(path), LIMITS)] == ["any"] * 3
    assert [line.question.choose for line in _read(path, question_lines(path), LIMITS, "one")] == [
        "one",
        "any",
        "any",
    ]
    assert parse_question("t", "cls", "a, b", "one_or_none", LIMITS).choose == "one_or_none"


def test_label_scores_are_written_where_there_are_some(tmp_path) -> None:
    path = tmp_path / "asked.jsonl"
    path.write_text(json.dumps(GOOD | {"task": "cls", "choose": "one"}) + "\n")
    lines = _read(path, question_lines(path), LIMITS)
    scores = {"person": math.log(0.02), "city": math.log(0.06)}
    answers = answer(Canned([Completion("city", label_scores=scores)]), [lines[0].question])
    (tmp_path / "answered.jsonl").write_text("".join(answered_lines(lines, answers)), encoding="utf-8")
    written = json.loads((tmp_path / "answered.jsonl").read_text())
    assert (written["answers"], written["label_scores"]) == (["city"], scores)
    assert written["label_probabilities"] == pytest.approx({"person": 0.25, "city": 0.75})
