"""Data sets that a run lacks: which of them stop it."""

import dataclasses

import pytest

from seqgpt_jax.console.requirements import data_lines
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.raw.sources import Files, Remote
from seqgpt_jax.data.requirements import missing_data
from tests.data.small_tasks import TOPICS


class Registry:
    """Finds `here` and `gone`, and compares with `other`."""

    def __init__(self, specs, evaluation=()) -> None:
        self.specs, self.evaluation = specs, evaluation

    def find(self, config):
        return list(self.specs)

    def evaluation_tasks(self, config):
        return list(self.evaluation)


def task(name: str):
    source = Files({"a.tsv": Remote("https://example.org/a.tsv")})
    splits = {"train": ("a.tsv",)}
    return dataclasses.replace(TOPICS, name=name, dataset=None, verified="schema", splits=splits, source=source)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.tsv").touch()
    return tmp_path


def test_what_is_skipped_does_not_stop_the_run_but_can_be_fetched(folder) -> None:
    config = PrepareConfig("m", "-", data_dir=str(folder))
    registry = Registry([task("here"), task("gone")], [task("other")])
    found = missing_data(config, registry)
    assert (found.needed, [*found.public], found.compared) == (["gone"], ["gone", "other"], {"other"})
    found = missing_data(dataclasses.replace(config, missing="skip"), registry)
    assert (found.needed, [*found.public]) == ([], ["gone", "other"])


def test_of_what_is_compared_with_no_training_file_is_missed(folder) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "b.tsv").touch()
    other = dataclasses.replace(task("other"), splits={"train": ("a.tsv",), "test": ("b.tsv",)})
    config = PrepareConfig("m", "-", data_dir=str(folder))
    assert not missing_data(config, Registry([task("here")], [other])).public
    assert [*missing_data(config, Registry([task("here"), other], [other])).public] == ["other"]


def test_general_data_are_told_apart(folder) -> None:
    class WithGeneral(Registry):
        def general_tasks(self, config):
            return [task("gone"), task("here"), task("mine")]

    config = PrepareConfig("m", "-", data_dir=str(folder), general_share=0.3)
    found = missing_data(config, WithGeneral([task("mine"), task("here")], [task("other")]))
    assert (found.needed, found.general) == (["mine", "gone"], {"gone"})
    lines = "\n".join(data_lines(found, {}))
    assert "1 of them is general data" in lines
    assert "--gin.Prepare.general_share=0 trains without" in lines
    without = missing_data(dataclasses.replace(config, general_share=0.0), Registry([task("mine")]))
    assert "general data" not in "\n".join(data_lines(without, {}))


def test_a_run_that_would_have_nothing_left_stops(folder) -> None:
    config = PrepareConfig("m", "-", data_dir=str(folder), missing="skip")
    assert missing_data(config, Registry([task("gone")])).needed == ["gone"]
