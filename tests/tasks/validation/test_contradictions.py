"""What was asked before: classifications by their candidates, extractions by what they ask."""

from seqgpt_jax.atomic import Instance, families
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
