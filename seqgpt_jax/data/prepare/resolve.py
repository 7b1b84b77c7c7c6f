"""Resolution of preparations: from settings to tasks, tokenizer and a finished store."""

import contextlib
import io
import json
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import GEN
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.prepare.training_text import training_strings
from seqgpt_jax.data.raw.files import DataNotFound, available, check_files, fetch_command
from seqgpt_jax.data.raw.task_spec import EVALUATION_SPLITS, TaskSpec
from seqgpt_jax.data.store import EvalStore, StoreError, TrainStore
from seqgpt_jax.data.store_check import check_store_matches
from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.io import storage
from seqgpt_jax.io.file_lock import held
from seqgpt_jax.io.name_list import first_names
from seqgpt_jax.io.tokenizer import TokenizerError, load_tokenizer, save_tokenizer

Store = TypeVar("Store", TrainStore, EvalStore)
Prepare = Callable[[ResolvedPreparation], Path]
"""Returns the folder of the finished store, written where it is missing: `pipeline.prepare`, with a progress bar or
without."""

# Beside a tokenizer that was trained here: what it was trained on. Of earlier versions it has the mixture and the
# number of ids alone, as a list.
_TOKENIZER_ORIGIN = "trained_on.json"
# Data sets that a note names.
_SHOWN = 5


class TaskRegistry(Protocol):
    """Looks tasks up by the names in the settings: the package `seqgpt_jax.tasks`."""

    def find(self, config: PrepareConfig) -> list[TaskSpec]:
        """The tasks of `config.mixture` that have `config.split`."""
        ...

    def general_tasks(self, config: PrepareConfig) -> list[TaskSpec]:
        """The tasks of `config.general_mixture` that are trained on beside those of `config.mixture`."""
        ...

    def evaluation_tasks(self, config: PrepareConfig) -> list[TaskSpec]:
        """The tasks of `config.evaluation_mixtures` that have a validation or a test split."""
        ...


def resolve(config: PrepareConfig, registry: TaskRegistry) -> ResolvedPreparation:
    """Looks up the tasks, checks their files, and loads the tokenizer (trained first where the settings ask for it).

    Raises:
      DataNotFound: raw files are missing; all of them are named. With `config.missing` "skip": all are.
      TokenizerError: the tokenizer cannot be loaded, or was trained with other settings.
      ValueError: a mixture or task does not exist.
    """
    specs = registry.find(config)
    evaluation = registry.evaluation_tasks(config) if config.training else []
    general = registry.general_tasks(config) if config.training and config.general_share else []
    # Before a tokenizer is trained on part of it.
    left_out: dict[str, dict[str, list[str]]] = {}
    specs, missing = _present(specs, config)
    _note(left_out, "training" if config.training else "evaluation", missing, config)
    try:
        general, missing = _present(general, config)
    except DataNotFound as error:
        raise DataNotFound(
            f"{error}. They are general data (Prepare.general_mixture = {config.general_mixture!r}), mixed in so that "
            "the model does not forget; `--gin.Prepare.general_share=0` trains without them"
        ) from error
    _note(left_out, "general data", missing, config)
    # What training is only compared with never stops it.
    evaluation, missing = available(evaluation, config.data_folder(), EVALUATION_SPLITS)
    check_files(evaluation, config.data_folder(), EVALUATION_SPLITS)
    _note(left_out, "compared with", missing, config)
    tokenizer = _load_or_train_tokenizer(config, registry)
    names = frozenset(spec.name for spec in general)
    return ResolvedPreparation(config, [*specs, *general], tokenizer, evaluation, names, left_out)


def present(specs: Sequence[TaskSpec], config: PrepareConfig, splits: Sequence[str] = ()) -> list[TaskSpec]:
    """The tasks whose files (of `splits`; () means every split) are there; what is left out is printed.

    Raises:
      DataNotFound: files are missing, and `config.missing` is "stop"; with "skip": all are.
    """
    specs, missing = _present(list(specs), config, splits)
    _note({}, "comparison", missing, config)
    return specs


def _present(
    specs: list[TaskSpec], config: PrepareConfig, splits: Sequence[str] = ()
) -> tuple[list[TaskSpec], dict[str, list[str]]]:
    """(the tasks whose files are there, what the others miss); DataNotFound as `config.missing` says."""
    missing: dict[str, list[str]] = {}
    if config.missing == "skip":
        kept, missing = available(specs, config.data_folder(), splits)
        specs = kept or specs
    check_files(specs, config.data_folder(), splits)
    return specs, missing


def _note(
    left_out: dict[str, dict[str, list[str]]], use: str, missing: dict[str, list[str]], config: PrepareConfig
) -> None:
    """Writes down and prints what is left out, by what it was for."""
    if not missing:
        return
    left_out[use] = missing
    what = {
        "compared with": "not compared with, so texts of theirs that are in training stay there",
        "training": "not trained on",
        "evaluation": "not prepared",
        "comparison": "not compared",
    }.get(use, "not mixed in")
    first = [*missing][:_SHOWN]
    print(
        f"{config.mixture}: {len(missing)} data set{'s' * (len(missing) > 1)} {what}, as files are missing: "
        f"{first_names(missing, _SHOWN)}; "
        f"`{fetch_command(first)}{' …' * (len(missing) > len(first))}` fetches them",
        file=sys.stderr,
        flush=True,
    )


def open_store(
    kind: type[Store],
    config: PrepareConfig,
    registry: TaskRegistry,
    folder: str | None = None,
    bound: Collection[str] = (),
    prepare: Prepare = prepare,
) -> tuple[Store, PreTrainedTokenizerFast]:
    """The store of these settings, prepared where it is missing, and its tokenizer.

    Args:
      kind: TrainStore or EvalStore.
      config: the settings.
      registry: of the tasks.
      folder: a store that the user has named: its settings must match, but it needs no raw data.
      bound: fields of `config` that gin files and flags have set; a named store may differ in the rest.
      prepare: writes the store where it is missing.

    Raises:
      StoreError: the store is missing, incomplete, or does not match the settings.
    """
    if folder is None:
        if storage.is_remote(config.output_dir):
            raise StoreError(
                f"Prepare.output_dir = {config.output_dir!r}: a store is read in random order, from local disk. Copy "
                "what `prepare` has written there to this machine, and name the copy as --store"
            )
        preparation = resolve(config, registry)
        store, tokenizer = kind(prepare(preparation)), preparation.tokenizer
    else:
        store, tokenizer = kind(folder), load_tokenizer(config.tokenizer, GEN)
        check_store_matches(store, config, bound, tokenizer)
        _check_tokenizer_origin(config)
    store.check_complete()
    return store, tokenizer


def _load_or_train_tokenizer(config: PrepareConfig, registry: TaskRegistry) -> PreTrainedTokenizerFast:
    folder = Path(config.tokenizer)
    if config.tokenizer_vocab_size and not folder.exists():
        texts = _tokenizer_texts(config)
        specs, missing = _present(registry.find(texts), texts)
        _note({}, "training", missing, texts)
        waiting = f"{folder} is being trained by another process: waiting for it"
        with held(folder.with_name(f".{folder.name}.lock"), waiting):
            if not folder.exists():
                _train_tokenizer(folder, config, texts, specs)
    _check_tokenizer_origin(config, registry)
    return load_tokenizer(config.tokenizer, GEN)


def _train_tokenizer(folder: Path, config: PrepareConfig, texts: PrepareConfig, specs: Sequence[TaskSpec]) -> None:
    print(f"training a tokenizer of {config.tokenizer_vocab_size:,} ids on {config.tokenizer_mixture} …", flush=True)
    tokenizer = train_tokenizer(training_strings(texts, specs), config.tokenizer_vocab_size)
    with storage.new_folder(folder) as partial:
        save_tokenizer(tokenizer, partial)
        origin = {
            "mixture": config.tokenizer_mixture,
            "ids": config.tokenizer_vocab_size,
            "subsets": config.subsets,
            "tasks": [spec.name for spec in specs],
        }
        (partial / _TOKENIZER_ORIGIN).write_text(json.dumps(origin), encoding="utf-8")


def _tokenizer_texts(config: PrepareConfig) -> PrepareConfig:
    """The settings by which the texts are read that a tokenizer is trained on."""
    # Only what decides where texts are: it must not matter which stage needs the tokenizer first.
    kept = ("tokenizer", "data_dir", "own_data", "own_columns", "own_format", "modules", "bad_records", "template")
    kept += ("missing", "subsets")
    settings = {name: getattr(config, name) for name in kept}
    return PrepareConfig(mixture=config.tokenizer_mixture, max_labels=8, **settings)


def _check_tokenizer_origin(config: PrepareConfig, registry: TaskRegistry | None = None) -> None:
    """Raises TokenizerError where the tokenizer was trained here, with other settings or on less than these name.

    Without a registry tasks are not compared.
    """
    path = Path(config.tokenizer) / _TOKENIZER_ORIGIN
    if not config.tokenizer_vocab_size or not path.exists():
        return
    origin = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(origin, list):
        origin = dict(zip(("mixture", "ids"), origin, strict=True))
    way_out = "set Prepare.tokenizer to another folder, or remove that one"
    mixture, ids = config.tokenizer_mixture, config.tokenizer_vocab_size
    if (origin["mixture"], origin["ids"]) != (mixture, ids):
        raise TokenizerError(
            f"the tokenizer in {path.parent} is of {origin['mixture']} with {origin['ids']} ids, not of {mixture} with "
            f"{ids}: {way_out}"
        )
    way_out += "; --gin.Prepare.tokenizer_vocab_size=None takes it as it is"
    if origin.get("subsets", config.subsets) != config.subsets:
        raise TokenizerError(
            f"the tokenizer in {path.parent} was trained with Prepare.subsets = {origin['subsets']}, not "
            f"{config.subsets}: {way_out}"
        )
    if registry is None or "tasks" not in origin:
        return
    texts = _tokenizer_texts(config)
    with contextlib.redirect_stderr(io.StringIO()):  # said when it was trained
        specs = registry.find(texts)
    if texts.missing == "skip":
        specs, _ = available(specs, texts.data_folder())
    known = {*origin["tasks"]}
    if without := [spec.name for spec in specs if spec.name not in known]:
        raise TokenizerError(
            f"the tokenizer in {path.parent} was trained on a part of {mixture}, "
            f"without {first_names(without, _SHOWN)}: {way_out}"
        )
