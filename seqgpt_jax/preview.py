"""Preview of own data with a model that has not seen them: a check of the file, answers, F1, and what to do next.

    python -m seqgpt_jax.preview tickets.jsonl --model=runs/quickstart/pt_ft
    python -m seqgpt_jax.preview train=train.csv,test=test.csv --model=exported/ft --records=30
    python -m seqgpt_jax.preview tickets.jsonl --model=runs/ft --labels="delivery, refund"       # texts without answers

Checks the data as `validate` does, asks the model about a few records with all labels of the file (zero-shot: nothing
is trained), prints its answers beside those of the file with precision, recall and F1 of each label, and counts the
texts that are too long for the model. DATA is written as for `--data` of the other commands.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.decoding.answers import Answer
    from seqgpt_jax.decoding.questions import Question
    from seqgpt_jax.tasks.readers.own import Checked
    from seqgpt_jax.tasks.validation.findings import DataSummary

# Characters of an answer that are printed.
_SHOWN = 200


@dataclass(frozen=True)
class Asked:
    """One record that the model is asked about.

    Attributes:
      place: `file:line`.
      question: what is asked.
      gold: the answer in the file; None where it has none.
    """

    place: str
    question: "Question"
    gold: "Sequence[str] | Mapping[str, Sequence[str]] | None"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument("data", metavar="DATA", help="FILE, train=FILE,test=FILE, or a folder")
    parser.add_argument("--model", required=True, help="run folder (gs://… too), or Hugging Face folder")
    parser.add_argument("--records", type=int, default=10, help="how many records are asked (default 10)")
    parser.add_argument("--labels", help="labels to ask, separated by commas; default: those of the file")
    command_line.add_own_form(parser)
    command_line.add_step(parser)
    args, configs = command_line.parse(parser, argv, uses=("Decode", "Prepare"))
    if args.records < 1:
        parser.error(f"--records={args.records} must be at least 1")

    from seqgpt_jax.tasks.own import Form
    from seqgpt_jax.validate import data_flags

    decode, prepare = configs.build("Decode"), configs.build("Prepare", mixture="", tokenizer="")
    form, flags = Form.of(prepare), data_flags(args.data, prepare)

    from seqgpt_jax.atomic import find_template
    from seqgpt_jax.console.data_summary import print_data_summary
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.data.own_data import parse_own_data
    from seqgpt_jax.data.prepare.token_counts import TokenCounts
    from seqgpt_jax.data.tokenizer import encoder_of
    from seqgpt_jax.decoding.answers import answer
    from seqgpt_jax.decoding.devices import load_for
    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.decoding.question_files import split_labels
    from seqgpt_jax.tasks.checking import Check, own_items
    from seqgpt_jax.tasks.validation.lengths import LengthLimits

    try:
        name, files = parse_own_data(args.data, flag="")
    except ValueError as error:
        raise command_line.UsageError(str(error)) from error
    given = split_labels(args.labels or "")
    loaded = load_for(decode, args.model, step=args.step)
    contract, counts = loaded.contract, TokenCounts(encoder_of(loaded.tokenizer))
    limits = LengthLimits(
        contract.max_prompt_tokens,
        contract.max_target_tokens,
        contract.max_labels or LengthLimits.max_labels,
        contract.max_queries,
        control=counts.most_control_words(find_template(contract.template)),
        count=counts.text,
    )
    summary, findings = Check(limits).own_data(name, files, form, flags)
    print_data_summary(summary, findings, max_shown=1, steps=False)
    asked = chosen([item for _, item in own_items(files, form)], args.records, given)
    with progress_bar("answering (the first batch compiles)") as progress:
        answers = answer(Engine.of(loaded, decode), [one.question for one in asked], progress)
    print(f"\n{len(asked)} records, asked without training:")
    for one, found in zip(asked, answers, strict=True):
        _print_answer(one, found)
    f1 = _print_scores(asked, answers)
    _print_next(flags, summary, f1)
    return 0


def chosen(items: "Sequence[Checked]", number: int, labels: Sequence[str] = ()) -> list[Asked]:
    """Records to ask about: of each kind and answer in turn, so that few show all labels.

    Args:
      items: all records. Their labels are asked where neither a record nor `labels` names any, and how many of them fit
        is what all records of a kind show, both as in training, where each kind is a task.
      number: how many to choose.
      labels: to ask instead; with these, records without answers are asked too.

    Raises:
      UsageError: there is nothing to ask.
    """
    from seqgpt_jax.data.prepare.label_stats import choice_of
    from seqgpt_jax.decoding.questions import Question
    from seqgpt_jax.tasks.readers.own import family_of

    known: dict[tuple[str, str], dict[str, None]] = {}
    sizes: dict[tuple[str, str], set[int]] = {}
    for item in items:
        if item.instance:
            task = (family_of(item.value), item.instance.atom)
            sizes.setdefault(task, set()).add(len(item.instance.gold))
            of_task = known.setdefault(task, {})
            if not item.instance.labels:
                of_task.update(dict.fromkeys(item.instance.gold))
    kinds: dict[tuple, list[Asked]] = {}
    for item in items:
        instance = item.instance
        place = f"{item.path.name}:{item.line}"
        if instance:
            task = (family_of(item.value), instance.atom)
            candidates = tuple(labels) or instance.labels or tuple(known[task])
            of_asked = {label: spans for label, spans in instance.gold.items() if label in candidates}
            gold = list(of_asked) if instance.atom == "cls" else of_asked
            choose = choice_of(sizes[task]) if instance.atom == "cls" else "any"
            question = Question(instance.text, instance.atom, candidates, choose)
            kinds.setdefault((*task, *sorted(instance.gold)), []).append(Asked(place, question, gold))
        elif item.atom and item.text.strip() and "answers" not in item.value:
            candidates = tuple(labels) or tuple(item.value.get("labels") or ())
            if candidates:
                question = Question(item.text, item.atom, candidates)
                kinds.setdefault((item.atom,), []).append(Asked(place, question, None))
    turns = [one for turn in range(number) for found in kinds.values() for one in found[turn : turn + 1]][:number]
    if not turns:
        raise command_line.UsageError(
            "no record can be asked: records need a text and answers, or `task` and --labels; the findings above say "
            "what is wrong"
        )
    if not all(one.question.labels for one in turns):
        raise command_line.UsageError("the file has no label that occurs: name some with --labels")
    return turns


def _print_answer(asked: Asked, answer: "Answer") -> None:
    from seqgpt_jax.evaluation.label_counts import units

    text = " ".join(asked.question.text.split())
    print(f"\n  {asked.place}  {textwrap.shorten(text, 100, placeholder=' …') if ' ' in text else text[:100]}")
    right = "" if asked.gold is None else " ✓" if units(asked.gold) == units(answer.answers) else " ✗"
    print(f"    model: {_shown(answer.answers)}{right}")
    if asked.gold is not None and right == " ✗":
        print(f"    file:  {_shown(asked.gold)}")
    if answer.truncated:
        print(f"    (too long for the model: {answer.truncated:,} tokens of it were cut off)")


def _shown(answer: Sequence[str] | Mapping[str, Sequence[str]]) -> str:
    if isinstance(answer, Mapping):
        text = "; ".join(f"{label}: {', '.join(spans)}" for label, spans in answer.items() if spans) or "nothing found"
    else:
        text = ", ".join(answer) or "no label"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def _print_scores(asked: Sequence[Asked], answers: "Sequence[Answer]") -> float | None:
    """Prints a table of labels; returns micro-F1, None where the file has no answers."""
    from seqgpt_jax.evaluation.label_counts import count_labels, total

    pairs = [(one.gold, found.answers) for one, found in zip(asked, answers, strict=True) if one.gold is not None]
    if not pairs:
        return None
    counts = count_labels(pairs)
    shown = sorted(counts.items(), key=lambda item: -item[1].gold)[:20]
    width = max(len(label) for label in (*(label for label, _ in shown), "all labels"))
    print(f"\n  {'label':{width}}  gold  predicted  precision  recall     F1")
    overall = total(counts.values())
    for label, count in [*shown, ("all labels", overall)]:
        rates = [
            "    –" if rate is None else f"{rate:5.0%}" for rate in (count.precision(), count.recall(), count.f1())
        ]
        print(f"  {label:{width}}  {count.gold:4}  {count.predicted:9}      {rates[0]}   {rates[1]}  {rates[2]}")
    if len(counts) > len(shown):
        print(f"  … and {len(counts) - len(shown):,} labels more")
    return overall.f1() or 0.0


def _print_next(flags: str, summary: "DataSummary", f1: float | None) -> None:
    print("\nwhat to do next:")
    steps = list(summary.advice)
    if f1 is None:
        steps.append("Give some records answers, to see whether these are right: docs/own_data.md has the forms.")
    elif not summary.bad:
        steps.append(f"Train: python -m seqgpt_jax.train --gin_file=own_cpu.gin {flags} --run_dir=runs/{summary.name}")
    for number, step in enumerate(steps, start=1):
        print(f"  {number}. {step}")


if __name__ == "__main__":
    command_line.run(main)
