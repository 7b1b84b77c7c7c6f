"""Evaluation of whatever completes prompts: prepared instances are asked as `decode` asks them, and scored."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqgpt_jax.atomic import ContractError
from seqgpt_jax.data.store import EvalStore
from seqgpt_jax.decoding.answers import Answer, answer
from seqgpt_jax.decoding.completion import Generator
from seqgpt_jax.decoding.questions import Question, compose
from seqgpt_jax.evaluation.field_metrics import FIELD_METRICS
from seqgpt_jax.evaluation.instances import EvalInstance, join, with_candidates, without_queries
from seqgpt_jax.evaluation.predictions import Prediction, compare, refused
from seqgpt_jax.evaluation.rouge import MODES, Mode
from seqgpt_jax.evaluation.scores import Scores, check_ids, compute_scores
from seqgpt_jax.evaluation.subset import sample
from seqgpt_jax.io.progress import Progress, no_progress


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of an evaluation (gin: `Evaluate`).

    Attributes:
      mixtures: names of mixtures or tasks to prepare where no prepared folders are given.
      splits: which of their splits; tasks of a mixture that have not got one are left out, and named. The paper
        samples from validation and test together.
      records: instances of each task, of all splits together; None for all. The paper asks 48.
      candidates: most labels that a classification is asked, its gold labels among them; None asks all labels of the
        task, in chunks where they do not fit, as `decode` does. A number is faster and gives higher scores: it is named
        beside them.
      without_labels: queries of extractions that are not asked and not scored, such as a class for the rest; a text
        without any other query is left out.
      zero_shot: whether the scores are meant for data that the model never saw: tasks that it was trained on are named
        then, not the held-out ones alone.
      metric: a metric of other work, such as "universal_ner_f1" (`evaluation.field_metrics`), that has a table of its
        own: each task, and their mean.
      mode: "fixed" or "paper": which ROUGE the paper score holds (`seqgpt_jax.evaluation.rouge`).
      end_to_end: asks data sets of relations and events for whole texts, too, as `SeqGPT.relations` and `SeqGPT.events`
        do, and scores triples, triggers and arguments (`seqgpt_jax.evaluation.end_to_end`).
      resamples: of the bootstrap behind the confidence interval.
      seed: of the choice of records and of the bootstrap.
    """

    mixtures: tuple[str, ...] = ()
    splits: tuple[str, ...] = ("validation", "test")
    records: int | None = 48
    candidates: int | None = None
    without_labels: tuple[str, ...] = ()
    zero_shot: bool = False
    metric: str | None = None
    mode: Mode = "fixed"
    end_to_end: bool = False
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("mixtures", "splits", "without_labels"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ValueError(f"Evaluate.{name} must be a list, such as ({value!r},), not one string")
            object.__setattr__(self, name, tuple(value))
        if self.mode not in MODES:
            raise ValueError(f"Evaluate.mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        if self.metric is not None and self.metric not in FIELD_METRICS:
            raise ValueError(f"Evaluate.metric must be one of {', '.join(FIELD_METRICS)}, not {self.metric!r}")
        if self.end_to_end and self.without_labels:
            raise ValueError(
                "Evaluate.end_to_end asks whole texts for all of their labels: leave out Evaluate.without_labels, or "
                "score end to end in a command of its own"
            )
        if "train" in self.splits:
            raise ValueError('Evaluate.splits must be among "validation" and "test": "train" holds no evaluation data')
        if self.records is not None and self.records < 1:
            raise ValueError(f"Evaluate.records must be at least 1, or None for all, not {self.records}")
        if self.candidates is not None and self.candidates < 2:
            raise ValueError(f"Evaluate.candidates must be at least 2, or None for all labels, not {self.candidates}")
        if self.resamples < 1:
            raise ValueError(f"Evaluate.resamples must be at least 1, not {self.resamples}")


def evaluate(
    generator: Generator, stores: Sequence[EvalStore], config: EvaluateConfig, progress: Progress = no_progress
) -> Scores:
    """Asks a sample of the instances of all stores in one call and scores the answers.

    Args:
      generator: an `Engine`, or whatever else completes prompts.
      stores: evaluation data, each of one mixture and split.
      config: how many records, and how they are scored.
      progress: called as prompts get done.

    Raises:
      ValueError: there is nothing to ask, or two stores share an instance.
    """
    instances = instances_to_ask(stores, config)
    answers = answers_or_refusals(generator, [instance.question for instance in instances], progress)
    predictions = [prediction_of(instance, given) for instance, given in zip(instances, answers, strict=True)]
    # Those that could not be asked come first.
    predictions.sort(key=lambda prediction: not prediction.refusal)
    return compute_scores(predictions, config.mode, config.resamples, config.seed)


def answers_or_refusals(
    generator: Generator, questions: Sequence[Question], progress: Progress = no_progress
) -> list[Answer | str]:
    """The answer to each question, or why it cannot be asked; all that can are asked in one call."""
    found: list[Answer | str] = []
    asked = []
    for question in questions:
        try:
            compose(question, generator.limits)
            asked.append(question)
            found.append("")
        except ContractError as error:
            found.append(str(error))
    answers = iter(answer(generator, asked, progress))
    return [one or next(answers) for one in found]


def prediction_of(instance: EvalInstance, given: Answer | str) -> Prediction:
    """What `answers_or_refusals` gave for an instance's question, compared with its gold answer."""
    return refused(instance, given) if isinstance(given, str) else compare(instance, given)


def instances_to_ask(stores: Sequence[EvalStore], config: EvaluateConfig) -> list[EvalInstance]:
    """The sampled instances of all stores, as they are asked.

    Raises:
      ValueError: there is nothing to ask, two stores share an instance, or no extraction has a label that is to be
        left out, although all data sets are there.
    """
    instances = []
    queries: set[str] = set()
    for store, records in zip(stores, sample(stores, config.records, config.seed), strict=True):
        tasks = store.manifest.get("tasks", {})
        for whole in join(records):
            if whole.atom == "ext":
                queries.update(whole.labels)
            record = without_queries(whole, config.without_labels)
            if not record.labels:
                continue
            choose = tasks.get(record.task, {}).get("choose", "any")
            asked = with_candidates(record, config.candidates, config.seed)
            instances.append(EvalInstance(asked, store.manifest["mixture"], choose, len(record.labels)))
    complete = not any(store.manifest.get("left_out") for store in stores)
    if complete and (unknown := sorted({*config.without_labels} - queries)):
        raise ValueError(
            f"Evaluate.without_labels: no extraction of these data asks {', '.join(unknown)}; name labels as the data "
            "sets spell them, or leave it out with --gin.Evaluate.without_labels=()"
        )
    check_ids(instance.record.instance for instance in instances)
    return instances
