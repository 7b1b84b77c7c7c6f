"""One writer for a run folder: real processes, a killed one, another machine, a bucket."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http import HTTPStatus
from pathlib import Path

import pytest
from etils import epath

from seqgpt_jax.io import storage
from seqgpt_jax.training.loop import Outcome
from seqgpt_jax.training.run_lease import LEASE_FILE, RunLeaseError, Writer, hold_lease
from tests.training.runs import TinyBatches, tiny_train
from tests.training.test_loop import PROJECT, in_another_process

ELSEWHERE = {"machine": "another boot id pid:[1]", "host": "far-away"}


@pytest.fixture(params=["disk", "bucket"])
def run_dir(request, tmp_path) -> epath.Path:
    if request.param == "disk":
        return epath.Path(tmp_path / "run")
    request.getfixturevalue("bucket")
    return epath.Path(f"gs://bucket/{tmp_path.name}")


def content(run_dir) -> dict:
    return json.loads(storage.read(epath.Path(run_dir) / LEASE_FILE))


def holding_process(run_dir) -> subprocess.Popen:
    """A process that has the lease and does nothing else."""
    code = f"""if True:
        import time
        from seqgpt_jax.training.run_lease import hold_lease
        with hold_lease({str(run_dir)!r}):
            print("held", flush=True)
            time.sleep(600)
    """
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def take(run_dir, log=print, **settings) -> None:
    with hold_lease(run_dir, log=log, **settings):
        pass


def wait_until(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_names_the_process_is_renewed_and_removed(run_dir):
    with hold_lease(run_dir, renew_seconds=0.02) as lease:
        first = content(run_dir)
        assert first["process"] == os.getpid()
        assert {"host", "started", "renewed"} <= first.keys()
        wait_until(lambda: content(run_dir)["renewals"] > 2)
        assert content(run_dir) | {"renewals": 0, "renewed": first["renewed"]} == first
        lease.check()
    assert not (run_dir / LEASE_FILE).exists()
    take(run_dir)


def test_a_second_process_is_refused_and_a_killed_one_is_replaced_at_once(run_dir):
    process, lines = holding_process(run_dir), []
    try:
        with pytest.raises(RunLeaseError, match=rf"^process {process.pid} on .* trains in .*--run_dir") as raised:
            take(run_dir, lines.append)
        assert str(run_dir) in str(raised.value)
        before = storage.read(run_dir / LEASE_FILE)
    finally:
        process.kill()
    wait_until(lambda: process.poll() is not None or b"Z" in Path(f"/proc/{process.pid}/stat").read_bytes())
    assert storage.read(run_dir / LEASE_FILE) == before
    began = time.monotonic()
    take(run_dir, lines.append)
    assert time.monotonic() - began < 10
    assert lines == [lines[0]]
    assert f"taking over from process {process.pid} on " in lines[0]
    process.wait()


def test_a_number_that_another_process_has_by_now_is_not_the_writer(tmp_path):
    writer = Writer(process_start="17")  # this process began at another time
    storage.write(epath.Path(tmp_path) / LEASE_FILE, writer.to_json())
    take(tmp_path)


def test_a_writer_on_another_machine_is_watched(run_dir):
    far, lines = Writer(**ELSEWHERE), []
    with (
        hold_lease(run_dir, writer=far, renew_seconds=0.05),
        pytest.raises(RunLeaseError, match=r"process \d+ on far-away .* trains in"),
    ):
        take(run_dir, lines.append, stale_seconds=60)
    assert "waiting up to 60 s to see whether process" in lines[0]


def test_one_that_is_lost_is_replaced_after_a_while_and_stops_if_it_comes_back(run_dir):
    far, lines = Writer(**ELSEWHERE), []
    with hold_lease(run_dir, writer=far, renew_seconds=600) as asleep:
        began = time.monotonic()
        with hold_lease(run_dir, log=lines.append, stale_seconds=0.5) as lease:
            assert time.monotonic() - began >= 0.5
            assert "taking over from process" in lines[1]
            with pytest.raises(RunLeaseError, match=rf"taken over by process {os.getpid()} on (?!far-away)"):
                asleep.check()
            lease.check()
    assert not (run_dir / LEASE_FILE).exists()


def test_of_many_that_try_at_once_one_wins(run_dir):
    lost = dataclasses.replace(Writer(), process_start="17")
    storage.write(run_dir / LEASE_FILE, lost.to_json())
    results: list[str] = []
    ready, done = threading.Barrier(8), threading.Event()

    def compete() -> None:
        ready.wait()
        try:
            with hold_lease(run_dir, log=lambda _: None):
                results.append("won")
                done.wait(30)
        except RunLeaseError:
            results.append("refused")

    threads = [threading.Thread(target=compete) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(results) == 8)
    done.set()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused"] * 7 + ["won"]


def test_a_removed_file_is_written_again_and_a_strange_one_is_waited_for(run_dir):
    with hold_lease(run_dir) as lease:
        (run_dir / LEASE_FILE).unlink()
        lease.check()
        assert content(run_dir)["process"] == os.getpid()
    storage.write(run_dir / LEASE_FILE, b'{"version": 9}')
    lines: list[str] = []
    take(run_dir, lines.append, stale_seconds=0.2)
    assert "taking over from an unknown process" in lines[1]


def test_storage_that_does_not_answer_stops_nothing(bucket):
    run_dir = "gs://bucket/silent"
    with hold_lease(run_dir, renew_seconds=600) as lease:
        before = content(run_dir)
        with bucket.refusing(HTTPStatus.FORBIDDEN):
            lease.check()
        assert content(run_dir) == before
        lease.check()
        assert content(run_dir)["renewals"] == 1


class Blocked(TinyBatches):
    """Prints where it is before step 5, and waits."""

    def iterate(self, start_step):
        for step, batch in enumerate(super().iterate(start_step), start=start_step + 1):
            if step == 5:
                print("blocked", flush=True)
                time.sleep(600)
            yield batch


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != LEASE_FILE}


def test_training_twice_in_one_folder(tmp_path, capsys):
    """The second is refused before it changes anything; after the first was killed the same command resumes."""
    code = f"""if True:
        from pathlib import Path
        from tests.training.test_run_lease import Blocked, tiny_train
        tiny_train(Path({str(tmp_path)!r}), batches=Blocked)
    """
    process = in_another_process(code)
    try:
        with contextlib.suppress(StopIteration):
            while "blocked" not in next(process.stdout):
                pass
        wait_until(lambda: (tmp_path / "checkpoints" / "3").exists())
        before = files(tmp_path)
        with pytest.raises(RunLeaseError, match=f"process {process.pid} on "):
            tiny_train(tmp_path)
        assert files(tmp_path) == before
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert tiny_train(tmp_path) == Outcome(6, 6, stopped=False)
    printed = capsys.readouterr().out
    assert f"taking over from process {process.pid}" in printed
    assert "resumed from step 3" in printed
    assert not (tmp_path / LEASE_FILE).exists()


def test_training_that_was_taken_over_does_not_save(tmp_path):
    class TakenOver(TinyBatches):
        def iterate(self, start_step):
            for step, batch in enumerate(super().iterate(start_step), start=start_step + 1):
                if step == 5:
                    storage.write(epath.Path(tmp_path) / LEASE_FILE, Writer(**ELSEWHERE).to_json())
                yield batch

    with pytest.raises(RunLeaseError, match=r"taken over by process \d+ on far-away"):
        tiny_train(tmp_path, batches=TakenOver)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["3"]
    assert content(tmp_path)["host"] == "far-away"
    assert isinstance(RunLeaseError("x"), ValueError)  # exit code 2: not to be started again
