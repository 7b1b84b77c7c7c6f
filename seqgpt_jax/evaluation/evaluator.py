"""Evaluation of whatever completes prompts: from prepared prompts to scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqgpt_jax.data.store import EvalRecord, EvalStore
from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.evaluation.predictions import read_prediction
from seqgpt_jax.evaluation.rouge import MODES, Mode
from seqgpt_jax.evaluation.scores import Scores, check_ids, compute_scores
from seqgpt_jax.evaluation.subset import sample

Generate = Callable[[Sequence[Prompt]], Sequence[Completion]]


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of an evaluation (gin: `Evaluate`).

    Attributes:
      mixtures: names of mixtures or tasks to prepare where no prepared folders are given.
      splits: which of their splits; tasks of a mixture that have not got one are left out, and named.
      records: instances of each task and split, None for all; the paper asks 48.
      mode: "fixed" or "paper": which ROUGE the headline score holds (`seqgpt_jax.evaluation.rouge`).
      resamples: of the bootstrap behind the confidence interval.
      seed: of the choice of records and of the bootstrap.
    """

    mixtures: tuple[str, ...] = ()
    splits: tuple[str, ...] = ("test",)
    records: int | None = 48
    mode: Mode = "fixed"
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("mixtures", "splits"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ValueError(f"Evaluate.{name} must be a list, such as ({value!r},), not one string")
            object.__setattr__(self, name, tuple(value))
        if self.mode not in MODES:
            raise ValueError(f"Evaluate.mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        if "train" in self.splits:
            raise ValueError('Evaluate.splits must be among "validation" and "test": "train" holds no evaluation data')
        if self.records is not None and self.records < 1:
            raise ValueError(f"Evaluate.records must be at least 1, or None for all, not {self.records}")
        if self.resamples < 1:
            raise ValueError(f"Evaluate.resamples must be at least 1, not {self.resamples}")


def evaluate(generate: Generate, stores: Sequence[EvalStore], config: EvaluateConfig) -> Scores:
    """Asks a sample of the prompts of all stores in one call, reads the completions and scores them.

    Args:
      generate: prompts -> their completions, in the same order.
      stores: evaluation data, each of one mixture and split.
      config: how many records, and how they are scored.

    Raises:
      ValueError: there is nothing to ask, two stores share a prompt, or `generate` gave another
        number of completions than it was given prompts.
    """
    records: list[tuple[str, EvalRecord]] = [
        (store.manifest["mixture"], record) for store in stores for record in sample(store, config.records, config.seed)
    ]
    check_ids(record.id for _, record in records)
    completions = generate([Prompt(record.atom, record.labels, record.prompt) for _, record in records])
    if len(completions) != len(records):
        raise ValueError(f"{len(completions)} completions came back for {len(records)} prompts")
    predictions = [
        read_prediction(record, completion, mixture)
        for (mixture, record), completion in zip(records, completions, strict=True)
    ]
    return compute_scores(predictions, config.mode, config.resamples, config.seed)
