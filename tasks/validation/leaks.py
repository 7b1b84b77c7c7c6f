"""Texts of one data set that are in its training data and, exactly or nearly, in its validation or test data."""

from collections.abc import Iterator
from pathlib import Path

from seqgpt_jax.data.prepare.decontamination import Leak, leaking


class OwnLeaks:
    """Collects the texts of a data set by split, and compares them as preparation does."""

    def __init__(self) -> None:
        self._texts: dict[bool, list[tuple[str, str]]] = {True: [], False: []}  # whether of training
        self._places: list[tuple[str, Path, int, str]] = []

    def add(self, split: str, path: Path, line: int, shown: str, text: str) -> None:
        """Takes one text: its split, its file and line (0 where that is not known), and how its place is shown."""
        self._texts[split == "train"].append((str(len(self._places)), text))
        self._places.append((split, path, line, shown))

    def find(self) -> Iterator[tuple[Path, int, str]]:
        """(file, line, sentence) of each training text that preparation drops as a leak."""
        if not self._texts[True] or not self._texts[False]:
            return
        for leak in leaking(self._texts[True], self._texts[False]).values():
            _, path, line, _ = self._places[int(leak.train_id)]
            yield path, line, self._sentence(leak)

    def _sentence(self, leak: Leak) -> str:
        split, _, _, place = self._places[int(leak.evaluation_id)]
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
