"""Output folder: data of accepted answers, rejected answers with reasons, and counts."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgpt_jax.io.file_hash import files_hash
from seqgpt_jax.io.json_line import json_line
from seqgpt_jax.io.progress import Progress, no_progress
from seqgpt_jax.synthesis.answers import Accepted, Rejected
from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.journal import Journal
from seqgpt_jax.synthesis.label_merging import label_map, labels_of, merged
from seqgpt_jax.synthesis.passage_state import state
from seqgpt_jax.synthesis.passages import Passage, Tokens

DATA = ("data.jsonl", "data_en.jsonl", "data_zh.jsonl")
REJECTED, LABEL_MAP = "rejected.jsonl", "label_map.json"


@dataclass
class Row:
    """Counts of one task in one language.

    Attributes:
      asked: passages.
      accepted: those with a usable answer.
      instances: records of them.
      tokens: of the texts of the instances.
      labels: label -> how often it is answered.
      labels_per_instance: number of labels -> instances.
    """

    asked: int = 0
    accepted: int = 0
    instances: int = 0
    tokens: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    labels_per_instance: Counter[int] = field(default_factory=Counter)


@dataclass
class Counts:
    """What is in the output.

    Attributes:
      rows: (language, task) -> its counts.
      rejected: reason -> passages.
      waiting: passages without an answer.
      repairs: name -> how often.
      merged: task -> label -> what it became.
    """

    rows: dict[tuple[str, str], Row] = field(default_factory=lambda: defaultdict(Row))
    rejected: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    merged: dict[str, dict[str, str]] = field(default_factory=dict)


def write_data(
    passages: Iterable[Passage],
    total: int,
    config: SynthesizeConfig,
    model: str,
    journal: Journal,
    folder: Path,
    tokens: Tokens,
    progress: Progress = no_progress,
) -> Counts:
    """Writes what the journal's answers give, in the order of the passages; asks nothing.

    Args:
      passages: read once.
      total: how many they are.
      config, model: that the answers were asked with.
      journal: the answers.
      folder: where the files of `DATA`, `REJECTED` and, where labels are merged, `LABEL_MAP` are written.
      tokens: counts tokens of texts.
      progress: called with the passages that are done.
    """
    counts = Counts()
    with ExitStack() as files:
        data, rejected = (
            files.enter_context(_part(folder / name).open("w", encoding="utf-8")) for name in (DATA[0], REJECTED)
        )
        for number, passage in enumerate(passages, start=1):
            current = state(passage, config, model, journal)
            row = counts.rows[passage.language, passage.task]
            row.asked += current.result is not None
            match current.result:
                case Accepted(records=records, repairs=repairs):
                    row.accepted += 1
                    counts.repairs.update(repairs)
                    for place, record in enumerate(records):
                        about = {"id": f"{passage.id}/{place}", "family": passage.task, "language": passage.language}
                        _count(row, record, tokens)
                        data.write(json_line(record | about))
                case Rejected() as error:
                    counts.rejected[error.reason] += 1
                    about = {"reason": error.reason, "detail": str(error), "attempts": current.attempts}
                    rejected.write(json_line(passage._asdict() | about))
                case None:
                    counts.waiting += 1
            progress("passages", number, total)
    if config.merge_labels:
        _merge(folder, counts)
    else:
        (folder / LABEL_MAP).unlink(missing_ok=True)
    _divide(folder)
    for name in (*DATA, REJECTED):
        _part(folder / name).replace(folder / name)
    return counts


def _count(row: Row, record: Mapping[str, Any], tokens: Tokens) -> None:
    labels = labels_of(record)
    row.instances += 1
    row.tokens += len(tokens(record["text"]))
    row.labels.update(labels)
    row.labels_per_instance[len(labels)] += 1


def _merge(folder: Path, counts: Counts) -> None:
    """Changes the labels of the data, and the counts of them; the map says from what."""
    answered: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, task), row in counts.rows.items():
        answered[task].update(row.labels)
        row.labels, row.labels_per_instance = Counter(), Counter()
    counts.merged = label_map(answered)
    source, target = _part(folder / DATA[0]), _part(folder / "merged.jsonl")
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as file:
        for line in lines:
            record = json.loads(line)
            record = merged(record, counts.merged.get(record["family"], {}))
            labels = labels_of(record)
            row = counts.rows[record["language"], record["family"]]
            row.labels.update(labels)
            row.labels_per_instance[len(labels)] += 1
            file.write(json_line(record))
    target.replace(source)
    (folder / LABEL_MAP).write_text(json.dumps(counts.merged, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _divide(folder: Path) -> None:
    """One file for each language, from the file of all."""
    with ExitStack() as files:
        lines = files.enter_context(_part(folder / DATA[0]).open(encoding="utf-8"))
        of_language = {
            name.split("_")[1][:2]: files.enter_context(_part(folder / name).open("w", encoding="utf-8"))
            for name in DATA[1:]
        }
        for line in lines:
            of_language[json.loads(line)["language"]].write(line)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def manifest(
    counts: Counts, about: Mapping[str, Any], journal: Journal, config: SynthesizeConfig, folder: Path
) -> dict[str, Any]:
    """All counts as JSON: what `manifest.json` holds."""
    tokens = journal.most_tokens()
    return {
        **about,
        "complete": not counts.waiting,
        "table": [
            {
                "language": language,
                "task": task,
                "passages": row.asked,
                "accepted": row.accepted,
                "instances": row.instances,
                "tokens": row.tokens,
                "labels": len(row.labels),
                "label_frequencies": _frequencies(row.labels),
                "labels_per_instance": {
                    str(number): row.labels_per_instance[number] for number in sorted(row.labels_per_instance)
                },
            }
            for (language, task), row in sorted(counts.rows.items())
        ],
        "distinct_labels": len(set().union(*(row.labels for row in counts.rows.values()))),
        "rejected": dict(counts.rejected.most_common()),
        "waiting": counts.waiting,
        "repairs": dict(counts.repairs.most_common()),
        "merged_labels": sum(map(len, counts.merged.values())),
        "spent": {
            "requests": journal.requests,
            "answers": journal.answers,
            "queued": journal.queued,
            "input_tokens": tokens[0],
            "output_tokens": tokens[1],
            "cost": config.cost(*tokens) if config.input_price is not None else None,
            "currency": config.currency,
        },
        "files": {name: files_hash([folder / name]) for name in DATA},
    }


def _frequencies(labels: Counter[str]) -> dict[str, int]:
    """How often a label is answered -> how many labels are."""
    found = Counter(labels.values())
    return {str(times): found[times] for times in sorted(found)}
