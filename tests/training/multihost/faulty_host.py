"""A faulty host: python -m tests.training.multihost.faulty_host FOLDER FAULT GUILTY PORT COUNT INDEX."""

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from etils import epath
from jax.experimental import multihost_utils

from seqgpt_jax import command_line
from seqgpt_jax.training.multihost.hosts import environment, join
from seqgpt_jax.training.multihost.watchdog import Timeouts

TIMEOUTS = Timeouts(join=60, shared_dir=1, report=0.5, heartbeat=5, progress=6)
JOIN_ALONE = 4
AT, STEPS = 4, 100


def batches(fault: str) -> Iterator[np.ndarray]:
    for step in range(1, STEPS + 1):
        if step == AT:
            match fault:
                case "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "stopped":
                    os.kill(os.getpid(), signal.SIGSTOP)
                case "unreadable":
                    raise OSError(5, "Input/output error", "train-00003.arrayrecord")
                case "interrupted":
                    raise KeyboardInterrupt
                case "stuck":
                    time.sleep(600)
                case "short":
                    return
        yield np.full(3, step)


def validation(fault: str) -> Iterator[np.ndarray]:
    for number in range(1, 4):
        if fault == "invalid" and number == 2:
            time.sleep(600)
        yield np.full(3, number)


def main() -> None:
    folder, fault, guilty, port, count, index = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
    timeouts = dataclasses.replace(TIMEOUTS, join=JOIN_ALONE) if fault == "alone" else TIMEOUTS
    fault = fault if index == guilty else ""
    with join(command_line.explain, cluster=(f"127.0.0.1:{port}", count, index), timeouts=timeouts) as hosts:
        hosts.assert_equal({"Train.batch_size": 16 if fault == "differs" else 8, **environment()})
        hosts.assert_shared_folder(epath.Path(folder / "own" if fault == "apart" else folder / "run"))
        for step, batch in hosts.lockstep(batches(fault), 0, STEPS):
            # The healthy hosts wait for the other one in a collective, which nothing can interrupt.
            multihost_utils.process_allgather(batch)
            if step == AT:
                for part in hosts.each(validation(fault), "validation batch"):
                    multihost_utils.process_allgather(part)
            print(f"step {step} is done", flush=True)


if __name__ == "__main__":
    command_line.run(main)
