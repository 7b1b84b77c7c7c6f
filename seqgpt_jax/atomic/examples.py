"""Examples of the two atomic tasks: plain data, no text format.

An `Instance` is what a data set says (a text and everything known about it). A `Classification`
or an `Extraction` is what one prompt asks: labels have been chosen, negatives added, order fixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Atom = Literal["cls", "ext"]


@dataclass(frozen=True, slots=True)
class Classification:
    """Pick the fitting labels: `answers` is a subset of `labels`, in any order."""

    text: str
    labels: tuple[str, ...]
    answers: tuple[str, ...]
    atom: ClassVar[Atom] = "cls"


@dataclass(frozen=True, slots=True)
class Extraction:
    """Find all spans for each query: `answers[i]` holds the spans of `labels[i]`, () for none."""

    text: str
    labels: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    atom: ClassVar[Atom] = "ext"


Example = Classification | Extraction


@dataclass(frozen=True, slots=True)
class Instance:
    """One labelled text of a data set, before negatives are drawn.

    Attributes:
      id: unique within its data set and stable between runs; all chance is derived from it.
      atom: which atomic task it is an instance of.
      text: the text as the data set has it (cleaned when it is rendered).
      gold: label -> its spans in `text` (extraction), or label -> () (classification).
      labels: the candidates of this instance alone (a reading question, the options of a
        multiple choice, the roles of one event type); empty where the task's label set serves.
      source_text: the sentence alone, where `text` is a question that was composed around it; "" where
        `text` is the bare text. Instances with the same source text are one group: decontamination
        compares it, and a split must not separate them.
      mentions: the spans of `source_text` that the composed question is about. Where the text is too long, a window of
        `source_text` that holds all of them is taken.
    """

    id: str
    atom: Atom
    text: str
    gold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    source_text: str = ""
    mentions: tuple[str, ...] = ()
