"""One host of the runs that `test_hosts` compares: python -m tests.training.multihost.host FOLDER PORT COUNT INDEX."""

import dataclasses
import functools
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import jax

from seqgpt_jax import command_line
from seqgpt_jax.data.batches import Batch, Batches
from seqgpt_jax.data.store import TrainStore
from seqgpt_jax.io.checksums import array_checksums
from seqgpt_jax.models.sharding import ShardingRules
from seqgpt_jax.training import loop
from seqgpt_jax.training.checkpointing.checkpointer import Checkpointer, read_metadata
from seqgpt_jax.training.initial_state import abstract_state
from seqgpt_jax.training.loop import Outcome
from seqgpt_jax.training.multihost.hosts import Hosts, join
from seqgpt_jax.training.optimizer import make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import MeshConfig, make_mesh
from tests.training.runs import LENGTH, MODEL, OPTIMIZER, ROWS, tiny_train

EIGHT_HEADS = dataclasses.replace(MODEL, n_head=8)
LAYOUTS = {1: "1x8", 2: "2x4", 4: "4x2"}  # processes x devices
MESHES = ((8, 1, 1), (2, 2, 2), (1, 4, 2), (1, 1, 8))  # data, fsdp, tensor
INTERLEAVED = "2x4"  # which trains once more, on `interleaved_mesh`
STEPS, SAVED = 6, 3

_TIMEOUT = 400.0  # seconds that one layout waits for another


def run_dir(folder: Path, layout: str, mesh: tuple[int, int, int]) -> Path:
    return folder / f"{layout} {mesh}"


def resume_pairs(layout: str) -> tuple[tuple[int, int, int], str, tuple[int, int, int]]:
    """(mesh, and layout and mesh of the run that it resumes): both differ from its own."""
    names = [*LAYOUTS.values()]
    number = names.index(layout)
    return MESHES[number + 1], names[number - 1], MESHES[number]


class NotedBatches(Batches):
    """Batches of a real store; records which rows this host has fed."""

    def __init__(self, *args: Any, note: Path, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._note, self._part = note, [kwargs["process_index"], kwargs["process_count"]]

    def iterate(self, start_step: int = 0) -> Iterator[Batch]:
        fed = []
        for batch in super().iterate(start_step):
            fed.append(rows_digest(batch))
            self._note.write_text(json.dumps({"part": self._part, "fed": fed}))
            yield batch


def rows_digest(batch: Batch) -> str:
    return hashlib.sha256(b"".join(batch[name].tobytes() for name in sorted(batch))).hexdigest()


def interleaved_mesh(config: MeshConfig) -> jax.sharding.Mesh:
    """The devices in an order in which those of a host are not neighbours, as in a TPU slice."""
    devices = jax.devices()
    return make_mesh(config, [*devices[::2], *devices[1::2]])


def train_here(folder: Path, run: Path, mesh: tuple[int, int, int], hosts: Hosts) -> None:
    batches = functools.partial(
        NotedBatches,
        TrainStore(folder / "store"),
        note=folder / f"{run.name} of host {hosts.index}.json",
        length=LENGTH,
        batch_size=ROWS,
        seed=0,
    )
    settings = {"mesh": MeshConfig(*mesh), "batches": batches, "steps": STEPS, "save_every": SAVED, "log_every": 1}
    assert tiny_train(run, model=EIGHT_HEADS, hosts=hosts, **settings) == Outcome(STEPS, STEPS, stopped=False)


def read_all(folder: Path, hosts: Hosts) -> None:
    """Reads every checkpoint of all layouts and meshes, and compares every bit.

    One process reads each of them on each mesh; several, which take longer, read each on another mesh than it is from.
    """
    optimizer = make_optimizer(OPTIMIZER, make_schedule(OPTIMIZER, STEPS))
    written = [run_dir(folder, layout, mesh) for layout in LAYOUTS.values() for mesh in (*MESHES[1:], MESHES[0])]
    for number, mesh in enumerate(MESHES):
        like = abstract_state(EIGHT_HEADS, optimizer, make_mesh(MeshConfig(*mesh)), ShardingRules())
        for run in written[number :: len(MESHES)] if hosts.is_multihost else written:
            meta = read_metadata(run, STEPS)
            checkpoints = Checkpointer(run, keep=2)
            state, found = checkpoints.restore(like, meta)
            checkpoints.close()
            assert found == meta, run
            # `meta.sums` were taken on the mesh that wrote, these on the mesh that has read.
            assert array_checksums({"params": state.params, "opt_state": state.opt_state}) == meta.sums, run


def wait_for(paths: list[Path], hosts: Hosts) -> None:
    until = time.monotonic() + _TIMEOUT
    while hosts.index == 0 and not all(path.exists() for path in paths):
        assert time.monotonic() < until, f"not all of {paths} have come"
        time.sleep(0.1)
    hosts.assert_equal({})


def work(folder: Path, hosts: Hosts) -> None:
    """Trains on each mesh; then reads the checkpoints of all layouts, and resumes a run of another one."""
    layout = LAYOUTS[jax.process_count()]
    done = {name: folder / f"{name}.done" for name in LAYOUTS.values()}
    if layout == "4x2":  # Not all at once: gloo gives up where hosts are half a minute apart.
        wait_for([done["2x4"]], hosts)
    for mesh in MESHES:
        train_here(folder, run_dir(folder, layout, mesh), mesh, hosts)
    if layout == INTERLEAVED:
        with mock.patch.object(loop, "make_mesh", interleaved_mesh):
            train_here(folder, folder / f"{layout} interleaved", MESHES[0], hosts)
    if hosts.index == 0:
        done[layout].touch()
    wait_for([*done.values()], hosts)
    read_all(folder, hosts)
    mesh, *other = resume_pairs(layout)
    run = folder / f"{layout} resumed"
    if hosts.index == 0:
        shutil.copytree(run_dir(folder, *other), run, ignore=shutil.ignore_patterns(str(STEPS)))
    hosts.assert_equal({})
    train_here(folder, run, mesh, hosts)


def main() -> None:
    folder, port, count, index = Path(sys.argv[1]), *map(int, sys.argv[2:])
    with join(command_line.explain, cluster=(f"127.0.0.1:{port}", count, index)) as hosts:
        work(folder, hosts)


if __name__ == "__main__":
    command_line.run(main)
