"""Checkpoint retention policy."""

from collections.abc import Mapping, Sequence

from orbax.checkpoint.checkpoint_managers import (
    AnyPreservationPolicy,
    EveryNSteps,
    LatestN,
    PolicyCheckpointInfo,
    PreservationContext,
    PreservationPolicy,
)

from seqgpt_jax.io.run_checkpoints import by_loss


def retention_policy(newest: int, best: int, every: int | None, losses: Mapping[int, float]) -> PreservationPolicy:
    """Keeps the `newest` checkpoints, the `best` ones by validation loss, and those of every `every`-th step.

    Args:
      losses: step -> validation loss of the checkpoints that have one; may grow while the policy is in use.
    """
    policies = [LatestN(newest), LowestLoss(best, losses)]
    return AnyPreservationPolicy([*policies, EveryNSteps(every)] if every else policies)


class LowestLoss(PreservationPolicy):
    """Keeps the `count` checkpoints with the lowest loss; of equal ones the oldest.

    Orbax's BestN reads a metrics file of every checkpoint as soon as one of them is asked for, so that a single corrupt
    one makes all of them unreadable. Here the losses come from `meta`, and a corrupt one affects only its checkpoint.
    """

    def __init__(self, count: int, losses: Mapping[int, float]) -> None:
        self._count, self._losses = count, losses

    def should_preserve(
        self, checkpoints: Sequence[PolicyCheckpointInfo], *, context: PreservationContext
    ) -> Sequence[bool]:
        """One flag for each checkpoint: whether it is kept."""
        steps = [checkpoint.step for checkpoint in checkpoints]
        best = by_loss({step: self._losses[step] for step in steps if step in self._losses})[: self._count]
        return [step in best for step in steps]
