"""Multi-head rows (CoNLL04): number, token, tag, relations and the tokens that they lead to."""

import ast
from collections.abc import Iterator, Sequence

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.tasks.readers.conll import labelled_spans, tagged_spans
from seqgpt_jax.tasks.readers.detokenization import Words
from seqgpt_jax.tasks.readers.names import Naming
from seqgpt_jax.tasks.readers.record import Build, Record

NO_RELATION = "N"


def entity_rows(name: Naming) -> Build:
    """RE, first step: the entities of each type."""

    def build(record: Record) -> Iterator[Instance]:
        _, tokens, tags, _, _ = zip(*record.value, strict=True)
        yield families.spans_by_label(record.id, *labelled_spans(tokens, tags, " ", name))

    return build


def relation_rows(name: Naming, language: str) -> Build:
    """RE, second step: the relations of each (head, tail) that has one, pairs of equal words together.

    A relation stands at the last token of its head and names the last token of its tail.
    """

    def build(record: Record) -> Iterator[Instance]:
        _, tokens, tags, relations, tails = zip(*record.value, strict=True)
        words = Words.english(tokens)
        ending = {end - 1: words.span(start, end) for _, start, end in tagged_spans(tags)}
        found: dict[tuple[str, str], list[str]] = {}
        for i, (codes, ends) in enumerate(zip(map(_list, relations), map(_list, tails), strict=True)):
            for code, end in zip(codes, ends, strict=True):
                if code == NO_RELATION:
                    continue
                if i not in ending or end not in ending:
                    raise ValueError(f"relation {code} from token {i} to token {end}: no entity ends there")
                found.setdefault((ending[i], ending[end]), []).append(name(code))
        for k, ((head, tail), labels) in enumerate(found.items()):
            yield families.relation_typing(f"{record.id}/{k}", words.text, head, tail, labels, language)

    return build


def _list(column: str) -> Sequence:
    try:
        return ast.literal_eval(column)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"a list was expected, found {column!r}") from error
