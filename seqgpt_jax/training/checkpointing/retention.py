"""Which checkpoints of a run stay, while newer ones come."""

from collections.abc import Mapping, Sequence

from orbax.checkpoint.checkpoint_managers import (
    AnyPreservationPolicy,
    EveryNSteps,
    LatestN,
    PolicyCheckpointInfo,
    PreservationContext,
    PreservationPolicy,
)

from seqgpt_jax.io.model_folder import by_loss


def retention_policy(newest: int, best: int, every: int | None, losses: Mapping[int, float]) -> PreservationPolicy:
    """The `newest` ones stay, and the `best` by validation loss, and those of steps that are a multiple of `every`.

    Args:
      losses: step -> validation loss of the checkpoints that have one; may grow while the policy is in use.
    """
    policies = [LatestN(newest), LowestLoss(best, losses)]
    return AnyPreservationPolicy([*policies, EveryNSteps(every)] if every else policies)


class LowestLoss(PreservationPolicy):
    """Keeps `count` checkpoints, those with the lowest loss; of equal ones the oldest.

    Orbax's BestN reads a file for each checkpoint as soon as any is asked for, so that a damaged one would bar the way
    to all of them. The losses here come from `meta`, where it costs its own checkpoint alone.
    """

    def __init__(self, count: int, losses: Mapping[int, float]) -> None:
        self._count, self._losses = count, losses

    def should_preserve(
        self, checkpoints: Sequence[PolicyCheckpointInfo], *, context: PreservationContext
    ) -> Sequence[bool]:
        """Whether each one stays."""
        steps = [checkpoint.step for checkpoint in checkpoints]
        best = by_loss({step: self._losses[step] for step in steps if step in self._losses})[: self._count]
        return [step in best for step in steps]
