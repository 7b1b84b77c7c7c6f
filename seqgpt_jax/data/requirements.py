"""Data sets that a run needs and that are not in the data folder."""

import contextlib
import dataclasses
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.raw.download import missing_files, sources_of
from seqgpt_jax.data.raw.files import available, default_data_folder
from seqgpt_jax.data.raw.network import Client, Patience
from seqgpt_jax.data.raw.source_check import check_sources
from seqgpt_jax.data.raw.sources import Files, HuggingFace, OnRequest, Tfds
from seqgpt_jax.data.raw.task_spec import EVALUATION_SPLITS, TaskSpec

if TYPE_CHECKING:
    from seqgpt_jax.data.prepare.resolve import TaskRegistry

# Seconds that a server has to say how large a file is: without an answer the size is unknown.
SIZES_PATIENCE = Patience(timeout=5)


@dataclass(frozen=True)
class MissingData:
    """What is missing, by data set.

    Attributes:
      folder: the data folder.
      public: data set -> its tasks that lack files, for those that can be downloaded.
      on_request: the same for those that only their owner gives.
      compared: names, of both, that training texts are only compared with.
      general: names, of both, that are there for `Prepare.general_share` alone.
      skipped: whether the run goes on without those that are missing (`Prepare.missing`), as others are there.
    """

    folder: Path
    public: dict[str, list[TaskSpec]] = field(default_factory=dict)
    on_request: dict[str, list[TaskSpec]] = field(default_factory=dict)
    compared: frozenset[str] = frozenset()
    general: frozenset[str] = frozenset()
    skipped: bool = False

    @property
    def needed(self) -> list[str]:
        """The data sets without which the run does not begin."""
        return [] if self.skipped else [name for name in [*self.public, *self.on_request] if name not in self.compared]


def missing_data(config: PrepareConfig, registry: "TaskRegistry") -> MissingData:
    """Looks for the files of all tasks that the settings name, also of those that train a tokenizer.

    Raises:
      ValueError: a mixture or task does not exist.
    """
    folder = config.data_folder() or default_data_folder()
    # What the registry has to say it says again when the data are prepared.
    with contextlib.redirect_stderr(io.StringIO()):
        needed = list(registry.find(config))
        general = list(registry.general_tasks(config)) if config.training and config.general_share else []
        if config.tokenizer_vocab_size and not Path(config.tokenizer).exists():
            texts = dataclasses.replace(config, mixture=config.tokenizer_mixture, split="train")
            needed += registry.find(texts)
        only_general = {spec.dataset.name for spec in general} - {spec.dataset.name for spec in needed}
        needed += general
        compared = list(registry.evaluation_tasks(config)) if config.training else []
    public: dict[str, list[TaskSpec]] = {}
    on_request: dict[str, list[TaskSpec]] = {}
    read_whole = {spec.name for spec in needed}
    for spec in _each_once([*needed, *compared]):
        read = spec if spec.name in read_whole else _for_comparison(spec)
        if isinstance(spec.source, Files | HuggingFace | Tfds | OnRequest) and missing_files([read], folder)[0]:
            where = on_request if isinstance(spec.source, OnRequest) else public
            where.setdefault(spec.dataset.name, []).append(spec)
    names = {spec.dataset.name for spec in needed}
    skipped = config.missing == "skip" and bool(available(needed, config.data_folder())[0])
    missing = {*public, *on_request}
    return MissingData(
        folder, public, on_request, frozenset(missing - names), frozenset(missing & only_general), skipped
    )


def _for_comparison(spec: TaskSpec) -> TaskSpec:
    """The task without its training split."""
    splits = {split: files for split, files in spec.splits.items() if split in EVALUATION_SPLITS}
    return dataclasses.replace(spec, splits=splits or spec.splits)


def _each_once(specs: Iterable[TaskSpec]) -> list[TaskSpec]:
    return list({spec.name: spec for spec in specs}.values())


def lacking_extras(specs: Iterable[TaskSpec]) -> list[str]:
    """Extras of this package that the sources of tasks need and whose modules are not installed."""
    kinds = {type(source) for source in sources_of(specs)}
    needed = {"hub": (HuggingFace, "datasets"), "tfds": (Tfds, "tensorflow_datasets")}
    return [extra for extra, (kind, module) in needed.items() if kind in kinds and find_spec(module) is None]


def install_command(extras: Iterable[str]) -> str:
    """The command that installs extras of this package.

    >>> install_command(["hub", "tfds"])
    "pip install -e '.[hub,tfds]'"
    """
    return f"pip install -e '.[{','.join(extras)}]'"


def download_sizes(missing: MissingData, client: Client | None = None) -> dict[str, int | None]:
    """Data set -> bytes to download, as its servers say; None where one of them does not, and for those of TFDS."""
    asked = {
        name: [source for source in sources_of(specs) if not isinstance(source, Tfds)]
        for name, specs in missing.public.items()
    }
    sizes: dict[str, int | None] = {name: 0 if sources else None for name, sources in asked.items()}
    for check in check_sources(asked, client or Client(SIZES_PATIENCE)):
        known = sizes[check.dataset]
        sizes[check.dataset] = None if known is None or check.size is None else known + check.size
    return sizes
