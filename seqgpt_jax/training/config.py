"""Training configuration (gin: `Train`)."""

from dataclasses import dataclass

METRIC_SINKS = ("jsonl", "tensorboard", "wandb", "trackio")


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one training run.

    Attributes:
      batch_size: rows of a global batch, over all devices and micro-batches.
      length: tokens of a row; packed examples share it.
      epochs: passes over the data.
      steps: number of updates, if less than `epochs` has; None: all of them.
      seed: of the data order, and of the initial weights of a model trained from scratch.
      accumulate: gradient accumulation: micro-batches for each update. Less memory, same result.
      log_every: steps between two log lines.
      save_every: steps between two checkpoints; the last step is always saved.
      save_minutes: also save when the last checkpoint is this many minutes old, at the next log line; None: do not.
      keep: how many of the newest checkpoints are kept; with two or more there is one to fall back to.
      keep_best: how many of those with the lowest validation loss are kept in addition.
      keep_every: checkpoints of steps that are a multiple of this are never deleted; a multiple of `save_every`.
      validate_every: steps between two validations; the last step is always validated; None: no validation.
      validation_instances: validation instances of each task, the same ones every time.
      max_skipped: how many steps of the whole run may have a loss or gradient that is not finite. Such a step leaves
        the state unchanged and is logged with the ids of its examples; one more ends the run.
      profile_from: first step, counted from 1, of the `profile_steps` that are traced into profile/; None: no profile.
      profile_steps: how many steps are traced.
      init_from: folder of another run, or of a Hugging Face model, with the initial weights; None: train from scratch.
        A run that has a checkpoint of its own resumes from that instead.
      metric_sinks: where metrics go: "jsonl" (metrics.jsonl, which loss.png needs), "tensorboard", "wandb", "trackio".
      tracking_project: project name for "wandb" and "trackio".
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
    metric_sinks: tuple[str, ...] = ("jsonl", "tensorboard")
    tracking_project: str = "seqgpt_jax"

    def __post_init__(self) -> None:
        optional = ("steps", "keep_every", "validate_every", "profile_from")
        counts = ("batch_size", "length", "epochs", "accumulate", "log_every", "save_every", "keep", "profile_steps")
        counts += ("validation_instances",)
        for name in (*optional, *counts):
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Train.{name} must be an integer of at least 1, not {value!r}")
        for name in ("max_skipped", "keep_best"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"Train.{name} must be an integer of at least 0, not {value!r}")
        if self.save_minutes is not None and not self.save_minutes > 0:
            raise ValueError(f"Train.save_minutes must be above 0, not {self.save_minutes!r}")
        if unknown := sorted(set(self.metric_sinks) - set(METRIC_SINKS)):
            raise ValueError(f"Train.metric_sinks must be of {METRIC_SINKS}, not {unknown[0]!r}")
        if self.keep_every is not None and self.keep_every % self.save_every:
            raise ValueError(
                f"Train.keep_every = {self.keep_every} must be a multiple of Train.save_every = {self.save_every}: "
                "only steps that are saved can be kept"
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
        """Rows of a micro-batch, and of a validation batch."""
        return self.batch_size // self.accumulate
