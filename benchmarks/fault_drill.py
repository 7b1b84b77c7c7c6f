"""Fault drill: a small real run under kills, preemption, a full disk and corruption must end with identical weights.

    python benchmarks/fault_drill.py --output=benchmarks/results/fault_drill

Every attempt is a real `python -m seqgpt_jax.train` process on a store that it prepares itself. A reference run is
not disturbed. A second run, in its own folders, is killed (SIGKILL, with or without its children) at random moments of
every phase, preempted (SIGTERM), and finds its newest checkpoint corrupt. A third one runs on a disk that is full for a
while, then full until the end. Parameters are compared bit for bit. The full disk is a tmpfs where one can be mounted,
else a limit on file sizes (RLIMIT_FSIZE). Takes about ten minutes on two cores.
"""

import argparse
import hashlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fault_page import FAULTS, page, short_line

ROOT = Path(__file__).parents[1]
STEPS, SAVE_EVERY, LOG_EVERY = 300, 10, 5
SETTINGS = (
    "--gin_file=quickstart_ft.gin",
    "--gin.Prepare.max_instances=40",
    "--gin.Model.hidden_size=32",
    "--gin.Model.n_layer=2",
    "--gin.Train.batch_size=4",
    "--gin.Train.epochs=16",
    "--gin.Train.keep=3",
    f"--gin.Train.save_every={SAVE_EVERY}",
    f"--gin.Train.log_every={LOG_EVERY}",
)
# Phase -> number of kills, and the maximum delay in seconds between the start of the phase and the kill.
PHASES = {
    "start and preparation": (5, 10.0),
    "restore and compilation": (7, 1.0),
    "steps": (11, 1.0),
    "save": (8, 0.15),
}
SIGTERMS = 4


@dataclass
class Attempt:
    """One process of a run.

    Attributes:
      fault: the fault it met.
      exit_code: negative: the signal that ended it.
      start_step: step that it resumed from; None where it did not get so far.
      last_logged: last step that it logged.
      repeated_steps: steps that the next attempt had to repeat.
      messages: the log lines about faults.
    """

    fault: str
    exit_code: int = 0
    start_step: int | None = None
    last_logged: int | None = None
    repeated_steps: int | None = None
    messages: list[str] = field(default_factory=list)


class Run:
    """A run: the same command, restarted in the same folders."""

    def __init__(self, work: Path, name: str, *, steps: int, run_dir: Path | None = None) -> None:
        self.steps = steps
        self.run_dir = run_dir or work / name / "run"
        self.attempts: list[Attempt] = []
        self.startup_seconds = 8.0  # of the latest attempt, up to its first step; it restores in the last part of it
        folder = work / name
        folder.mkdir(parents=True, exist_ok=True)
        self._command = [sys.executable, "-m", "seqgpt_jax.train", *SETTINGS, f"--gin.Train.steps={steps}"]
        self._command += [f"--run_dir={self.run_dir}"]
        self._command += [f"--gin.Prepare.tokenizer={folder}/tokenizer", f"--gin.Prepare.output_dir={folder}/prepared"]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(work / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }

    def start(self, fault: str) -> None:
        """Starts the next attempt."""
        self.attempts.append(Attempt(fault))
        self._started = time.monotonic()
        self.output: list[str] = []
        self.process = subprocess.Popen(
            self._command,
            cwd=self.run_dir.parent,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process, self.output), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen, output: list[str]) -> None:
        started = time.monotonic()
        for line in process.stdout:
            output.append(line)
            if line.startswith("first step") and "prepared:" not in "".join(output):
                self.startup_seconds = time.monotonic() - started

    def wait_for(self, pattern: str, timeout: float = 600) -> bool:
        """Whether the process printed a line that matches `pattern` before it ended."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if any(re.search(pattern, line) for line in list(self.output)):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.02)
        raise TimeoutError(f"no {pattern!r} in {timeout} s:\n{''.join(self.output)}")

    def kill(self, number: int, *, children: bool = False) -> None:
        """Sends a signal to the process, or to its children as well, as if the machine was lost."""
        if self.process.poll() is None:
            if children:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)

    def wait(self) -> Attempt:
        """Waits for the end of this attempt and reads its output."""
        attempt = self.attempts[-1]
        attempt.exit_code = self.process.wait(timeout=400)
        self._reader.join(timeout=3)  # A child that outlives the process holds the pipe.
        text = "".join(self.output)
        if match := re.search(r"resumed from step ([\d,]+)", text):
            attempt.start_step = int(match[1].replace(",", ""))
        elif "initialized with random weights" in text:
            attempt.start_step = 0
        steps = re.findall(r"^step +([\d,]+)/", text, re.MULTILINE)
        attempt.last_logged = int(steps[-1].replace(",", "")) if steps else None
        previous = next((other for other in reversed(self.attempts[:-1]) if other.last_logged is not None), None)
        if previous and attempt.start_step is not None and previous.repeated_steps is None:
            previous.repeated_steps = max(0, previous.last_logged - attempt.start_step)
            if "corrupt" in attempt.fault:  # the cost of the corruption, not of what ended the previous attempt
                attempt.repeated_steps, previous.repeated_steps = previous.repeated_steps, 0
        attempt.messages = [
            short_line(line) for line in self.output if FAULTS.search(line) and " parameters on " not in line
        ]
        seconds = time.monotonic() - self._started
        print(
            f"  {seconds:3.0f} s  {attempt.fault}: exit code {attempt.exit_code}, {attempt.start_step} -> "
            f"{attempt.last_logged}  {attempt.messages[:2]}",
            flush=True,
        )
        return attempt

    def checkpoints(self) -> list[int]:
        """Steps of the complete checkpoints."""
        names = [path.name for path in (self.run_dir / "checkpoints").glob("*")]
        return sorted(int(name) for name in names if name.isdigit())

    def newest(self) -> int:
        """Step of the newest checkpoint, 0 for none."""
        return max(self.checkpoints(), default=0)

    def finish(self) -> Attempt:
        """An undisturbed attempt, which must finish the run."""
        self.start("none")
        attempt = self.wait()
        if attempt.exit_code:
            raise RuntimeError(f"the run did not finish:\n{''.join(self.output)}")
        return attempt


def kill_once(run: Run, phase: str, rng: random.Random) -> None:
    """One attempt, killed in a phase; `save`: while an incomplete checkpoint is being written."""
    run.start(f"SIGKILL: {phase}")
    alive = True
    if phase == "restore and compilation":
        if run.newest():
            time.sleep(run.startup_seconds * rng.uniform(0.6, 1.0))
        else:  # it may have to prepare the data first
            alive = run.wait_for("parameters on|prepared:")
    elif phase in ("steps", "save"):
        alive = run.wait_for("first step")
    if alive and phase == "save":
        time.sleep(rng.uniform(0, 0.3))
        deadline, folder = time.monotonic() + 30, run.run_dir / "checkpoints"
        while (
            run.process.poll() is None
            and time.monotonic() < deadline
            and not list(folder.glob("*.orbax-checkpoint-tmp*"))
        ):
            time.sleep(0.002)
    time.sleep(rng.uniform(0, PHASES[phase][1]))
    # Every second time its children stay alive, side by side with the next attempt.
    run.kill(signal.SIGKILL, children=len(run.attempts) % 2 == 1)
    if run.wait().exit_code != -signal.SIGKILL:
        raise RuntimeError(f"it exited before it was killed:\n{''.join(run.output)}")


def kill_repeatedly(run: Run, kills: dict[str, int], sigterms: int, rng: random.Random) -> None:
    """Kills in random order, those in preparation first, with SIGTERMs in between."""
    later = [phase for phase, count in kills.items() if phase != "start and preparation" for _ in range(count)]
    later += ["SIGTERM"] * sigterms
    rng.shuffle(later)
    for phase in ["start and preparation"] * kills["start and preparation"] + later:
        if phase != "SIGTERM":
            kill_once(run, phase, rng)
            continue
        run.start("SIGTERM: steps")
        run.wait_for("first step")
        time.sleep(rng.uniform(0, 1))
        run.kill(signal.SIGTERM)
        attempt = run.wait()
        if attempt.exit_code != 75 or not any("saved at step" in line for line in attempt.messages):
            raise RuntimeError(f"exit code {attempt.exit_code} after SIGTERM:\n{''.join(run.output)}")


def corrupt_newest(run: Run, rng: random.Random) -> None:
    """Overwrites the middle of the largest file of the newest checkpoint; the next attempt must fall back."""
    if len(run.checkpoints()) < 2:
        run.start("SIGKILL: steps")
        run.wait_for(rf"^step +{3 * SAVE_EVERY}/")
        run.kill(signal.SIGKILL, children=True)
        run.wait()
    previous, step = run.checkpoints()[-2:]
    files = [path for path in (run.run_dir / "checkpoints" / str(step) / "params").rglob("*") if path.is_file()]
    file = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    middle = range(len(content) // 3, 2 * len(content) // 3)
    content[middle.start : middle.stop] = rng.randbytes(len(middle))
    file.write_bytes(content)
    run.start("newest checkpoint corrupt")
    run.wait_for("first step")
    run.kill(signal.SIGKILL)
    attempt = run.wait()
    aside = run.run_dir / "corrupt_checkpoints" / str(step)
    if not any("corrupt" in line for line in attempt.messages) or not aside.is_dir() or attempt.start_step != previous:
        raise RuntimeError(f"no fall-back from the corrupt checkpoint {step}:\n{''.join(run.output)}")


class FullDisk:
    """A folder whose disk can be filled and freed: a tmpfs, or else a limit on the file sizes of a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], capture_output=True)
        self.kind = "RLIMIT_FSIZE" if mounted.returncode else "tmpfs"

    def fill(self, process: subprocess.Popen) -> None:
        """Takes all free space."""
        if self.kind == "RLIMIT_FSIZE":
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            return
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                pass

    def free(self, process: subprocess.Popen) -> None:
        """Frees the space again."""
        if self.kind == "RLIMIT_FSIZE":
            if process.poll() is None:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        else:
            (self.folder / "ballast").unlink()

    def close(self) -> None:
        """Unmounts the disk."""
        if self.kind == "tmpfs":
            subprocess.run(["umount", self.folder], check=True)


def run_on_full_disk(work: Path, name: str, steps: int) -> tuple[Run, str, str]:
    """A disk that is full for a while, then full until the end, then free; (run, kind of disk, hash of parameters)."""
    disk = FullDisk(work / "disk")
    try:
        run = Run(work, name, steps=steps, run_dir=disk.folder / "run")
        run.start("disk full for a while")
        run.wait_for(rf"^step +{5 * SAVE_EVERY}/")
        disk.fill(run.process)
        run.wait_for("could not be saved")
        newest = run.newest()
        time.sleep(2)
        disk.free(run.process)
        deadline = time.monotonic() + 60
        while run.newest() <= newest + SAVE_EVERY and run.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        recovered = run.newest()
        if recovered <= newest or run.process.poll() is not None:
            raise RuntimeError(f"no checkpoint after the disk had free space again:\n{''.join(run.output)}")
        disk.fill(run.process)
        attempt = run.wait()
        disk.free(run.process)
        errors = [line for line in attempt.messages if line.startswith("error:")]
        if attempt.exit_code in (0, 75) or attempt.last_logged != steps or not errors:
            raise RuntimeError(f"disk full until the end, but exit code {attempt.exit_code}:\n{''.join(run.output)}")
        attempt.fault = "disk full for a while, later until the end"
        run.finish()
        return run, disk.kind, parameters_hash(run)
    finally:
        disk.close()


def parameters_hash(run: Run) -> str:
    """Hash of all bits of the parameters in the checkpoint of the last step."""
    code = (
        "import sys, hashlib, jax, numpy; from pathlib import Path\n"
        "from seqgpt_jax.io import model_folder\n"
        "run = Path(sys.argv[1]); config = model_folder.read_run_config(run)\n"
        "params, _ = model_folder.restore_params(run, config, step=int(sys.argv[2]))\n"
        "bits = hashlib.blake2b(digest_size=16)\n"
        "[bits.update(numpy.asarray(leaf).tobytes()) for leaf in jax.tree.leaves(params)]\n"
        "print(bits.hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(run.run_dir), str(run.steps)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]


def drill(work: Path, seed: int, kills: dict[str, int], sigterms: int, *, steps: int, disk: bool) -> dict:
    """The whole drill; raises RuntimeError where a run does not behave as it should."""
    rng = random.Random(seed)
    started = time.monotonic()
    print("reference run", flush=True)
    reference = Run(work, "reference", steps=steps)
    reference.finish()
    expected = parameters_hash(reference)
    print("killed run", flush=True)
    run = Run(work, "killed", steps=steps)
    kill_repeatedly(run, kills, sigterms, rng)
    corrupt_newest(run, rng)
    run.finish()
    hashes, attempts, disk_kind = {"killed": parameters_hash(run)}, run.attempts, None
    if disk:
        print("run on a full disk", flush=True)
        disk_run, disk_kind, hashes["full disk"] = run_on_full_disk(work, "reference", steps)  # with the same store
        attempts = attempts + disk_run.attempts
    if different := [name for name, value in hashes.items() if value != expected]:
        raise RuntimeError(f"the parameters differ from those of the reference run: {different}")
    return {
        "seed": seed,
        "steps": steps,
        "save_every": SAVE_EVERY,
        "log_every": LOG_EVERY,
        "full_disk": disk_kind,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "bit_identical": True,
        "store_identical": store_hashes(work / "reference") == store_hashes(work / "killed"),
        "attempts": [asdict(attempt) for attempt in attempts],
    }


def store_hashes(folder: Path) -> list[str]:
    """Hashes of the prepared records."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("prepared/*/epoch-*/*"))


def main() -> None:
    """Runs the drill and writes its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="path without suffix: .json and .md are written")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = {phase: count for phase, (count, _) in PHASES.items()}
        result = drill(Path(folder), args.seed, counts, SIGTERMS, steps=STEPS, disk=True)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    args.output.with_suffix(".md").write_text(page(result), encoding="utf-8")
    print(page(result))


if __name__ == "__main__":
    main()
