"""Multi-host runs: same results as one host, and all hosts exit when one fails. Real processes, with gloo."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
import pytest
from etils import epath

from seqgpt_jax import prepare
from seqgpt_jax.data.batches import Batches
from seqgpt_jax.data.store import StoreWriter, TrainStore, train_fields
from seqgpt_jax.training.checkpointing.checkpointer import read_metadata
from seqgpt_jax.training.metric_sinks import read_metrics
from seqgpt_jax.training.multihost.hosts import SINGLE_HOST, Hosts
from seqgpt_jax.training.multihost.rendezvous import RendezvousError, rendezvous
from seqgpt_jax.training.multihost.watchdog import Timeouts
from tests.training.multihost.faulty_host import AT, JOIN_ALONE
from tests.training.multihost.faulty_host import STEPS as FAULTY_STEPS
from tests.training.multihost.host import (
    EIGHT_HEADS,
    INTERLEAVED,
    LAYOUTS,
    MESHES,
    SAVED,
    STEPS,
    resume_pairs,
    rows_digest,
    run_dir,
    work,
)
from tests.training.runs import LENGTH, ROWS, checkpoint_params

PROJECT = Path(__file__).parents[3]
NAME = re.escape(socket.gethostname())
RUNS = [(layout, mesh) for layout in LAYOUTS.values() for mesh in MESHES]

# Another mesh adds in another order. Seen are differences of 4e-7 of the loss, and of 1.5e-6 in parameters that six
# steps have moved by up to 5e-2.
LOSS_RTOL, PARAMS_ATOL = 2e-6, 1e-5


class Process:
    """`python -m` with some arguments; its output goes to the file `log`."""

    def __init__(self, log: Path, arguments: Sequence[object], devices: int, **environment: str) -> None:
        flags = f"--xla_force_host_platform_device_count={devices}"
        # With these, compilation takes a third of the time.
        flags += " --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
        environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT),
            "XLA_FLAGS": flags,
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self._log = log
        with log.open("w") as file:
            command = [sys.executable, "-m", *map(str, arguments)]
            self.popen = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)

    def output(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + 120
        while text not in self.output():
            assert self.popen.poll() is None, self.output()
            assert time.monotonic() < until, self.output()
            time.sleep(0.05)

    def ends(self, seconds: float = 120) -> int:
        """Its exit code; negative for a signal."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it hangs; its output:\n{self.output()}")


@pytest.fixture
def start() -> Iterator:
    """Starts processes; none of them outlives the test."""
    with starting() as start:
        yield start


@contextlib.contextmanager
def starting() -> Iterator:
    started = []

    def start(*args, **kwargs) -> Process:
        started.append(Process(*args, **kwargs))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.popen.kill()
            process.popen.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# ---- The same run, on whatever hosts and meshes


def write_store(folder: Path) -> None:
    """A prepared store of more than `STEPS` batches."""
    rng = np.random.default_rng(0)
    sizes, records = rng.integers(2, 9, (160, 2)), []
    for number, (prompt, target) in enumerate(sizes.tolist()):
        ids = rng.integers(4, EIGHT_HEADS.vocab_size, prompt + target).tolist()
        records.append(train_fields(f"tiny/{number}", 0, ids[:prompt], ids[prompt:]))
    writer = StoreWriter(epath.Path(folder))
    writer.write_shard("epoch-0000/examples-all", records, sizes, {})
    manifest = {"kind": "train", "epochs": 1, "fingerprint": "f", "families": []}
    writer.finish([[(0, "epoch-0000/examples-all")]], manifest)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One run for each layout of processes and mesh; every layout has read the checkpoints of all, and resumed one."""
    folder = tmp_path_factory.mktemp("hosts")
    write_store(folder / "store")
    with starting() as start:
        processes = []
        for count in (2, 4):
            port = free_port()
            for index in range(count):
                arguments = ["tests.training.multihost.host", folder, port, count, index]
                processes.append(start(folder / f"output-{count}-{index}", arguments, 8 // count))
        work(folder, SINGLE_HOST)
        for process in processes:
            assert process.ends(400) == 0, process.output()
    return folder


def losses(run: Path) -> list[float]:
    return [line["loss"] for line in read_metrics(run)]


def assert_trained_alike(run: Path, one: Path) -> None:
    np.testing.assert_allclose(losses(run), losses(one), rtol=LOSS_RTOL)
    jax.tree.map(
        lambda here, there: np.testing.assert_allclose(here, there, rtol=0, atol=PARAMS_ATOL),
        checkpoint_params(run, STEPS),
        checkpoint_params(one, STEPS),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "mesh"), RUNS, ids=[f"{layout} {mesh}" for layout, mesh in RUNS])
def test_losses_and_parameters_are_those_of_one_process(folder, layout, mesh):
    run, one = run_dir(folder, layout, mesh), run_dir(folder, "1x8", (8, 1, 1))
    assert len(losses(run)) == STEPS
    assert_trained_alike(run, one)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "mesh"), RUNS, ids=[f"{layout} {mesh}" for layout, mesh in RUNS])
def test_every_host_feeds_its_rows_of_one_plan(folder, layout, mesh):
    """Hosts between which only the tensor axis lies feed the same rows; all others feed different ones."""
    store = TrainStore(folder / "store")
    global_batches = list(
        zip(range(STEPS), Batches(store, length=LENGTH, batch_size=ROWS, seed=0).iterate(), strict=False)
    )
    hosts = int(layout[0])
    parts = []
    for host in range(hosts):
        note = json.loads((folder / f"{run_dir(folder, layout, mesh).name} of host {host}.json").read_text())
        part, count = note["part"]
        rows = slice(part * ROWS // count, (part + 1) * ROWS // count)
        expected = [rows_digest({name: array[rows] for name, array in batch.items()}) for _, batch in global_batches]
        assert note["fed"] == expected
        parts.append(part)
    devices_in_batch, tensor = mesh[0] * mesh[1], mesh[2]
    groups = min(hosts, devices_in_batch)
    assert parts == [host * groups // hosts for host in range(hosts)]
    assert tensor * devices_in_batch == 8


@pytest.mark.slow
def test_hosts_whose_devices_are_no_neighbours_in_the_mesh_train_alike(folder):
    run, one = folder / f"{INTERLEAVED} interleaved", run_dir(folder, "1x8", (8, 1, 1))
    notes = [json.loads((folder / f"{run.name} of host {host}.json").read_text()) for host in range(2)]
    assert [note["part"] for note in notes] == [[0, 2], [1, 2]]
    assert_trained_alike(run, one)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS.values())
def test_a_run_of_other_hosts_and_another_mesh_is_resumed(folder, layout):
    """From the checkpoint in its middle; `work` has seen to it that every checkpoint is read bit for bit."""
    _, *other = resume_pairs(layout)
    run = folder / f"{layout} resumed"
    assert len(losses(run)) == STEPS
    assert losses(run)[:SAVED] == losses(run_dir(folder, *other))[:SAVED]
    np.testing.assert_allclose(losses(run), losses(run_dir(folder, "1x8", (8, 1, 1))), rtol=LOSS_RTOL)


# ---- One host fails

GONE = rf"host {{other}} \({NAME}\): exiting because host {{guilty}} \({NAME}\) disconnected without an error"
UNREADABLE = (
    rf"host {{other}} \({NAME}\): exiting because host {{guilty}} \({NAME}\) failed: \[Errno 5\] Input/output error: "
    r"'train-00003.arrayrecord'\. Fix that first, then run the same command on all hosts"
)
SHORT = rf"because host {{guilty}} \({NAME}\) failed: the data end before step {AT} of {FAULTY_STEPS}\. Fix that"
STUCK = rf"because host {{guilty}} \({NAME}\) made no progress for \d+ s: reading the batch of step {AT}\. Run"
STUCK_IN_VALIDATION = STUCK.replace(f"the batch of step {AT}", "validation batch 2")
# The words of JAX's coordination service, on whichever of its paths notices first.
SILENT = r"Task {guilty} heartbeat timeout|unhealthy \(stopped sending heartbeats\):\s+.*{guilty}"
DIFFERS = rf"the hosts of this run differ:\n  Train.batch_size: 8 on host {{other}} \({NAME}\); 16 on host {{guilty}} "
APART = rf"run folder \(must be on a shared disk or in a bucket\): that of host 0 on host 0 \({NAME}\); another folder"


# (fault, on which of two hosts, exit codes of that host and of the other one, message of the other one)
FAULTS = [
    ("killed", 1, (-signal.SIGKILL, 1), GONE),
    ("killed", 0, (-signal.SIGKILL, 1), GONE),
    ("unreadable", 1, (2, 2), UNREADABLE),
    ("unreadable", 0, (2, 2), UNREADABLE),
    ("short", 1, (2, 2), SHORT),
    ("interrupted", 1, (130, 130), r"failed: interrupted: .*\. Run the same"),
    ("stuck", 1, (1, 1), STUCK),
    ("invalid", 1, (1, 1), STUCK_IN_VALIDATION),
    ("stopped", 1, (None, -signal.SIGABRT), SILENT),
    ("differs", 1, (2, 2), DIFFERS),
    ("apart", 1, (2, 2), APART),
]


@pytest.mark.parametrize(
    ("fault", "guilty", "codes", "message"), FAULTS, ids=[f"{fault} on host {guilty}" for fault, guilty, *_ in FAULTS]
)
def test_a_host_that_fails_is_named_and_all_end(tmp_path, start, fault, guilty, codes, message):
    port = free_port()
    arguments = ["tests.training.multihost.faulty_host", tmp_path, fault, guilty, port, 2]
    hosts = [start(tmp_path / f"output-{index}", [*arguments, index], 1) for index in range(2)]
    culprit, other = hosts[guilty], hosts[1 - guilty]
    assert other.ends() == codes[1], other.output()
    assert re.search(message.format(guilty=guilty, other=1 - guilty), other.output()), other.output()
    if fault == "stopped":  # Once it continues, it finds that the others have exited: by our watchdog or by JAX's.
        os.kill(culprit.popen.pid, signal.SIGCONT)
        assert culprit.ends(20) in (1, -signal.SIGABRT), culprit.output()
    else:
        assert culprit.ends(20) == codes[0], culprit.output()
    if fault in ("stuck", "invalid"):
        assert re.search(r"faulty_host\.py\", line \d+ in (batches|validation)", culprit.output()), (
            "it prints where it hangs"
        )
    if fault not in ("differs", "apart"):
        assert f"step {AT - 1} is done" in other.output()


def test_all_of_four_hosts_name_the_one_that_is_gone(tmp_path, start):
    arguments = ["tests.training.multihost.faulty_host", tmp_path, "killed", 2, free_port(), 4]
    hosts = [start(tmp_path / f"output-{index}", [*arguments, index], 1) for index in range(4)]
    assert [host.ends() for host in hosts] == [1, 1, -signal.SIGKILL, 1]
    for index in (0, 1, 3):
        assert re.search(GONE.format(guilty=2, other=index), hosts[index].output()), hosts[index].output()


@pytest.mark.parametrize("missing", [0, 1])
def test_a_host_that_never_starts_is_named(tmp_path, start, missing):
    arguments = ["tests.training.multihost.faulty_host", tmp_path, "alone", 0, free_port(), 2, 1 - missing]
    host = start(tmp_path / "output", arguments, 1)
    assert host.ends() == 1
    absent = r"host 0 of 2 cannot be reached at 127\.0\.0\.1:\d+" if missing == 0 else r"host 1 of 2 is missing"
    assert re.search(rf"host {1 - missing} \({NAME}\): after {JOIN_ALONE} s {absent}", host.output()), host.output()
    assert "whether training was started" in host.output()


@pytest.mark.slow
def test_the_command_exits_on_all_hosts_and_resumes(tmp_path, start, monkeypatch):
    """One host is killed, the other one exits; both are restarted, and one is preempted: both save and stop."""
    monkeypatch.chdir(tmp_path)
    settings = [
        *("--gin_file=quickstart_pt.gin", "--run_dir=run", "--gin.Prepare.max_instances=30"),
        *("--gin.Prepare.tokenizer=tokenizer", "--gin.Prepare.tokenizer_vocab_size=512"),
        *("--gin.Prepare.tokenizer_mixture=quick_sa_en", "--gin.Prepare.mixture=quick_sa_en"),
    ]
    assert prepare.main([flag for flag in settings if "run_dir" not in flag]) == 0
    settings += [f"--gin.Model.{size}" for size in ("vocab_size=512", "hidden_size=16", "n_layer=1", "n_head=2")]
    settings += [f"--gin.Train.{size}" for size in ("batch_size=8", "epochs=500", "log_every=1", "save_every=5")]

    def start_both(life: str) -> list[Process]:
        port, job = free_port(), {"OMPI_MCA_orte_hnp_uri": "0.0;tcp://127.0.0.1:1", "OMPI_COMM_WORLD_SIZE": "2"}
        hosts = []
        for index in range(2):
            of_one = {"OMPI_COMM_WORLD_RANK": str(index), "OMPI_COMM_WORLD_LOCAL_RANK": str(index)}
            environment = {**job, **of_one, "JAX_COORDINATOR_PORT": str(port)}
            command = ["seqgpt_jax.train", "--multihost", *settings]
            hosts.append(start(tmp_path / f"{life}-{index}", command, 4, **environment))
        return hosts

    first, second = start_both("first life")
    first.wait_for("step  12/")
    second.popen.kill()
    assert first.ends() == 1, first.output()
    assert re.search(GONE.format(guilty=1, other=0), first.output()), first.output()
    assert "step " not in second.output(), "only host 0 logs the steps"

    first, second = start_both("second life")
    first.wait_for("resumed from step")
    second.popen.send_signal(signal.SIGTERM)  # before the first step: it must not be missed
    assert [first.ends(), second.ends()] == [75, 75], first.output() + second.output()
    step = int(re.search(r"resumed from step (\d+)", first.output())[1]) + 1
    assert f"preempted: saved at step {step}" in first.output()
    assert read_metadata(tmp_path / "run", step).step == step


# ---- Rendezvous and comparison


def hosts_in_threads(count: int, seconds: float = 10.0) -> list[Hosts]:
    """Hosts that are threads of this process; the rendezvous does not need JAX."""
    address = f"127.0.0.1:{free_port()}"
    with ThreadPoolExecutor(count) as pool:
        members = pool.map(lambda index: rendezvous(address, count, index, timeout=seconds, log=print), range(count))
        return [Hosts(index, *member, timeouts=Timeouts(report=0.1)) for index, member in enumerate(members)]


def on_all(hosts: Sequence[Hosts], action) -> list[str]:
    """The texts of the errors it raises; "" for none."""

    def run(host: Hosts) -> str:
        try:
            action(host)
        except ValueError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(hosts)) as pool:
        return list(pool.map(run, hosts))


def test_differing_facts_are_reported_on_all_hosts_with_values_and_hosts():
    hosts = hosts_in_threads(4)
    assert on_all(hosts, lambda host: host.assert_equal({"seed": 0, "data": "f"})) == [""] * 4
    differences = on_all(
        hosts, lambda host: host.assert_equal({"seed": host.index // 3, "data": "f", f"only {host.index % 2}": 1})
    )
    assert len(set(differences)) == 1
    name = socket.gethostname()
    assert f"  seed: 0 on hosts 0 ({name}), 1 ({name}), 2 ({name}); 1 on host 3 ({name})\n" in differences[0]
    assert f"  only 0: 1 on hosts 0 ({name}), 2 ({name}); unknown on hosts 1 ({name}), 3 ({name})\n" in differences[0]
    assert "data" not in differences[0].splitlines()[1]
    assert on_all(hosts, lambda host: host.assert_equal({"seed": 1})) == [""] * 4
    on_all(hosts, lambda host: host.__exit__(None, None, None))


def test_strangers_and_hosts_of_another_run_do_not_disturb_a_meeting():
    port = free_port()
    address = f"127.0.0.1:{port}"
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(rendezvous, address, 2, 0, timeout=20, log=print)
        until = time.monotonic() + 10
        while True:  # a port scanner
            try:
                with socket.create_connection(("127.0.0.1", port)) as stranger:
                    stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                break
            except OSError:
                assert time.monotonic() < until
        with pytest.raises(
            RendezvousError, match=r"host 1 .*: host 0 .* is one of 2 hosts and does not accept this one"
        ):
            rendezvous(address, 3, 1, timeout=5, log=print)
        second = pool.submit(rendezvous, address, 2, 1, timeout=20, log=print)
        assert first.result()[0] == second.result()[0] == [socket.gethostname()] * 2


def test_a_host_that_is_started_again_takes_the_place_of_the_first():
    address = f"127.0.0.1:{free_port()}"
    with ThreadPoolExecutor(4) as pool:
        pool.submit(rendezvous, address, 3, 0, timeout=20, log=print)
        earlier = pool.submit(rendezvous, address, 3, 1, timeout=20, log=print)
        time.sleep(1.0)
        later = pool.submit(rendezvous, address, 3, 1, timeout=20, log=print)
        with pytest.raises(RendezvousError, match="another process has connected as host 1"):
            earlier.result()
        last = pool.submit(rendezvous, address, 3, 2, timeout=20, log=print)
        assert later.result()[0] == last.result()[0] == [socket.gethostname()] * 3


def test_one_host_alone_waits_for_nobody():
    with SINGLE_HOST as hosts:
        hosts.assert_equal({"seed": 0})
        assert list(hosts.lockstep(iter("abc"), 2, 5)) == [(3, "a"), (4, "b"), (5, "c")]
        with pytest.raises(ValueError, match="the data end before step 3 of 3"):
            list(hosts.lockstep(iter("ab"), 0, 3))
