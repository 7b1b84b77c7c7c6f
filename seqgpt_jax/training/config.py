"""The settings of a training run (gin: `Train`)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes:
      batch_size: rows of a batch, over all devices and micro-batches.
      length: tokens of a row; packed examples share it.
      epochs: passes over the data.
      steps: stop after so many updates, although the epochs are not over; None: do not.
      seed: of the order of the data, and of the weights of a model that starts from scratch.
      accumulate: micro-batches of which an update is made: less memory, the same result.
      log_every: steps between two lines of the log.
      save_every: steps between two checkpoints; the last step is always saved.
      save_minutes: a checkpoint is also written when the last one is so old, at the next line of the log.
      keep: how many checkpoints stay, the newest ones; with two or more, a damaged one has one before it.
      keep_best: how many more stay, those with the lowest validation loss.
      keep_every: those of steps that are a multiple of this stay for good; a multiple of `save_every`.
      validate_every: steps between two validations, of which one also follows the last step; None: none.
      validation_instances: how many of each task's validation split are asked, the same ones every time.
      max_skipped: how many steps of the run, in all, may have a loss or a gradient that is not finite. Each changes
        nothing and is told with the ids of its examples; one more ends the run.
      profile_from: the step, counted from 1, from which `profile_steps` steps are traced into profile/; None: none.
      profile_steps: see there.
      init_from: folder of another run, or of a Hugging Face model, whose weights the run starts from; None: from
        scratch. A run that has a checkpoint of its own goes on from that.
    """

    batch_size: int = 128
    length: int = 2048
    epochs: int = 1
    steps: int | None = None
    seed: int = 0
    accumulate: int = 1
    log_every: int = 10
    save_every: int = 500
    save_minutes: float | None = None
    keep: int = 2
    keep_best: int = 0
    keep_every: int | None = None
    validate_every: int | None = None
    validation_instances: int = 50
    max_skipped: int = 10
    profile_from: int | None = None
    profile_steps: int = 5
    init_from: str | None = None

    def __post_init__(self) -> None:
        optional = ("steps", "keep_every", "validate_every", "profile_from")
        counts = ("batch_size", "length", "epochs", "accumulate", "log_every", "save_every", "keep", "profile_steps")
        counts += ("validation_instances",)
        for name in (*optional, *counts):
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Train.{name} must be a whole number of at least 1, not {value!r}")
        for name in ("max_skipped", "keep_best"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"Train.{name} must be a whole number of at least 0, not {value!r}")
        if self.save_minutes is not None and not self.save_minutes > 0:
            raise ValueError(f"Train.save_minutes must be above 0, not {self.save_minutes!r}")
        if self.keep_every is not None and self.keep_every % self.save_every:
            raise ValueError(
                f"Train.keep_every = {self.keep_every} must be a multiple of Train.save_every = {self.save_every}: "
                "no other checkpoint is there to keep"
            )
        if self.keep_best and self.validate_every is None:
            raise ValueError(
                f"Train.keep_best = {self.keep_best} needs validation: set Train.validate_every, for example to "
                f"Train.save_every = {self.save_every}"
            )
        if self.keep_best and self.save_every % self.validate_every:
            raise ValueError(
                f"Train.keep_best = {self.keep_best} needs a validation before each checkpoint: make Train.save_every "
                f"= {self.save_every} a multiple of Train.validate_every = {self.validate_every}"
            )

    @property
    def micro_batch_size(self) -> int:
        """Rows of a micro-batch, and of a batch of validation."""
        return self.batch_size // self.accumulate
