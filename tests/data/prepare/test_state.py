"""The state of a preparation gives back what was written, and nothing before all of it was."""

import pytest
from etils import epath

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.prepare import state as module
from seqgpt_jax.data.prepare.state import PreparationState
from seqgpt_jax.data.raw.task_spec import Skipped

ITEMS = [
    Instance("1", "ext", "Ann is in Rome", {"person": ("Ann",), "date": (), "city": ("Rome",)}, ("city", "date")),
    families.entity_typing("2", "Ann is in Rome", "Ann", ["person"], "en"),
    Skipped("3", "no_label", "why"),
    Instance("4", "cls", "half a pair: \ud83d", {}),
]


@pytest.fixture
def state(tmp_path) -> PreparationState:
    return PreparationState(epath.Path(tmp_path) / "state")


@pytest.mark.parametrize("size", [1, 3, 4096])
def test_instances_come_back_as_they_were(state, monkeypatch, size) -> None:
    monkeypatch.setattr(module, "INSTANCES_PER_FILE", size)
    state.write_instances("my/task", "train", iter(ITEMS))
    state.write_instances("empty", "test", ())
    read = list(state.instances("my/task", "train"))
    assert read == ITEMS
    assert list(read[0].gold) == list(ITEMS[0].gold)
    assert list(state.instances("empty", "test")) == []
    assert len(list(state.folder.glob("instances/my%2Ftask.train/*.msgpack"))) == -(-len(ITEMS) // size)


def test_a_split_counts_once_all_of_it_is_written(state, monkeypatch) -> None:
    monkeypatch.setattr(module, "INSTANCES_PER_FILE", 1)

    def interrupted():
        yield ITEMS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        state.write_instances("task", "train", interrupted())
    assert not state.is_parsed("task", "train")
    state.write_instances("task", "train", ITEMS[1:])
    assert state.is_parsed("task", "train")
    assert list(state.instances("task", "train")) == ITEMS[1:]


def test_what_is_not_known_yet_is_none(state) -> None:
    assert (state.leaks(), state.label_stats(0), state.shard_count(0, 0)) == (None, None, None)
    state.write_leaks({})
    state.write_shard_count(0, 0, 0)
    assert (state.leaks(), state.shard_count(0, 0)) == ({}, 0)
    state.remove()
    assert not state.folder.exists()
