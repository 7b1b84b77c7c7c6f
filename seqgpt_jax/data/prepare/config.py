"""Settings of preparation (gin: `Prepare`): what decides the content of a store."""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import TEMPLATES
from seqgpt_jax.data.prepare.mixing import MIXING, sets_rates
from seqgpt_jax.data.prepare.sampling import ExampleSampler
from seqgpt_jax.data.prepare.token_counts import TokenCounts
from seqgpt_jax.data.raw.files import DATA_DIR_VARIABLE, default_data_folder
from seqgpt_jax.data.raw.task_spec import SPLITS


@dataclass(frozen=True)
class PrepareConfig:
    """Settings of `python -m seqgpt_jax.prepare`.

    Attributes:
      mixture: name of a mixture, task or data set (`python -m seqgpt_jax.prepare --list`), or an expression of several:
        "a+b-c" is all of a and b without c.
      tokenizer: folder or Hugging Face name of a tokenizer with `[GEN]`.
      tokenizer_vocab_size: where the folder `tokenizer` does not exist yet, a byte-level BPE of
        this size with BLOOM's settings is trained and saved there; None: it must exist.
      tokenizer_mixture: whose training prompts and answers it is trained on.
      split: "train" samples training examples; "validation" and "test" ask every label.
      data_dir: folder of the raw data sets; None means the environment variable SEQGPT_DATA_DIR, else the folder in
        the user's cache that `--fetch` fills.
      missing: what a data set does whose files are not in the data folder: "stop", or "skip" to go on without it; the
        manifest lists what was left out. One that training texts are only compared with never stops, own data always.
      subsets: read the declared subsets of data sets that have one (`seqgpt_jax.tasks.subsets`) in place of the whole
        files: for recipes on a small machine, and for tests.
      own_data: name -> file (80/10/10 by a hash of its groups or texts), or name -> {split: file}. Each name becomes a
        task; docs/own_data.md has the formats.
      own_columns: of own data, the name here -> the name of the column or field in the files, {"text": "body"}.
      own_format: of own data, where it is not recognized by content; "" recognizes it.
      modules: own modules with `TASKS` and, where wanted, `MIXTURES`, by name; they may be in the
        current folder.
      output_dir: the folder of the stores.
      seed: of all sampling.
      epochs: how often training examples are sampled anew; later epochs of a run start over with the first.
      quota: instances for each (task, label), None for all (training only).
      negatives: "uniform" (SeqGPT) or "frequency" (UniversalNER).
      max_labels: most labels in one classification prompt.
      max_queries: most queries in one extraction prompt.
      min_negative_queries, max_negative_queries: fewest and most negative queries that are added to an extraction in
        training; the number is random between them, and fixed where both are the same.
      empty_extractions, empty_classifications: share of training prompts that are added with labels of which none has
        an answer, as most chunks of a large label set are when it is decoded (docs/mixtures.md).
      max_instances: instances of each task, None for all: a bottom-k choice like the quota's.
      max_text_bytes: bytes of training text of each data set, None for all, shared evenly by its tasks: so that long
        documents do not flood the mixture. A token has about four. Of the instances within the quotas it keeps those
        of a bottom-k choice.
      mixing: rates of the tasks in training: "all" (what survives the quotas), "proportional" or "temperature"
        (`seqgpt_jax.data.prepare.mixing`).
      temperature: T of mixing "temperature": 1 is proportional, a larger one is closer to equal shares.
      mixing_maximum: instances that count of one task in mixing "proportional" and "temperature", None for no limit.
      general_share: share of the training instances of an epoch that are of `general_mixture`, so that a model does not
        forget what it knows while it learns own data; 0: `mixture` alone.
      general_mixture: the tasks that those are taken from, each as evenly as its size allows.
      max_prompt_tokens: limit of a prompt. Where a text is too long, training cuts extractions into overlapping windows
        and composed questions to the part around their mentions; other texts lose their left end.
      max_target_tokens: training examples with longer targets are dropped and counted.
      template: "chinese" (the released prompt) or "english" (for ablation).
      evaluation_mixtures: a training instance whose text is in a validation or test split of
        these mixtures, exactly or nearly, is dropped and counted as a leak. Own data of the mixture are compared
        with too; () checks nothing, not even these.
      bad_records: "stop" at the first broken record, or "skip" and count them.
      workers: processes; None takes all cores for large data. Any number makes the same store.
    """

    mixture: str
    tokenizer: str
    tokenizer_vocab_size: int | None = None
    tokenizer_mixture: str | None = None
    split: str = "train"
    data_dir: str | None = None
    missing: str = "stop"
    subsets: bool = False
    own_data: Mapping[str, str | Mapping[str, str]] | None = None
    own_columns: Mapping[str, str] | None = None
    own_format: str = ""
    modules: tuple[str, ...] = ()
    output_dir: str = "prepared"
    seed: int = 0
    epochs: int = 1
    quota: int | None = None
    negatives: str = "uniform"
    max_labels: int = 64
    max_queries: int = 6
    min_negative_queries: int = 0
    max_negative_queries: int = 5
    empty_extractions: float = 0.1
    empty_classifications: float = 0.1
    max_instances: int | None = None
    max_text_bytes: int | None = None
    mixing: str = "all"
    temperature: float = 2.0
    mixing_maximum: int | None = None
    general_share: float = 0.0
    general_mixture: str = "ft_cpu"
    max_prompt_tokens: int = 1024
    max_target_tokens: int = 256
    template: str = "chinese"
    evaluation_mixtures: tuple[str, ...] | None = None
    bad_records: str = "stop"
    workers: int | None = None

    def __post_init__(self) -> None:
        choices = {"split": SPLITS, "negatives": ("uniform", "frequency"), "template": tuple(TEMPLATES)}
        choices |= {"bad_records": ("stop", "skip"), "mixing": MIXING, "missing": ("stop", "skip")}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"Prepare.{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        for name in ("epochs", "max_labels", "max_queries", "max_prompt_tokens", "max_target_tokens"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Prepare.{name} must be a whole number of at least 1, not {value!r}")
        for name in ("min_negative_queries", "max_negative_queries"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"Prepare.{name} must be a whole number of at least 0, not {value!r}")
        if self.min_negative_queries > self.max_negative_queries:
            raise ValueError(
                f"Prepare.min_negative_queries = {self.min_negative_queries} is more than "
                f"Prepare.max_negative_queries = {self.max_negative_queries}: for a fixed number set both to it"
            )
        for name in ("empty_extractions", "empty_classifications", "general_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"Prepare.{name} must be at least 0 and below 1, not {getattr(self, name)!r}")
        for name in ("quota", "max_instances", "max_text_bytes", "mixing_maximum", "tokenizer_vocab_size", "workers"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"Prepare.{name} must be None or a whole number of at least 1, not {value!r}")
        if self.general_share and self.mixing != "all":
            raise ValueError(
                f"Prepare.general_share = {self.general_share} and Prepare.mixing = {self.mixing!r} both set rates: "
                "leave one of them out"
            )
        if not self.temperature > 0:
            raise ValueError(f"Prepare.temperature must be positive, not {self.temperature!r}")
        if self.mixing == "all" and self.mixing_maximum is not None:
            raise ValueError('Prepare.mixing_maximum limits "proportional" and "temperature": set Prepare.mixing too')
        if self.tokenizer_vocab_size is not None and not self.tokenizer_mixture:
            raise ValueError(
                "Prepare.tokenizer_vocab_size asks for a new tokenizer: name Prepare.tokenizer_mixture too"
            )
        object.__setattr__(self, "modules", (self.modules,) if isinstance(self.modules, str) else tuple(self.modules))
        if isinstance(self.evaluation_mixtures, str):
            given = (self.evaluation_mixtures,) if self.evaluation_mixtures else ()
            object.__setattr__(self, "evaluation_mixtures", given)
        _check_own_data(self.own_data)

    def content(self) -> dict[str, Any]:
        """The fields that decide what the store holds; paths do not."""
        elsewhere = ("tokenizer", "tokenizer_vocab_size", "tokenizer_mixture", "data_dir", "output_dir", "workers")
        elsewhere += ("modules",)  # their code is hashed with that of all readers
        # What was left out, and what was read, shows in the tasks and files that a fingerprint covers.
        elsewhere += ("missing",) if self.subsets else ("missing", "subsets")
        elsewhere += () if self.general_share else ("general_share", "general_mixture")
        content = {name: value for name, value in asdict(self).items() if name not in elsewhere}
        # Not the paths of own files, but which file is which split: the files themselves are hashed one by one.
        content["own_data"] = {
            name: Path(files).name
            if isinstance(files, str)
            else {split: Path(file).name for split, file in files.items()}
            for name, files in sorted((self.own_data or {}).items())
        }
        return content

    @property
    def training(self) -> bool:
        """Whether examples are sampled for training rather than built for evaluation."""
        return self.split == "train"

    @property
    def sets_rates(self) -> bool:
        """Whether tasks may have other rates in training than what survives their quotas."""
        return self.training and sets_rates(self.mixing, self.general_share)

    def sampler(self, counts: TokenCounts | None = None) -> ExampleSampler:
        """The sampler of negatives, label order, chunks and windows that these settings describe.

        Args:
          counts: counts tokens; None where there is no tokenizer yet.
        """
        names = {field.name for field in fields(ExampleSampler)} - {"counts"}
        return ExampleSampler(**{name: getattr(self, name) for name in names}, counts=counts)

    def data_folder(self) -> Path | None:
        """The folder of the raw data sets: of the setting or the variable, else the default one where it exists."""
        if folder := self.data_dir or os.environ.get(DATA_DIR_VARIABLE):
            return Path(folder)
        default = default_data_folder()
        return default if default.is_dir() else None


def _check_own_data(own_data: Mapping[str, str | Mapping[str, str]] | None) -> None:
    if not isinstance(own_data, Mapping | None):
        raise ValueError(f"Prepare.own_data must be like {{'tickets': 'tickets.jsonl'}}, not {own_data!r}")
    for name, files in (own_data or {}).items():
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name):
            raise ValueError(
                f"Prepare.own_data: a name is made of letters, digits, _ and -, not {name!r}: "
                "write {'NAME': 'FILE'} with another one"
            )
        by_split = files if isinstance(files, Mapping) else {SPLITS[0]: files}
        if not by_split or not set(by_split) <= set(SPLITS) or not all(isinstance(f, str) for f in by_split.values()):
            raise ValueError(
                f"Prepare.own_data: {name!r} must be a file, or a file for each of {', '.join(SPLITS)}, not {files!r}"
            )
