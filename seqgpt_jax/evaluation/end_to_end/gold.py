"""Gold relations and events of whole texts, put together from the atomic tasks of a data set.

    RE  X.spans, X.typing               -> triples of words, each end with its type
    EE  X.triggers, X.arguments         -> triggers and arguments; triggers alone where there is no X.arguments

A text is an instance of the first task; those of the second have its id and a number. A data set of pairs that are
given (FewRel, SemEval) has no first task: it has no end-to-end score.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgpt_jax.atomic import Instance, clean_text
from seqgpt_jax.atomic.families import argument_query, by_trigger, event_query
from seqgpt_jax.data.prepare.quota import QuotaCount
from seqgpt_jax.data.raw.files import absent_files, read_instances
from seqgpt_jax.data.raw.task_spec import TaskSpec

# Family -> (the task whose instances are the texts, the task of what is in them).
STEPS = {"RE": ("spans", "typing"), "EE": ("triggers", "arguments")}
Units = Mapping[str, frozenset[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class GoldText:
    """A text with its gold units.

    Attributes:
      id: of its instance in the first task.
      text: as the data set has it.
      units: metric -> its units (`scoring`); their words are as prompts have them.
    """

    id: str
    text: str
    units: Units


@dataclass(frozen=True)
class GoldData:
    """The texts of one data set that are asked end to end.

    Attributes:
      name, family, language: of the data set.
      schema: what is asked: relation -> (type of its head, of its tail), or event type -> its roles.
      schema_splits: of which splits it is.
      texts: those that are asked; none where the tasks of the data set are of different texts.
      outside_schema: gold relations between spans of other types than the schema has; they cannot be found.
    """

    name: str
    family: str
    language: str
    schema: Mapping[str, Any]
    schema_splits: Sequence[str]
    texts: Sequence[GoldText]
    outside_schema: int = 0


def with_steps(specs: Iterable[TaskSpec]) -> dict[tuple[str, str, str], dict[str, TaskSpec]]:
    """(data set, family, language) -> step -> its task, of the data sets that have whole texts."""
    found: dict[tuple[str, str, str], dict[str, TaskSpec]] = defaultdict(dict)
    for spec in specs:
        step = spec.name.partition(".")[2]
        if step in STEPS.get(spec.family, ()):
            found[spec.dataset.name, spec.family, spec.language][step] = spec
    needed = {"RE": 2, "EE": 1}
    return {key: steps for key, steps in found.items() if STEPS[key[1]][0] in steps and len(steps) >= needed[key[1]]}


def read_gold(
    key: tuple[str, str, str],
    steps: Mapping[str, TaskSpec],
    splits: Sequence[str],
    folder: Path | None,
    records: int | None,
    seed: int,
    bad_records: str,
) -> GoldData:
    """The gold of a data set, of the texts that `evaluate` asks the first task.

    Args:
      key: (data set, family, language).
      steps: its tasks (`with_steps`).
      splits: those that are asked, all as one population.
      folder: of the raw data sets.
      records: texts to ask; None for all.
      seed: of their choice.
      bad_records: see `read_instances`.

    Raises:
      RecordError: a record cannot be read.
      DataNotFound: a file is missing.
    """
    name, family, language = key
    first, second = (steps.get(step) for step in STEPS[family])
    assert first is not None
    texts: list[Instance] = []
    parts: dict[str, list[Instance]] = defaultdict(list)
    used = [split for split in ("train", *splits) if split in first.splits and _there(steps.values(), split, folder)]
    asked = [split for split in splits if split in first.splits]
    for split in dict.fromkeys([*used, *asked]):
        texts += _instances(first, split, folder, bad_records)
        if second is not None and split in second.splits:
            prefix = f"{second.name}/{split}/"
            for one in _instances(second, split, folder, bad_records):
                parts[f"{first.name}/{split}/{one.id.removeprefix(prefix).rpartition('/')[0]}"].append(one)
    chosen = QuotaCount(records, seed)
    for one in texts:
        if one.id.split("/")[1] in asked:
            chosen.add(one.id, {})
    if parts.keys() - {one.id for one in texts}:
        kept: list[Instance] = []  # the tasks are of different texts
    else:
        quota = chosen.quota()
        kept = [one for one in texts if one.id.split("/")[1] in asked and quota.keep(one.id, {})]
    common = {"name": name, "family": family, "language": language, "schema_splits": used}
    if family == "RE":
        return _relations(texts, parts, kept, common)
    return _events(texts, parts, kept, common, second is not None)


def _there(specs: Iterable[TaskSpec], split: str, folder: Path | None) -> bool:
    return not any(absent_files([spec], folder, (split,)) for spec in specs)


def _instances(spec: TaskSpec, split: str, folder: Path | None, bad_records: str) -> Iterator[Instance]:
    return (one for one in read_instances(spec, split, folder, bad_records) if isinstance(one, Instance))


def _relations(
    texts: Sequence[Instance],
    pairs: Mapping[str, Sequence[Instance]],
    kept: Sequence[Instance],
    common: Mapping[str, Any],
) -> GoldData:
    """A relation's types are those of the most of its triples; `Relations` is asked with one pair for each."""
    types = {one.id: _types(one) for one in texts}
    counts: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for one in texts:
        for head, relation, tail in triples(pairs.get(one.id, ())):
            known = types[one.id]
            counts[relation].update((h, t) for h in known.get(head, ()) for t in known.get(tail, ()))
    schema = {
        relation: min(found, key=lambda pair, found=found: (-found[pair], pair))
        for relation, found in sorted(counts.items())
        if found
    }
    outside, gold = 0, []
    for one in kept:
        strict, boundary = set(), set()
        for head, relation, tail in triples(pairs.get(one.id, ())):
            found = [types[one.id].get(end, ("",)) for end in (head, tail)]
            wanted = schema.get(relation, ("", ""))
            fits = all(kind in of_end for kind, of_end in zip(wanted, found, strict=True))
            outside += not fits
            head_type, tail_type = wanted if fits else (found[0][0], found[1][0])
            strict.add((head, head_type, relation, tail, tail_type))
            boundary.add((head, relation, tail))
        units = {"relation_strict": frozenset(strict), "relation_boundary": frozenset(boundary)}
        gold.append(GoldText(one.id, one.text, units))
    return GoldData(**common, schema=schema, texts=gold, outside_schema=outside)


def _types(spans: Instance) -> dict[str, tuple[str, ...]]:
    """Words -> their types in a text."""
    found: dict[str, list[str]] = defaultdict(list)
    for kind, of_kind in spans.gold.items():
        for span in of_kind:
            found[clean_text(span)].append(kind)
    return {span: tuple(kinds) for span, kinds in found.items()}


def triples(pairs: Iterable[Instance]) -> list[tuple[str, str, str]]:
    """(head, relation, tail) of the instances of a typing task, as prompts have their words."""
    found = []
    for pair in pairs:
        head, tail = map(clean_text, pair.mentions)
        found += [(head, relation, tail) for relation in pair.gold]
    return found


def _events(
    texts: Sequence[Instance],
    parts: Mapping[str, Sequence[Instance]],
    kept: Sequence[Instance],
    common: Mapping[str, Any],
    with_arguments: bool,
) -> GoldData:
    language = common["language"]
    queries = {query for one in texts for query in (*one.gold, *one.labels)}
    kinds = {query: kind for query in queries if (kind := _kind(query, language))}
    schema: dict[str, dict[str, None]] = {kind: {} for kind in sorted(kinds.values())}
    found: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for one in texts:
        triggers = {kinds[query]: spans for query, spans in one.gold.items()}
        for part in parts.get(one.id, ()):
            kind, roles = asked_event(part.labels, triggers, language)
            schema[kind].update(dict.fromkeys(roles.values()))
            found[one.id] |= {
                (kind, roles[query], clean_text(span)) for query, spans in part.gold.items() for span in spans
            }
    gold = []
    for one in kept:
        pairs = {(kinds[query], clean_text(span)) for query, spans in one.gold.items() for span in spans}
        gold.append(GoldText(one.id, one.text, event_units(pairs, found[one.id], with_arguments)))
    return GoldData(**common, schema={kind: tuple(roles) for kind, roles in schema.items()}, texts=gold)


def event_units(
    triggers: Iterable[tuple[str, str]], arguments: Iterable[tuple[str, str, str]], with_arguments: bool
) -> Units:
    """Metric -> units, of (event type, trigger) pairs and (event type, role, span) arguments."""
    triggers, arguments = frozenset(triggers), frozenset(arguments)
    units = {
        "trigger_identification": frozenset((span,) for _, span in triggers),
        "trigger_classification": triggers,
    }
    if with_arguments:
        units["argument_identification"] = frozenset((kind, span) for kind, _, span in arguments)
        units["argument_classification"] = arguments
    return units


def _kind(query: str, language: str) -> str:
    """The event type that a query for triggers names."""
    return query.removesuffix(event_query("", language))


def asked_event(
    labels: Sequence[str], triggers: Mapping[str, Sequence[str]], language: str
) -> tuple[str, dict[str, str]]:
    """(event type, query -> its role) of the queries of an argument task.

    Args:
      labels: the queries.
      triggers: event type -> its triggers in the text.
      language: "en" or "zh".

    Raises:
      ValueError: they ask of no event of the text.

    >>> asked_event(["victim of the raid event"], {"raid": ["hit"]}, "en")
    ('raid', {'victim of the raid event': 'victim'})
    """
    for kind, of_kind in triggers.items():
        for name in by_trigger(of_kind).values():
            frame = argument_query("", kind, language, name)
            cut = str.removeprefix if language == "zh" else str.removesuffix
            roles = {label: cut(label, frame) for label in labels}
            if all(role and role != label for label, role in roles.items()):
                return kind, roles
    raise ValueError(f"the queries {', '.join(labels[:2])} ask of no event that the text has: {', '.join(triggers)}")
