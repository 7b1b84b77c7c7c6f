"""Scores of labels that were compared in several prompts, put on one scale.

A prompt has log-probabilities of its own labels alone. Where labels take several rounds, the winner of each prompt is
asked again, and its two scores say how far the scale of its prompt lies from that of the next round; a prompt in which
`None` won is placed by the score of `None`. So the odds between two labels of a prompt stay what they were there, the
chosen label has the highest score, and a label that lost never passes the one it lost to. (That odds do not depend on
what else can be chosen is Luce's choice axiom: exact for one prompt, an assumption over several.)
"""

from collections.abc import Mapping, Sequence

import numpy as np

from seqgpt_jax.atomic import NONE

Compared = tuple[str | None, Mapping[str, float]]
"""The label that was chosen in a prompt (None: none of them), and the log-probability of each label."""


def on_one_scale(rounds: Sequence[Sequence[Compared]]) -> dict[str, float]:
    """Label, and `None` where that could be chosen -> log-probability, up to one constant; the best was chosen.

    Args:
      rounds: the prompts of each round, at least one.

    >>> first = [("a", {"a": -0.1, "b": -2.0}), ("c", {"c": -0.5, "d": -1.0})]
    >>> on_one_scale([first, [("c", {"a": -3.0, "c": -0.2})]])
    {'a': -3.0, 'c': -0.2, 'b': -4.9, 'd': -0.7}
    """
    *earlier, last = rounds
    # Of several prompts at most one has an answer; the others say None, all of them maybe.
    deciding = next((scores for chosen, scores in last if chosen is not None), last[0][1])
    found = dict(deciding)
    for prompts in (last, *reversed(earlier)):
        for chosen, scores in prompts:
            anchor = NONE if chosen is None else chosen
            shift = found[anchor] - scores[anchor] if anchor in found and anchor in scores else 0.0
            for label, score in scores.items():
                found.setdefault(label, score + shift)
    return found


def shares_of(scores: Mapping[str, float]) -> dict[str, float]:
    """The probability of each label among all of them."""
    values = np.array(list(scores.values()))
    weights = np.exp(values - values.max(initial=-np.inf))
    return {label: float(share) for label, share in zip(scores, weights / weights.sum(), strict=True)}
