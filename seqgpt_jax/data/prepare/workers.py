"""Runners of a preparation: this process, worker processes, or Apache Beam.

Work consists of jobs, which are expanded to items; the work on an item leaves its result in the store's folder.
"""

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from loky import ProcessPoolExecutor
from loky.process_executor import TerminatedWorkerError

Job = TypeVar("Job")
Item = TypeVar("Item")
Result = TypeVar("Result")
_work: Callable[[Any], Any]


class WorkerDied(OSError):
    """A worker process was killed; what is complete is kept, and the same command resumes with it."""


class Runner(Protocol):
    """Does `work(item)` for every item of every job."""

    def __call__(
        self, jobs: Iterable[Job], expand: Callable[[Job], Iterable[Item]], work: Callable[[Item], Result]
    ) -> Iterator[Result]:
        """The results, as the work gets done; nothing where the runner cannot report them."""
        ...


def processes(number: int) -> Runner:
    """Jobs are expanded in this process, one after the other; items go to `number` processes (1: to this one)."""

    def run(
        jobs: Iterable[Job], expand: Callable[[Job], Iterable[Item]], work: Callable[[Item], Result]
    ) -> Iterator[Result]:
        return in_order(work, itertools.chain.from_iterable(map(expand, jobs)), number)

    return run


def in_order(work: Callable[[Item], Result], items: Iterable[Item], number: int) -> Iterator[Result]:
    """`map(work, items)` by `number` processes; at most two items for each are read ahead.

    Raises:
      WorkerDied: a worker process was killed (out of memory, most often).
    """
    if number == 1:
        yield from map(work, items)
        return
    # Each worker is a core's worth: the tokenizer must not start threads of its own.
    executor = ProcessPoolExecutor(
        number, initializer=_start, initargs=(work, os.getpid()), env={"TOKENIZERS_PARALLELISM": "false"}
    )
    running: deque = deque()
    try:
        for item in items:
            running.append(executor.submit(_call, item))
            if len(running) >= 2 * number:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    except TerminatedWorkerError as error:
        raise WorkerDied(
            f"a worker process died ({str(error).splitlines()[0]}), most often killed because memory ran out: set "
            "Prepare.workers to a smaller number and run the same command again; what is complete is kept. With "
            "Prepare.workers = 1 an error of your own module is shown as it is"
        ) from error
    finally:
        executor.shutdown(wait=True, kill_workers=True)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(work: Callable[[Any], Any], parent: int) -> None:
    global _work
    _work = work
    # A parent that was killed cannot stop its workers.
    threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()


def _exit_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _call(item: Any) -> Any:
    return _work(item)
