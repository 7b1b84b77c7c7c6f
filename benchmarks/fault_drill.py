"""A small real run that is killed, told to stop, starved of disk and damaged; in the end its weights are the same bits.

    python benchmarks/fault_drill.py --output=benchmarks/results/fault_drill

Every life is a real `python -m seqgpt_jax.train` process on a store that it prepares itself. One run is left
alone. Another one, in folders of its own, is killed (SIGKILL, with or without its children) at moments drawn by
chance in every phase, told to stop (SIGTERM), and finds its newest checkpoint damaged. A third one works on a
disk that is full for a while, then full until the end. Parameters are compared bit for bit. The full
disk is a tmpfs where this may be mounted, else a limit on the size of files (RLIMIT_FSIZE). Takes about ten
minutes on two cores.
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

from fault_page import FAULTS, page, shown

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
# Phase -> how many kills, and up to how many seconds after its sign the process dies.
PHASES = {
    "start and preparation": (5, 10.0),
    "restore and compilation": (7, 1.0),
    "steps": (11, 1.0),
    "save": (8, 0.15),
}
SIGTERMS = 4


@dataclass
class Life:
    """One process, and what became of it.

    Attributes:
      what: which fault it met.
      code: exit status; negative: the signal that ended it.
      began: step that it went on from; None where it did not get so far.
      logged: last step that it logged.
      lost: steps that the next life had to do again.
      said: the lines in which it told of a fault.
    """

    what: str
    code: int = 0
    began: int | None = None
    logged: int | None = None
    lost: int | None = None
    said: list[str] = field(default_factory=list)


class Run:
    """The same command, started again and again in its folders."""

    def __init__(self, work: Path, name: str, *, steps: int, run_dir: Path | None = None) -> None:
        self.steps = steps
        self.run_dir = run_dir or work / name / "run"
        self.lives: list[Life] = []
        self.ready_seconds = 8.0  # How long a life took lately to its first step: it restores in the last part of it.
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

    def start(self, what: str) -> None:
        """Begins the next life."""
        self.lives.append(Life(what))
        self._began = time.monotonic()
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
        began = time.monotonic()
        for line in process.stdout:
            output.append(line)
            if line.startswith("first step") and "prepared:" not in "".join(output):
                self.ready_seconds = time.monotonic() - began

    def wait_for(self, sign: str, timeout: float = 600) -> bool:
        """Whether the process has printed this (a regular expression) before it ended."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if any(re.search(sign, line) for line in list(self.output)):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.02)
        raise TimeoutError(f"no {sign!r} in {timeout} s:\n{''.join(self.output)}")

    def kill(self, number: int, *, children: bool = False) -> None:
        """A signal to the process, or to its children as well: the machine is gone."""
        if self.process.poll() is None:
            if children:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)

    def end(self) -> Life:
        """Waits for the end of this life and notes what it said."""
        life = self.lives[-1]
        life.code = self.process.wait(timeout=400)
        self._reader.join(timeout=3)  # A child that outlives the process holds the pipe.
        text = "".join(self.output)
        if match := re.search(r"own checkpoint of step ([\d,]+)", text):
            life.began = int(match[1].replace(",", ""))
        elif "starts from random weights" in text:
            life.began = 0
        steps = re.findall(r"^step +([\d,]+)/", text, re.MULTILINE)
        life.logged = int(steps[-1].replace(",", "")) if steps else None
        before = next((one for one in reversed(self.lives[:-1]) if one.logged is not None), None)
        if before and life.began is not None and before.lost is None:
            before.lost = max(0, before.logged - life.began)
            if "damaged" in life.what:  # That is what it cost, not what ended the life before.
                life.lost, before.lost = before.lost, 0
        life.said = [shown(line) for line in self.output if FAULTS.search(line) and " parameters on " not in line]
        seconds = time.monotonic() - self._began
        print(
            f"  {seconds:3.0f} s  {life.what}: code {life.code}, {life.began} -> {life.logged}  {life.said[:2]}",
            flush=True,
        )
        return life

    def checkpoints(self) -> list[int]:
        """Steps of the complete checkpoints."""
        names = [path.name for path in (self.run_dir / "checkpoints").glob("*")]
        return sorted(int(name) for name in names if name.isdigit())

    def newest(self) -> int:
        """Step of the newest checkpoint, 0 for none."""
        return max(self.checkpoints(), default=0)

    def finish(self) -> Life:
        """A life that nothing disturbs, which must end the run."""
        self.start("left alone")
        life = self.end()
        if life.code:
            raise RuntimeError(f"the run did not finish:\n{''.join(self.output)}")
        return life


def kill_once(run: Run, phase: str, rng: random.Random) -> None:
    """One life that ends with SIGKILL in a phase; `save`: while a half-written checkpoint lies there."""
    run.start(f"SIGKILL: {phase}")
    alive = True
    if phase == "restore and compilation":
        if run.newest():
            time.sleep(run.ready_seconds * rng.uniform(0.6, 1.0))
        else:  # There may be data to prepare before.
            alive = run.wait_for("parameters on|prepared:")
    elif phase in ("steps", "save"):
        alive = run.wait_for("first step")
    if alive and phase == "save":
        time.sleep(rng.uniform(0, 0.3))
        end, half = time.monotonic() + 30, run.run_dir / "checkpoints"
        while run.process.poll() is None and time.monotonic() < end and not list(half.glob("*.orbax-checkpoint-tmp*")):
            time.sleep(0.002)
    time.sleep(rng.uniform(0, PHASES[phase][1]))
    # Every second time what it has started goes on, side by side with the next life.
    run.kill(signal.SIGKILL, children=len(run.lives) % 2 == 1)
    if run.end().code != -signal.SIGKILL:
        raise RuntimeError(f"not killed: it ended by itself:\n{''.join(run.output)}")


def killed(run: Run, kills: dict[str, int], sigterms: int, rng: random.Random) -> None:
    """Kills in an order drawn by chance, but preparation first; SIGTERMs between them."""
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
        life = run.end()
        if life.code != 75 or not any("saved at step" in line for line in life.said):
            raise RuntimeError(f"SIGTERM gave code {life.code}:\n{''.join(run.output)}")


def damage(run: Run, rng: random.Random) -> None:
    """Overwrites the middle of the largest file of the newest checkpoint; the next life must say so and go on."""
    if len(run.checkpoints()) < 2:
        run.start("SIGKILL: steps")
        run.wait_for(rf"^step +{3 * SAVE_EVERY}/")
        run.kill(signal.SIGKILL, children=True)
        run.end()
    before, step = run.checkpoints()[-2:]
    files = [path for path in (run.run_dir / "checkpoints" / str(step) / "params").rglob("*") if path.is_file()]
    file = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    middle = range(len(content) // 3, 2 * len(content) // 3)
    content[middle.start : middle.stop] = rng.randbytes(len(middle))
    file.write_bytes(content)
    run.start("newest checkpoint damaged")
    run.wait_for("first step")
    run.kill(signal.SIGKILL)
    life = run.end()
    aside = run.run_dir / "damaged_checkpoints" / str(step)
    if not any("damaged" in line for line in life.said) or not aside.is_dir() or life.began != before:
        raise RuntimeError(f"a damaged checkpoint of step {step}, and then:\n{''.join(run.output)}")


class FullDisk:
    """A folder whose disk can be filled and emptied: a tmpfs, or else a limit on the size of a process's files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], capture_output=True)
        self.kind = "RLIMIT_FSIZE" if mounted.returncode else "tmpfs"

    def fill(self, process: subprocess.Popen) -> None:
        """Takes all room."""
        if self.kind == "RLIMIT_FSIZE":
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            return
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                pass

    def empty(self, process: subprocess.Popen) -> None:
        """Gives it back."""
        if self.kind == "RLIMIT_FSIZE":
            if process.poll() is None:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        else:
            (self.folder / "ballast").unlink()

    def close(self) -> None:
        """Takes it away."""
        if self.kind == "tmpfs":
            subprocess.run(["umount", self.folder], check=True)


def starved(work: Path, name: str, steps: int) -> tuple[Run, str]:
    """A disk that is full for a while, then one that is full until the end; then room again."""
    disk = FullDisk(work / "disk")
    try:
        run = Run(work, name, steps=steps, run_dir=disk.folder / "run")
        run.start("disk full for a while")
        run.wait_for(rf"^step +{5 * SAVE_EVERY}/")
        disk.fill(run.process)
        run.wait_for("could not be written")
        at = run.newest()
        time.sleep(2)
        disk.empty(run.process)
        end = time.monotonic() + 60
        while run.newest() <= at + SAVE_EVERY and run.process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        recovered = run.newest()
        if recovered <= at or run.process.poll() is not None:
            raise RuntimeError(f"no checkpoint after the disk had room again:\n{''.join(run.output)}")
        disk.fill(run.process)
        life = run.end()
        disk.empty(run.process)
        if life.code in (0, 75) or life.logged != steps or not any(line.startswith("error:") for line in life.said):
            raise RuntimeError(f"full until the end, but code {life.code}:\n{''.join(run.output)}")
        life.what = "disk full for a while, later until the end"
        run.finish()
        return run, f"{disk.kind}; digest {parameters(run)}"
    finally:
        disk.close()


def parameters(run: Run) -> str:
    """A digest of every bit of the parameters in the checkpoint of the last step."""
    code = (
        "import sys, hashlib, jax, numpy; from pathlib import Path\n"
        "from seqgpt_jax.models import loading\n"
        "run = Path(sys.argv[1]); config = loading.read_run_config(run)\n"
        "params = loading.restore_params(run, config, step=int(sys.argv[2]))\n"
        "digest = hashlib.blake2b(digest_size=16)\n"
        "[digest.update(numpy.asarray(leaf).tobytes()) for leaf in jax.tree.leaves(params)]\n"
        "print(digest.hexdigest())"
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
    """All of it; raises RuntimeError where a run does something else than it should."""
    rng = random.Random(seed)
    began = time.monotonic()
    print("left alone", flush=True)
    alone = Run(work, "alone", steps=steps)
    alone.finish()
    wanted = parameters(alone)
    print("killed", flush=True)
    run = Run(work, "killed", steps=steps)
    killed(run, kills, sigterms, rng)
    damage(run, rng)
    run.finish()
    found = {"killed": parameters(run)}
    lives, kind = run.lives, None
    if disk:
        print("starved", flush=True)
        other, told = starved(work, "alone", steps)  # The store that is there already.
        kind, _, found["starved"] = told.partition("; digest ")
        lives = lives + other.lives
    if different := [name for name, value in found.items() if value != wanted]:
        raise RuntimeError(f"other bits in the end: {different}")
    return {
        "seed": seed,
        "steps": steps,
        "save_every": SAVE_EVERY,
        "log_every": LOG_EVERY,
        "full_disk": kind,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "bit_identical": True,
        "store_identical": stores(work / "alone") == stores(work / "killed"),
        "lives": [asdict(life) for life in lives],
    }


def stores(folder: Path) -> list[str]:
    """Digests of what was prepared."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("prepared/*/epoch-*/*"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="FILE, without ending: .json and .md are written")
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
