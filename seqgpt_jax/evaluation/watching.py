"""Watch over a run: each checkpoint is scored as it appears, beside the training."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from etils import epath

from seqgpt_jax.evaluation.watch_table import WatchTable
from seqgpt_jax.io.run_checkpoints import CorruptCheckpointError, checkpoint_fingerprint, complete_steps, is_last

_DELETED = "its checkpoint was deleted before it was read (Train.keep, Train.keep_every)"
# A checkpoint that is being deleted looks corrupt; so long its folder may still be there.
_SECONDS_OF_DELETION = 2.0


def watch(
    run: epath.Path,
    table: WatchTable,
    score: Callable[[int, Path], None],
    *,
    poll: float,
    once: bool = False,
    until_step: int | None = None,
    log: Callable[[str], None] = print,
) -> None:
    """Scores the checkpoints of a run, oldest first, until its last step is scored.

    Those that are there in the beginning are all scored. Of several that appear during one evaluation only the newest
    is, and the others are reported, unless the training has ended. A checkpoint that is deleted while it is read, or is
    corrupt, is reported and left out. The table is written after each.

    Args:
      run: folder of the run; it need not exist yet.
      table: with the steps that were scored before.
      score: evaluates the checkpoint of a step and writes into the folder, which is empty.
      poll: seconds between two looks at the run.
      once: end after what is there.
      until_step: end once the checkpoint of this step, or a later one, is there and all that are there are scored.

    Raises:
      ValueError, OSError: whatever `score` raises for a checkpoint that is still there and not corrupt.
    """
    passed: dict[int, str] = {}  # step -> fingerprint of a checkpoint that this process does not score
    initial: set[int] | None = None
    seen: set[int] = set()
    waits = False
    while True:
        there = complete_steps(run)
        prints = {step: checkpoint_fingerprint(run, step) for step in there}
        waiting = sorted(
            step for step in there if passed.get(step) != prints[step] and not table.is_scored(step, prints[step])
        )
        ended = bool(there) and is_last(run, there[0])
        if initial is None:
            initial = seen = set(there)
        appeared = [step for step in waiting if step not in seen]
        if not waits and not ended and not once and len(appeared) > 1:
            behind = [step for step in waiting[:-1] if step not in initial]
            log(
                f"evaluation takes longer than the steps between two checkpoints: skipping to step {waiting[-1]:,}, "
                f"without a score for {', '.join(f'{step:,}' for step in behind)}"
            )
            for step in behind:
                passed[step] = prints[step]
                table.skip(step, "newer checkpoints were there before the evaluation of an earlier one had ended")
            waiting = [step for step in waiting if step not in behind]
        seen = set(there)
        if not waiting:
            table.write(there)
            if once or ended or (until_step is not None and bool(there) and there[0] >= until_step):
                return
            if not waits:
                log(f"waiting for a new checkpoint in {run} (Ctrl-C ends the watch)")
            waits = True
            time.sleep(poll)
            continue
        waits = False
        step = waiting[0]
        if reason := _score(run, step, table, score):
            log(f"step {step:,} has no score: {reason}")
            passed[step] = prints[step]
            table.skip(step, reason)
        else:
            table.add(step, prints[step], step_folder(table.folder, step))
        there = complete_steps(run)
        table.write(there)
        if not reason:
            log(table.best_line(there))


def step_folder(output: Path, step: int) -> Path:
    """The folder of the evaluation of a step."""
    return output / f"step_{step}"


def _score(run: epath.Path, step: int, table: WatchTable, score: Callable[[int, Path], None]) -> str:
    """Evaluates one checkpoint into its folder; "" or why it has no score."""
    folder = step_folder(table.folder, step)
    # Half of an evaluation that was killed, or that of another checkpoint.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        score(step, folder)
    except Exception as error:
        # The libraries that read a checkpoint have no common class for a file that is gone.
        if isinstance(error, CorruptCheckpointError):
            time.sleep(_SECONDS_OF_DELETION)
        elif step in complete_steps(run):
            raise
        shutil.rmtree(folder, ignore_errors=True)
        return str(error) if step in complete_steps(run) else _DELETED
    return ""
