"""Texts of one data set that are in its training data and, exactly or nearly, in its validation or test data."""

from collections.abc import Iterator

from seqgpt_jax.data.prepare.decontamination import Leak, leaking


class OwnLeaks:
    """Collects the texts of a data set by split, and compares them as preparation does."""

    def __init__(self) -> None:
        self._texts: dict[bool, list[tuple[str, str]]] = {True: [], False: []}  # whether of training
        self._places: list[tuple[str, str]] = []

    def add(self, split: str, place: str, text: str) -> None:
        """Takes one text: its split, and its `file:line`."""
        self._texts[split == "train"].append((str(len(self._places)), text))
        self._places.append((split, place))

    def find(self) -> Iterator[tuple[str, str]]:
        """(place, sentence) of each training text that preparation drops as a leak."""
        if not self._texts[True] or not self._texts[False]:
            return
        for leak in leaking(self._texts[True], self._texts[False]).values():
            yield self._places[int(leak.train_id)][1], self._sentence(leak)

    def _sentence(self, leak: Leak) -> str:
        split, place = self._places[int(leak.evaluation_id)]
        alike = f"(similarity {leak.similarity:.2f})"
        same = {
            "exact": "is the text",
            "near": f"is nearly {alike} the text",
            "sentence": f"is a sentence {alike} of the text, or has one that is the text,",
        }[leak.kind]
        return (
            f"this training text {same} of {place}, which is in {split}: prepare drops it; records with one "
            "`group` fall into one split"
        )
