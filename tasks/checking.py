"""Validation of data before anything is made of them: what is broken, what is odd, what they hold.

The records are read by the readers that `prepare` uses, so what is good here is read there, and what is bad here stops
it. A data set is read twice: what is odd about a spelling or an offset only shows beside all others.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.prepare.decontamination import bare_text
from seqgpt_jax.data.raw.files import resolve_files
from seqgpt_jax.data.raw.task_spec import RecordError, Skipped, TaskSpec
from seqgpt_jax.tasks import own as own_files
from seqgpt_jax.tasks.readers import own
from seqgpt_jax.tasks.readers.split import SHARES, hash_split
from seqgpt_jax.tasks.validation.advice import advice
from seqgpt_jax.tasks.validation.contradictions import AskedBefore
from seqgpt_jax.tasks.validation.findings import DataSummary, Finding
from seqgpt_jax.tasks.validation.labels import LabelSpellings, labels_of
from seqgpt_jax.tasks.validation.leaks import OwnLeaks
from seqgpt_jax.tasks.validation.lengths import LengthCount, LengthLimits
from seqgpt_jax.tasks.validation.offsets import (
    STANDARD,
    ConventionCount,
    Guess,
    OffsetText,
    spans_with_offsets,
    word_cut,
)

Items = Callable[[], Iterator[tuple[str, own.Checked]]]
"""Reads a data set anew: the split and the record of each."""


class Check:
    """Checks data sets one after the other; repetitions are found across all of them."""

    def __init__(self, limits: LengthLimits | None = None) -> None:
        self.limits = limits or LengthLimits()
        self._asked = AskedBefore()

    def own_data(
        self, name: str, files: str | Mapping[str, str], form: own_files.Form = own_files.RECOGNIZED, flags: str = ""
    ) -> tuple[DataSummary, list[Finding]]:
        """Checks one file, or a file for each split; `flags` give it to the other commands.

        Raises:
          FileNotFoundError: one is not there.
          ValueError: a name ends in no known format.
        """
        paths = [Path(file) for file in ([files] if isinstance(files, str) else files.values())]
        for path in paths:
            if not path.exists():
                raise FileNotFoundError(f"there is no file {path}")
        check = _DataCheck(self, name, lambda: own_items(files, form), paths[0])
        summary, findings = check.result(by_hash=isinstance(files, str))
        if summary.good:
            surveys = [own_files.survey(path, form) for path in paths if _has_records(path, form)]
            summary.language = own_files.language(surveys)
        summary.advice = advice(summary, flags)
        return summary, findings

    def task(self, spec: TaskSpec, data_folder: Path | None, flags: str) -> tuple[DataSummary, list[Finding]]:
        """Checks a task of a module or of the catalogue, by its reader; `flags` give it to the other commands.

        Raises:
          DataNotFound: its files are not there.
        """
        files = {split: resolve_files(spec, split, data_folder) for split in spec.splits}
        first = next((path for paths in files.values() for path in paths), Path(spec.name))
        summary, findings = _DataCheck(self, spec.name, lambda: _task_items(spec, files), first).result(by_hash=False)
        summary.language = spec.language
        summary.advice = advice(summary, flags)
        return summary, findings

    def repetition(self, item: own.Checked) -> list[own.Fault]:
        """The remark that the same was asked before, in any of the data sets."""
        repeated = item.instance and self._asked.repeats(item.instance, _place(item))
        if not repeated:
            return []
        kind, place = repeated
        if kind == "duplicate":
            return [own.Fault(kind, f"the same record as {place}")]
        return [own.Fault(kind, f"the text of {place} with other answers: {_shown(item.instance)}")]


class _DataCheck:
    """The check of one data set."""

    def __init__(self, check: Check, name: str, items: Items, first: Path) -> None:
        self.check, self.items, self.first = check, items, first
        self.summary, self.findings = DataSummary(name), []
        self.conventions, self.leaks = ConventionCount(), OwnLeaks()
        self.lengths = LengthCount(check.limits)
        self.spellings = {atom: LabelSpellings() for atom in own.ATOMS}
        self.without_span: Counter[str] = Counter()

    def result(self, *, by_hash: bool) -> tuple[DataSummary, list[Finding]]:
        """The summary, and all findings in the order of files and lines, those of whole files last."""
        for split, item in self.items():
            self.summary.records += 1
            self._record(split, item)
        guess = self.conventions.guess()
        problems = {atom: spellings.problems() for atom, spellings in self.spellings.items()}
        if guess or any(problems.values()):
            for _, item in self.items():
                self._among_others(item, problems, guess)
        self._leaks()
        if guess:
            self._warn(
                self.first, 0, "offsets", f"{guess.reason}; convert: start, end = {guess.convention.conversion()}"
            )
        self._whole(by_hash)
        order = {finding.path: None for finding in self.findings}
        places = {path: number for number, path in enumerate(order)}
        self.findings.sort(key=lambda finding: (not finding.line, places[finding.path], finding.line))
        return self.summary, self.findings

    def _warn(self, path: Path, line: int, reason: str, detail: str) -> None:
        self.summary.warnings[reason] += 1
        self.findings.append(Finding(path, line, "warning", reason, detail))

    def _record(self, split: str, item: own.Checked) -> None:
        if item.fault:
            self.summary.bad[item.fault.reason] += 1
            self.findings.append(Finding(item.path, item.line, "bad", item.fault.reason, str(item.fault)))
        if instance := item.instance:
            self._count(split, item, instance)
        for remark in [*item.remarks, *self.check.repetition(item)]:
            self._warn(item.path, item.line, remark.reason, str(remark))
        if item.atom:
            self.spellings[item.atom].add(labels_of(item.value))
        text = OffsetText(item.text)
        for span in spans_with_offsets(item.value):
            self.conventions.add(text, span)
            place = text.place(STANDARD, span)
            if place and (cut := word_cut(item.text, *place)):
                shown = item.text[max(place[0] - 10, 0) : place[0]], item.text[slice(*place)]
                after = item.text[place[1] : place[1] + 10]
                detail = f"a span of {span.label!r} {cut} inside a word: {shown[0]}[{shown[1]}]{after}"
                self._warn(item.path, item.line, "half_word", detail)

    def _count(self, split: str, item: own.Checked, instance: Instance) -> None:
        summary = self.summary
        summary.tasks[instance.atom] += 1
        summary.splits[split] += 1
        summary.lengths[len(instance.text)] += 1
        labels = summary.labels.setdefault(instance.atom, {})
        for label in instance.gold:
            labels.setdefault(label, Counter())[split] += 1
        answers = item.value.get("answers")
        if instance.atom == "ext" and isinstance(answers, dict) and not instance.labels:
            self.without_span.update(label for label, spans in answers.items() if not spans)
        self.lengths.add(instance)
        self.leaks.add(split, item.path, item.line, _place(item), bare_text(instance))

    def _among_others(
        self, item: own.Checked, problems: Mapping[str, Mapping[str, tuple[str, str]]], guess: Guess | None
    ) -> None:
        """What is odd about a record beside all the others."""
        of_kind = problems[item.atom] if item.atom else {}
        for label in labels_of(item.value):
            if label in of_kind:
                self._warn(item.path, item.line, *of_kind[label])
        text = OffsetText(item.text)
        for span in spans_with_offsets(item.value) if guess else ():
            place, other = text.place(STANDARD, span), text.place(guess.convention, span)
            if place and other and place != other and not word_cut(item.text, *place):
                shown = f"{item.text[slice(*place)]!r}, or {item.text[slice(*other)]!r} in {guess.convention}"
                detail = f"a span of {span.label!r} is {shown}"
                self._warn(item.path, item.line, "other_offsets", detail)

    def _leaks(self) -> None:
        for path, line, detail in self.leaks.find():
            self._warn(path, line, "leak", detail)

    def _whole(self, by_hash: bool) -> None:
        summary, path = self.summary, self.first
        if not summary.records:
            summary.bad["no_record"] += 1
            self.findings.append(Finding(path, 0, "bad", "no_record", "the file holds no record"))
        if not summary.good:
            return
        summary.long_texts, summary.prompt = self.lengths.long_texts(), str(self.lengths.limits)
        for split in [split for split, count in summary.splits.items() if by_hash and not count]:
            detail = f"split by hash, its part for {split} is empty: give more records, or own files"
            self._warn(path, 0, "empty_split", detail)
        if len(labels := summary.label_counts("cls")) == 1:
            self._warn(path, 0, "one_label", f"all its classifications have one label: {next(iter(labels))!r}")
        if never := [label for label in self.without_span if label not in summary.label_counts("ext")]:
            shown = ", ".join(map(repr, never[:5])) + (" …" if never[5:] else "")
            detail = f"no span in the whole file for {shown}: they are only asked where `labels` names them"
            self._warn(path, 0, "label_without_span", detail)
        for reason, detail in self.lengths.problems():
            self._warn(path, 0, reason, detail)


def own_items(
    files: str | Mapping[str, str], form: own_files.Form = own_files.RECOGNIZED
) -> Iterator[tuple[str, own.Checked]]:
    """(split, record) of one file, which is split by hash, or of a file for each split."""
    for split, file in ({"": files} if isinstance(files, str) else files).items():
        path = Path(file)
        try:
            for item in form.checked(path):
                yield split or (hash_split(item.key, SHARES) if item.key else next(iter(SHARES))), item
        except RecordError as error:
            fault = own.Fault(own.reason_of(error), f"{error.problem}; nothing after it can be read")
            yield split or next(iter(SHARES)), own.Checked(path, error.line, fault=fault)


def _has_records(path: Path, form: own_files.Form) -> bool:
    try:
        own_files.survey(path, form)
    except ValueError:
        return False
    return True


def _task_items(spec: TaskSpec, files: Mapping[str, tuple[Path, ...]]) -> Iterator[tuple[str, own.Checked]]:
    """The instances of a module's task; a line is read from an id such as `calls.txt:3`."""
    for split, paths in files.items():
        by_name = {path.name: path for path in paths}
        for item in spec.read(split, paths):
            if isinstance(item, RecordError):
                yield split, own.Checked(item.path, item.line, fault=own.Fault(own.reason_of(item), item.problem))
                continue
            name, line = re.fullmatch(r"(.*?)(?::(\d+)(?=[/:#]|$).*)?", item.id, re.S).groups()
            path = by_name.get(name) or next(iter(paths), Path(spec.name))
            if isinstance(item, Skipped):
                fault = own.Fault(item.reason, item.detail)
                yield split, own.Checked(path, int(line or 0), remarks=(fault,))
                continue
            gold = {label: list(found) for label, found in item.gold.items()}
            answers = list(gold) if item.atom == "cls" else gold
            value = {"answers": answers, "labels": list(item.labels)}
            try:
                own.check_contract(item)
            except own.Fault as fault:
                yield split, own.Checked(path, int(line or 0), None, fault, (), item.atom, item.text, value)
                continue
            yield split, own.Checked(path, int(line or 0), item, None, (), item.atom, item.text, value)


def _place(item: own.Checked) -> str:
    """Where a record stands: its line, else its id without the number of the instance in it."""
    if item.line or item.instance is None:
        return f"{item.path}:{item.line}"
    return f"{item.path} {re.sub(r'/[0-9]+$', '', item.instance.id)}"


def _shown(instance: Instance) -> str:
    """The answers in a few words."""
    return (
        ", ".join(f"{label}: {' | '.join(spans)}" if spans else label for label, spans in instance.gold.items()) or "–"
    )
