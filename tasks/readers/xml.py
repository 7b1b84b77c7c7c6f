"""XML files: one record for each element of a name."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from seqgpt_jax.data.raw.task_spec import RecordError
from seqgpt_jax.tasks.readers.record import Record, Records, each_file


def xml_elements(tag: str) -> Records:
    """One record for each element `tag`; its line is the element's number, from 1: the parser keeps no lines."""

    def read_file(path: Path) -> Iterator[Record]:
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError as error:
            raise RecordError(path, error.position[0], f"not XML: {error}") from error
        for number, element in enumerate(root.iter(tag), start=1):
            yield Record(path, number, element)

    return each_file(read_file)
