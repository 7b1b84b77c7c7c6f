"""What was asked before: classifications by their candidates, extractions by what they ask."""

import pytest

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.tasks.checking import Check
from seqgpt_jax.tasks.validation.contradictions import AskedBefore


def test_roles_that_two_events_share_are_one_question():
    asked = AskedBefore()

    def event(id: str, **roles: tuple[str, ...]) -> Instance:
        return Instance(id, "ext", "Bob sued Acme.", {role: spans for role, spans in roles.items() if spans}, (*roles,))

    assert asked.repeats(event("1", who=("Bob",), when=()), "1") is None
    assert asked.repeats(event("2", who=("Bob",), whom=("Acme",)), "2") is None
    assert asked.repeats(event("3", when=()), "3") == ("duplicate", "1")
    assert asked.repeats(event("4", whom=("Bob",), where=()), "4") == ("contradiction", "2")


def test_without_candidates_all_labels_are_asked():
    asked = AskedBefore()
    assert asked.repeats(families.spans_by_label("1", "Ada\nmet Bob", [("person", "Ada")]), "1") is None
    assert asked.repeats(families.spans_by_label("2", "Ada met Bob", [("person", "Ada")]), "2") == ("duplicate", "1")
    assert asked.repeats(families.spans_by_label("3", "Ada met Bob", []), "3") == ("contradiction", "1")
    # A classification of the same text is another question, and so are other options.
    assert asked.repeats(families.multiple_choice("4", "Ada", "met", ["a", "b"], "a"), "4") is None
    assert asked.repeats(families.multiple_choice("5", "Ada", "met", ["a", "c"], "c"), "5") is None
    assert asked.repeats(families.multiple_choice("6", "Ada", "met", ["b", "a"], "b"), "6") == ("contradiction", "4")


def test_one_place_does_not_repeat_itself():
    asked = AskedBefore()
    assert asked.repeats(families.classification("1/0", "Yes.", ["a"]), "a.csv:1") is None
    assert asked.repeats(families.classification("1/1", "Yes.", ["b"]), "a.csv:1") is None


@pytest.mark.parametrize(
    "ids", [("c.txt:1", "c.txt:2", "c.txt:3"), ("c-a", "c-b", "c-c"), ("c:56be4", "c:56be8", "c:56c")]
)
def test_instances_of_a_task_are_told_apart_whatever_their_ids_are(ids, tmp_path):
    (tmp_path / "moods").mkdir()
    (tmp_path / "moods" / "c.txt").touch()

    def instances(split, paths):
        answers = ({"anger": ()}, {"surprise": ()}, {"surprise": ()})
        return [Instance(id, "cls", "No way!", gold) for id, gold in zip(ids, answers, strict=True)]

    spec = TaskSpec("moods", "CLS", "en", "cls", splits={"train": ("c.txt",)}, read=instances)
    _, findings = Check().task(spec, tmp_path, "")
    assert [finding.reason for finding in findings].count("contradiction") == 2


@pytest.mark.parametrize("id", ["c-1", "17", "c:56be4", "doc.json/0"])
def test_an_id_that_two_splits_have_is_of_two_places(id, tmp_path):
    def instances(split, paths):
        return [Instance(id, "cls", "The courier came and went.", {split: ()})]

    (tmp_path / "moods").mkdir()
    splits = {"train": ("a.txt",), "test": ("b.txt",)}
    for (file,) in splits.values():
        (tmp_path / "moods" / file).touch()
    _, findings = Check().task(TaskSpec("moods", "CLS", "en", "cls", splits=splits, read=instances), tmp_path, "")
    found = {finding.reason: finding for finding in findings if finding.reason in ("leak", "contradiction")}
    assert {*found} == {"leak", "contradiction"}
    assert (found["leak"].path.name, "b.txt" in found["leak"].detail) == ("a.txt", True)
