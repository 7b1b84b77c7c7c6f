"""Files of questions: every fault is named with file and line, and nothing else gets lost."""

import json
import math

import pytest

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.decoding.answers import answer
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.question_files import QuestionError, parse_question, read_questions, write_answers
from seqgpt_jax.io.contract import ModelContract

LIMITS = PromptLimits(ModelContract())


class Canned:
    """Completes with what it was given."""

    def __init__(self, completions) -> None:
        self.limits, self.completions = LIMITS, completions

    def generate(self, prompts, progress=None):
        assert len(prompts) == len(self.completions)
        return self.completions


GOOD = {"text": "Ada in Turin", "task": "ext", "labels": ["person", "city"]}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"text": ', "is not JSON: Expecting value at column"),
        ("[1, 2]", "is no JSON object"),
        ('{"text": "x", "task": "cls"}', "lacks 'labels'"),
        (json.dumps(GOOD | {"labels": []}), "label set is empty"),
        (json.dumps(GOOD | {"labels": "a, b"}), "'labels' must be a list of strings, not 'a, b'"),
        (json.dumps(GOOD | {"labels": ["a", 3]}), "'labels' must be a list of strings"),
        (json.dumps(GOOD | {"labels": ["a", "a"]}), "are written alike"),
        (json.dumps(GOOD | {"task": "cls", "labels": ["a，b"]}), "holds the separator"),
        (json.dumps(GOOD | {"task": "ner"}), "'task' must be .*not 'ner'"),
        (json.dumps(GOOD | {"task": ["cls"]}), "'task' must be"),
        (json.dumps(GOOD | {"text": 3}), "'text' must be a string"),
        (json.dumps(GOOD | {"text": " "}), "text is empty"),
        (
            json.dumps(GOOD | {"task": "cls", "choose": "two"}),
            "'choose' must be one of any, .*not 'two'",
        ),
        (json.dumps(GOOD | {"choose": "one"}), "'choose' is for classifications"),
        (json.dumps(GOOD | {"label_scores": {}}), "has 'label_scores', which the output uses"),
        (json.dumps(GOOD | {"answers": []}), "has 'answers', which the output uses: rename it"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_faults_are_named_with_file_and_line(tmp_path, line, fault) -> None:
    path = tmp_path / "asked.jsonl"
    raw = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(json.dumps(GOOD).encode() + b"\n\n" + raw + b"\n")
    with pytest.raises(QuestionError, match=fault) as error:
        read_questions(path, LIMITS)
    assert str(error.value).startswith(f"{path}:3: ")


def test_all_faults_are_named_at_once_but_not_thousands(tmp_path) -> None:
    path = tmp_path / "asked.jsonl"
    path.write_text("{}\n" * 5)
    with pytest.raises(QuestionError) as error:
        read_questions(path, LIMITS)
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == [f"{path}:{i}" for i in range(1, 6)]
    path.write_text("{}\n" * 500)
    with pytest.raises(QuestionError, match="… and 490 more"):
        read_questions(path, LIMITS)


def test_a_missing_or_empty_file_is_named(tmp_path) -> None:
    with pytest.raises(QuestionError, match=r"none.jsonl: cannot be read \(No such file"):
        read_questions(tmp_path / "none.jsonl", LIMITS)
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(QuestionError, match=r"empty.jsonl: holds no question"):
        read_questions(tmp_path / "empty.jsonl", LIMITS)


def test_further_keys_and_own_spelling_are_carried_through(tmp_path) -> None:
    asked = [
        {"id": 7, **GOOD, "labels": ["who，exactly", "city"], "note": {"deep": ["杭州"]}},
        {**GOOD, "task": "cls", "text": "line\u2028break"},
    ]
    path = tmp_path / "asked.jsonl"
    path.write_text("\ufeff" + "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in asked), encoding="utf-8")
    lines = read_questions(path, LIMITS)
    outputs = ("who,exactly: Ada\ncity: None\n", "person\tcity or so")
    completions = (Completion(outputs[0], score=-0.25), Completion(outputs[1], truncated=7, finished=False))
    answers = answer(Canned(completions), [line.question for line in lines])
    write_answers(tmp_path / "answered.jsonl", lines, answers)
    written = [json.loads(line) for line in (tmp_path / "answered.jsonl").read_bytes().splitlines()]
    assert written == [
        asked[0]
        | {"answers": {"who，exactly": ["Ada"], "city": []}, "well_formed": True}
        | {"output": [{"text": outputs[0], "mean_log_prob": -0.25}]}
        | {"further_prompts": 0, "truncated_tokens": 0, "unfinished": False},
        asked[1]
        | {"answers": ["person"], "well_formed": False, "output": [{"text": outputs[1], "mean_log_prob": None}]}
        | {"further_prompts": 0, "truncated_tokens": 7, "unfinished": True},
    ]
    assert [path.name for path in tmp_path.glob("*.partial*")] == []


def test_labels_of_the_command_line_are_split_at_both_commas() -> None:
    question = parse_question("t", "ext", " person, city，公司 ,", None, LIMITS)
    assert question.labels == ("person", "city", "公司")
    with pytest.raises(ContractError, match="label set is empty"):
        parse_question("t", "ext", " , ", None, LIMITS)


def test_a_line_says_how_many_labels_fit_and_the_flag_says_it_for_other_classifications(tmp_path) -> None:
    path = tmp_path / "asked.jsonl"
    asked = [GOOD | {"task": "cls"}, GOOD | {"task": "cls", "choose": "any"}, GOOD]
    path.write_text("".join(json.dumps(one) + "\n" for one in asked))
    assert [line.question.choose for line in read_questions(path, LIMITS)] == ["any"] * 3
    assert [line.question.choose for line in read_questions(path, LIMITS, "one")] == ["one", "any", "any"]
    assert parse_question("t", "cls", "a, b", "one_or_none", LIMITS).choose == "one_or_none"


def test_label_scores_are_written_where_there_are_some(tmp_path) -> None:
    path = tmp_path / "asked.jsonl"
    path.write_text(json.dumps(GOOD | {"task": "cls", "choose": "one"}) + "\n")
    lines = read_questions(path, LIMITS)
    scores = {"person": math.log(0.02), "city": math.log(0.06)}
    answers = answer(Canned([Completion("city", label_scores=scores)]), [lines[0].question])
    write_answers(tmp_path / "answered.jsonl", lines, answers)
    written = json.loads((tmp_path / "answered.jsonl").read_text())
    assert (written["answers"], written["label_scores"]) == (["city"], scores)
    assert written["label_probabilities"] == pytest.approx({"person": 0.25, "city": 0.75})
