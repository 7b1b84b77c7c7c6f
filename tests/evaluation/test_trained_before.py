"""Tasks whose scores the model's own training spoils."""

from types import SimpleNamespace

from seqgpt_jax.evaluation.trained_before import notes, trained_before
from seqgpt_jax.tasks import SUBSETS, TASKS


def tasks(subsets: bool):
    return TASKS | SUBSETS if subsets else TASKS


def store(*names: str, split: str = "test", **settings):
    manifest = {"name": "s", "split": split, "settings": settings, "tasks": dict.fromkeys(names)}
    return SimpleNamespace(manifest=manifest)


def data(*names: str, **settings):
    return {"tasks": names, "settings": settings}


def test_what_a_subset_trained_on_is_no_test_of_the_whole():
    small = data("xquad.en", "duee.triggers", "fewnerd.typing", "ocnli", "clinc150", "trec", subsets=True)
    asked = ("xquad.en", "xquad.zh", "duee.triggers", "duee.typing", "ocnli", "clinc150", "trec")
    found = trained_before(small, [store(*asked)], tasks)
    assert {one.task for one in found} == {"xquad.en", "duee.triggers", "duee.typing"}
    (held_out,) = [one for one in found if "held out" in one.reason]
    assert held_out.task == "xquad.en"
    # The test of the whole Few-NERD is no part of its development set.
    assert not trained_before(small, [store("fewnerd.typing")], tasks)
    assert trained_before(small, [store("fewnerd.typing", split="validation")], tasks)
    assert any("Prepare.subsets=True" in line and "duee.triggers, duee.typing" in line for line in notes(found, True))


def test_with_the_settings_of_training_nothing_is_spoilt():
    names = [*SUBSETS]
    assert not trained_before(data(*names, subsets=True), [store(*names, subsets=True)], tasks)
    trained = [name for name, spec in TASKS.items() if not spec.held_out]
    assert not trained_before(data(*trained), [store(*TASKS)], tasks)
    assert not trained_before(None, [store("xquad.en")], tasks)


def test_a_model_of_the_whole_can_be_asked_the_subsets():
    trained = [name for name, spec in TASKS.items() if not spec.held_out]
    assert not trained_before(data(*trained), [store(*SUBSETS, subsets=True)], tasks)
