"""From settings to a store: everything is looked up once, and a store that is there is used again."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqgpt_jax.data.prepare import resolve as module
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolve import open_store, resolve
from seqgpt_jax.data.raw.files import DataNotFound
from seqgpt_jax.data.raw.sources import Files, Remote
from seqgpt_jax.data.store import EvalStore, StoreError, TrainStore
from seqgpt_jax.io.tokenizer import TokenizerError
from tests.data.small_tasks import ENTITIES, TOPICS


class Registry:
    """Looks up the small tasks, and counts how often."""

    def __init__(self, evaluation=()) -> None:
        self.lookups, self.evaluation = 0, evaluation

    def find(self, config):
        self.lookups += 1
        return [ENTITIES, TOPICS]

    def evaluation_tasks(self, config):
        return list(self.evaluation)


def config_in(folder: Path) -> PrepareConfig:
    return PrepareConfig(
        mixture="small",
        tokenizer=str(folder / "tokenizer"),
        tokenizer_vocab_size=400,
        tokenizer_mixture="small",
        output_dir=str(folder / "prepared"),
    )


@pytest.fixture
def config(tmp_path) -> PrepareConfig:
    return config_in(tmp_path)


def test_a_store_is_prepared_once_and_its_tokenizer_trained_once(config, monkeypatch) -> None:
    prepared = []

    def count(preparation):
        if not preparation.is_prepared:
            prepared.append(preparation.config.split)
        return prepare(preparation)

    store, tokenizer = open_store(TrainStore, config, Registry(), prepare=count)
    assert len(tokenizer) == 400
    monkeypatch.setattr(module, "train_tokenizer", lambda *args: pytest.fail("trained again"))
    registry = Registry()
    again, _ = open_store(TrainStore, config, registry, prepare=count)
    assert (again.folder, registry.lookups) == (store.folder, 2)  # of the store, and of the tokenizer
    test, _ = open_store(EvalStore, dataclasses.replace(config, split="test"), Registry(), prepare=count)
    assert prepared == ["train", "test"]
    assert test.manifest["tokenizer"] == store.manifest["tokenizer"]


def test_a_named_store_looks_nothing_up(config) -> None:
    store, _ = open_store(TrainStore, config, Registry())
    named, tokenizer = open_store(TrainStore, config, None, folder=str(store.folder), bound=("quota",))
    assert named.folder == store.folder
    assert len(tokenizer) == 400
    with pytest.raises(StoreError, match=r"Prepare\.quota: None in the store, 3 in this command"):
        open_store(TrainStore, dataclasses.replace(config, quota=3), None, folder=str(store.folder), bound=("quota",))


def test_a_bucket_is_refused_before_anything_is_prepared(config) -> None:
    registry = Registry()
    with pytest.raises(StoreError, match=r"output_dir = 'gs://b/prepared': .* name the copy as --store"):
        open_store(TrainStore, dataclasses.replace(config, output_dir="gs://b/prepared"), registry)
    assert not registry.lookups


def test_a_tokenizer_of_other_settings_is_refused(config) -> None:
    resolve(config, Registry())
    with pytest.raises(TokenizerError, match="of small with 400 ids, not of small with 500"):
        resolve(dataclasses.replace(config, tokenizer_vocab_size=500), Registry())


_TRAINS_SLOWLY = """
import os, sys, time
from pathlib import Path
from seqgpt_jax.data.prepare import resolve as module
from tests.data.prepare.test_resolve import Registry, config_in

folder, train = Path(sys.argv[1]), module.train_tokenizer

def slowly(*args):
    (folder / f"trained-{os.getpid()}").touch()
    time.sleep(2)
    return train(*args)

module.train_tokenizer = slowly
(folder / f"ready-{os.getpid()}").touch()
while len(list(folder.glob("ready-*"))) < 2:
    time.sleep(0.01)
print(len(module.resolve(config_in(folder), Registry()).tokenizer))
"""


def test_two_processes_train_a_tokenizer_once(tmp_path) -> None:
    paths = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-c", _TRAINS_SLOWLY, str(tmp_path)]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [text.splitlines()[-1] for text in said] == ["400", "400"]
    assert len(list(tmp_path.glob("trained-*"))) == 1
    assert sum("is being trained by another process: waiting for it" in text for text in said) <= 1
    assert sorted(path.name for path in (tmp_path / "tokenizer").iterdir()) == [
        "tokenizer.json",
        "tokenizer_config.json",
        "trained_on.json",
    ]
    assert not list(tmp_path.glob("*.partial*"))


def test_a_tokenizer_of_a_part_or_of_subsets_is_refused_later(config, tmp_path) -> None:
    some = dataclasses.replace(config, data_dir=str(tmp_path), missing="skip")
    gone = dataclasses.replace(absent("gone"), splits={"train": ("a.tsv",)})
    registry = Holding([TOPICS, gone])
    resolve(some, registry)
    resolve(some, registry)  # what is missing still is no reason
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "a.tsv").touch()
    with pytest.raises(TokenizerError, match=r"trained on a part of small, without gone: .*vocab_size=None takes it"):
        resolve(some, registry)
    resolve(dataclasses.replace(some, tokenizer_vocab_size=None, tokenizer_mixture=None), registry)
    with pytest.raises(TokenizerError, match=r"with Prepare\.subsets = False, not True"):
        resolve(dataclasses.replace(some, subsets=True), Holding([TOPICS]))


def test_a_tokenizer_of_an_earlier_version_is_taken(config) -> None:
    resolve(config, Registry())
    (Path(config.tokenizer) / "trained_on.json").write_text('["small", 400]', encoding="utf-8")
    resolve(config, Registry())
    with pytest.raises(TokenizerError, match="of small with 400 ids, not of small with 500"):
        resolve(dataclasses.replace(config, tokenizer_vocab_size=500), Registry())


def test_a_set_is_compared_with_where_its_training_file_is_missing(config, tmp_path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.tsv").touch()
    other = dataclasses.replace(absent("other"), splits={"train": ("b.tsv",), "test": ("a.tsv",)})
    preparation = resolve(dataclasses.replace(config, data_dir=str(tmp_path)), Registry([other]))
    assert ([*preparation.files], preparation.left_out) == (["other/a.tsv"], {})


def absent(name: str):
    source = Files({"a.tsv": Remote("https://example.org/a.tsv")})
    splits = {"test": ("a.tsv",)}
    return dataclasses.replace(TOPICS, name=name, dataset=None, verified="schema", splits=splits, source=source)


class Holding(Registry):
    """Has other tasks to find."""

    def __init__(self, specs, evaluation=()) -> None:
        super().__init__(evaluation)
        self.specs = specs

    def find(self, config):
        return list(self.specs)


def test_a_missing_set_that_is_only_compared_with_never_stops_training(config, tmp_path, capsys) -> None:
    config = dataclasses.replace(config, data_dir=str(tmp_path), evaluation_mixtures=("absent",))
    store, _ = open_store(TrainStore, config, Registry([absent("absent")]))
    assert store.manifest["left_out"] == {"compared with": ["absent"]}
    said = capsys.readouterr().err
    assert "1 data set not compared with, so texts of theirs that are in training stay there" in said
    assert "absent; `python -m seqgpt_jax.catalogue --download absent` fetches them" in said


def test_missing_sets_stop_or_are_skipped_as_the_setting_says(config, tmp_path, capsys) -> None:
    config = dataclasses.replace(config, data_dir=str(tmp_path))
    registry = Holding([ENTITIES, absent("gone"), TOPICS, absent("away")])
    with pytest.raises(DataNotFound, match=r"2 data sets not found: gone .*Prepare\.missing=skip` goes on without"):
        resolve(config, registry)
    assert not Path(config.tokenizer).exists()  # a tokenizer of a part would be trained for nothing
    skipping = dataclasses.replace(config, missing="skip")
    store, _ = open_store(TrainStore, skipping, registry)
    assert list(store.manifest["tasks"]) == ["entities", "topics"]
    assert store.manifest["left_out"] == {"training": ["away", "gone"]}
    assert "small: 2 data sets not trained on, as files are missing: gone, away" in capsys.readouterr().err
    # What is read is the same, and so is the store.
    assert resolve(config, Registry()).folder == store.folder


def test_skipping_never_leaves_nothing_or_hides_a_wrong_path(config, tmp_path) -> None:
    config = dataclasses.replace(config, data_dir=str(tmp_path), missing="skip")
    with pytest.raises(DataNotFound, match="gone"):
        resolve(config, Holding([absent("gone")]))
    mine = dataclasses.replace(absent("mine"), verified="own")
    with pytest.raises(DataNotFound, match="mine"):
        resolve(config, Holding([ENTITIES, mine]))


def test_without_a_data_folder_only_sets_that_read_files_are_left_out(config, monkeypatch, capsys) -> None:
    monkeypatch.delenv("SEQGPT_DATA_DIR", raising=False)
    config = dataclasses.replace(config, evaluation_mixtures=("absent",))
    assert resolve(config, Registry([absent("absent"), TOPICS])).evaluation == [TOPICS]
    assert "not compared with" in capsys.readouterr().err
