"""SeqIO tasks and mixtures over prepared stores.

    import seqio
    from seqgpt_jax.tasks import seqio_tasks

    seqio_tasks.register(store="prepared/quickstart_ft.*")      # one folder, several, or patterns
    dataset = seqio.get_mixture_or_task("quickstart_ft").get_dataset(
        sequence_length={"inputs": 1024, "targets": 256}, split="train", shuffle=True, seed=42)

What SeqIO gives is what `train` reads: the ids, with quotas, decontamination, negatives and truncation as `prepare`
has applied them. Stores of several splits of a mixture become the splits of its tasks. A mixture's rates are the
numbers of its examples, so that sampling is uniform over their union.

Importing this module registers nothing, except where the environment variable SEQGPT_STORE names stores: for T5X,
which can import a module but not call it (docs/mixtures.md).
"""

import functools
import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

try:
    import seqio
except ImportError as error:
    raise ImportError(f"SeqIO is an extra: pip install 'seqgpt_jax[seqio]' ({error})") from error

from seqgpt_jax.atomic import CONTROL_TOKENS, parse_answer, read_answer
from seqgpt_jax.data.seqio_reader import TaskSplit
from seqgpt_jax.data.seqio_source import StoreMixture, StoreSource, StoreTask
from seqgpt_jax.data.store import EvalRecord, EvalStore, StoreError, TrainStore, read_manifest
from seqgpt_jax.data.vocabulary import HFVocabulary
from seqgpt_jax.evaluation.predictions import read_predictions
from seqgpt_jax.evaluation.rouge import MODES
from seqgpt_jax.evaluation.scores import compute_scores

STORE_VARIABLE, TOKENIZER_VARIABLE = "SEQGPT_STORE", "SEQGPT_TOKENIZER"

Store = TrainStore | EvalStore


def register(
    store: str | os.PathLike | Sequence[str | os.PathLike] | None = None, tokenizer: str | None = None
) -> seqio.Task | seqio.Mixture:
    """Registers the tasks of prepared stores, and a mixture for each mixture that they are of.

    Stores of one mixture in several splits make tasks with several splits. Rates are numbers: the examples of each
    task in the training store, or of an evaluation store for tasks that are only in it. Names that an earlier call has
    registered are replaced.

    Args:
      store: folders that `prepare` has written, or glob patterns of such folders; one, several, or several in one
        string, joined by `os.pathsep`. None: what SEQGPT_STORE says.
      tokenizer: folder or Hugging Face name of the tokenizer that the stores were prepared with. None: what
        SEQGPT_TOKENIZER says, else `Prepare.tokenizer` as the first store's manifest has it.

    Returns:
      The mixture of the first store, for a gin binding; its task, where the mixture is a single task of that name.

    Raises:
      StoreError: a store is missing or corrupt, two of them hold the same split of a task, or the tokenizer is not
        the one of all stores.
    """
    stores = [_open(folder) for folder in _folders(store)]
    vocabulary = HFVocabulary(_tokenizer_path(stores[0], tokenizer))
    _check_tokenizer(stores, vocabulary)
    splits = _splits(stores)
    mixtures: dict[str, dict[str, float]] = {}
    # Training stores first: their numbers of examples are the rates.
    for item in sorted(stores, key=lambda item: isinstance(item, EvalStore)):
        rates = mixtures.setdefault(item.manifest["mixture"], {})
        for name, examples in item.manifest["rates"].items():
            if examples:
                rates.setdefault(task_name(name), float(examples))
    for name in [*splits, *mixtures]:
        if isinstance(seqio.TaskRegistry._REGISTRY.get(name), StoreTask):
            seqio.TaskRegistry.remove(name)
        if isinstance(seqio.MixtureRegistry._REGISTRY.get(name), StoreMixture):
            seqio.MixtureRegistry.remove(name)
    features = {
        "inputs": seqio.Feature(vocabulary, add_eos=False),
        "targets": seqio.Feature(vocabulary, add_eos=True),
    }
    for name, of_task in splits.items():
        seqio.TaskRegistry.add(
            name,
            source=StoreSource(of_task, vocabulary),
            preprocessors=[seqio.CacheDatasetPlaceholder()],
            output_features=features,
            postprocess_fn=functools.partial(postprocess, task=_facts(of_task)),
            metric_fns=[micro_f1_and_rouge],
            task_cls=StoreTask,
        )
    for name, rates in mixtures.items():
        if [*rates] != [name]:
            seqio.MixtureRegistry.add(name, list(rates.items()), mixture_cls=StoreMixture)
    return seqio.get_mixture_or_task(stores[0].manifest["mixture"])


def task_name(name: str) -> str:
    """The SeqIO name of one of our tasks: names of own data may have "-", which SeqIO does not allow."""
    return name.replace("-", "_")


def _folders(store: str | os.PathLike | Sequence[str | os.PathLike] | None) -> list[str]:
    """The folders of stores that folders and patterns name, each once, in order."""
    if store is None and not (store := os.environ.get(STORE_VARIABLE)):
        raise StoreError(f"no store is named: call register(store=FOLDER) or set {STORE_VARIABLE}")
    given = [store] if isinstance(store, str | os.PathLike) else store
    names = [name for entry in given for name in str(os.fspath(entry)).split(os.pathsep) if name]
    folders: dict[str, None] = {}
    for name in names:
        matches = sorted(path for path in glob.glob(name) if Path(path).is_dir()) if glob.has_magic(name) else [name]
        if not matches:
            raise StoreError(f"no folder matches {name!r}: `python -m seqgpt_jax.prepare` prepares a store")
        folders |= dict.fromkeys(matches)
    if not folders:
        raise StoreError("no store is named: the list is empty")
    return [*folders]


def _open(folder: str) -> Store:
    manifest = read_manifest(Path(folder)) or {}
    store = EvalStore(folder) if manifest.get("kind") == "eval" else TrainStore(folder)
    store.check_complete()
    return store


def _tokenizer_path(store: Store, tokenizer: str | None) -> str:
    path = tokenizer or os.environ.get(TOKENIZER_VARIABLE) or store.manifest["tokenizer"].get("path")
    if path is None:
        raise StoreError(
            f"{store.folder}: its manifest does not name the tokenizer: call register(store=…, tokenizer=FOLDER) or "
            f"set {TOKENIZER_VARIABLE}"
        )
    return path


def _check_tokenizer(stores: Iterable[Store], vocabulary: HFVocabulary) -> None:
    """Raises StoreError unless all stores were prepared with this tokenizer."""
    ours = vocabulary.fingerprint
    for store in stores:
        theirs = store.manifest["tokenizer"]["fingerprint"]
        if theirs != ours:
            raise StoreError(
                f"{store.folder} was prepared with another tokenizer ({theirs}) than {vocabulary.path} ({ours})"
            )


def _splits(stores: Iterable[Store]) -> dict[str, dict[str, TaskSplit]]:
    """SeqIO task name -> split -> where it is; splits without an example are left out."""
    splits: dict[str, dict[str, TaskSplit]] = {}
    for store in stores:
        split = store.manifest["split"]
        for name, report in store.manifest["tasks"].items():
            if not report["examples"]:
                continue
            of_task = splits.setdefault(task_name(name), {})
            if split in of_task:
                raise StoreError(
                    f"{of_task[split].store.folder} and {store.folder} both hold split {split} of task {name}: "
                    "register one of them"
                )
            of_task[split] = TaskSplit(store, name)
    return splits


def _facts(splits: Mapping[str, TaskSplit]) -> dict[str, str]:
    """What an evaluation record says of its task."""
    first = next(iter(splits.values()))
    report = first.store.manifest["tasks"][first.name]
    return {"task": first.name, "family": report["family"], "language": report["language"]}


def postprocess(
    text: str, *, task: Mapping[str, str], example: Mapping[str, Any] | None = None, is_target: bool = False
) -> dict[str, Any]:
    """What the metrics compare: a gold record, or an answer as our parser reads it.

    Args:
      text: a target, or what the model wrote.
      task: its name, family and language.
      example: the element of an evaluation split.
      is_target: whether `text` is the target.

    Returns:
      For a target the fields of `EvalRecord` except its prompt, for an answer its text and the parsed answers.

    Raises:
      ValueError: the element is one of a training split, which keeps no labels.
    """
    if example is None or "labels" not in example:
        raise ValueError(f"task {task['task']}: only splits of evaluation stores (validation, test) can be scored")
    record = _record(example, task)
    if is_target:
        return {name: getattr(record, name) for name in (*task, "id", "atom", "text", "labels", "answers", "target")}
    for token in CONTROL_TOKENS:
        text = text.replace(token, "")
    answers, well_formed = read_answer(record.atom, record.labels, text)
    return {"output": text, "answers": answers, "well_formed": well_formed}


def _record(example: Mapping[str, Any], task: Mapping[str, str]) -> EvalRecord:
    id, atom, text, target = (example[name].decode() for name in ("id", "atom", "text", "targets_pretokenized"))
    labels = tuple(label.decode() for label in example["labels"])
    answers = parse_answer(atom, labels, target)
    return EvalRecord(
        id=id, atom=atom, text=text, labels=labels, answers=answers, prompt="", target=target, prompt_ids=[], **task
    )


def micro_f1_and_rouge(
    targets: Sequence[Mapping[str, Any]], predictions: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """The scores of one task, times 100, as `python -m seqgpt_jax.evaluate` computes them.

    The prompts of an instance count together, but a classification in several chunks has no final round here.

    Args:
      targets, predictions: what `postprocess` returns.
    """
    records = [EvalRecord(prompt="", prompt_ids=[], **target) for target in targets]
    answered = zip(records, (answer["output"] for answer in predictions), strict=True)
    metrics = compute_scores(read_predictions(answered), resamples=1).overall
    rates = {name: getattr(metrics, name) for name in ("f1", "precision", "recall", "well_formed")}
    rates |= {"paper_score": metrics.paper_score("fixed")} | {f"rouge_{mode}": metrics.rouge[mode] for mode in MODES}
    return {name: 100 * rate for name, rate in rates.items()}


if os.environ.get(STORE_VARIABLE):
    register()
