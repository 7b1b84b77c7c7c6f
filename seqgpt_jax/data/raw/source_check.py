"""Check of the catalogue's sources without a download: HEAD of each URL, and a look-up of each data set of the hub."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from seqgpt_jax.data.raw.hub_rows import download_size, hub_errors, snapshot
from seqgpt_jax.data.raw.network import Client
from seqgpt_jax.data.raw.probe import Probe, ask_all, probe
from seqgpt_jax.data.raw.sources import Files, HuggingFace, OnRequest, Source, Tfds


@dataclass(frozen=True)
class SourceCheck:
    """What a source says of one place of a data set.

    Attributes:
      dataset: the data set.
      place: URL, data set of the hub or of TFDS.
      size: bytes; None where it is not known.
      problem: why it cannot be downloaded; "" where it can.
      note: what else is worth knowing.
    """

    dataset: str
    place: str
    size: int | None = None
    problem: str = ""
    note: str = ""


def check_sources(sources: Mapping[str, Iterable[Source]], client: Client) -> Iterator[SourceCheck]:
    """Checks all places of data sets, many at a time, in their order: data set -> its sources.

    Nothing is tried twice, and nothing is downloaded.
    """
    direct = Client(client.patience, mirrors=False)
    questions: list[Callable[[], SourceCheck]] = []
    for dataset, of_dataset in sources.items():
        urls: dict[str, None] = {}
        for source in of_dataset:
            match source:
                case Files():
                    urls |= dict.fromkeys(remote.url for remote in source.files.values())
                case HuggingFace():
                    questions.append(partial(_hub, dataset, source, client))
                case Tfds():
                    questions.append(partial(_tfds, dataset, source, direct))
                case OnRequest():
                    found = SourceCheck(dataset, str(source), note="not checked")
                    questions.append(lambda found=found: found)
        questions += [partial(_url, dataset, url, client) for url in urls]
    yield from ask_all(questions)


def _url(dataset: str, url: str, client: Client) -> SourceCheck:
    return _of_probe(dataset, url, probe(client, url))


def _of_probe(dataset: str, place: str, answer: Probe) -> SourceCheck:
    return SourceCheck(dataset, place, answer.size, answer.problem, answer.note)


def _hub(dataset: str, source: HuggingFace, client: Client) -> SourceCheck:
    place = str(source)
    try:
        with hub_errors(source):
            found = snapshot(source, client=client)
        size = download_size(source, found)
    except Exception as error:  # the hub's library has errors of its own
        return SourceCheck(dataset, place, problem=" ".join(str(error).split()) or type(error).__name__)
    branch = f" of {found.branch}" if found.branch else ""
    conditions = ", conditions to accept on its page" if found.gated else ""
    return SourceCheck(dataset, place, size, note=f"commit {found.commit[:12]}{branch}{conditions}")


def _tfds(dataset: str, source: Tfds, client: Client) -> SourceCheck:
    place = str(source)
    try:
        from seqgpt_jax.data.raw.tfds_rows import tfds_urls
    except ModuleNotFoundError as error:
        return SourceCheck(dataset, place, note=f"not checked: needs the extra 'tfds' ({error})")
    try:
        urls = tfds_urls(source)
    except Exception as error:  # TFDS has errors of its own
        return SourceCheck(dataset, place, problem=" ".join(str(error).split()) or type(error).__name__)
    answers = [probe(client, url) for url in urls]
    # Of a builder of several configurations these are the files of all: some may be gone that this one does not need.
    bad = [answer for answer in answers if answer.problem]
    if bad and len(bad) == len(answers):
        return SourceCheck(dataset, place, problem=f"{bad[0].url}: {bad[0].problem}")
    note = f"{len(answers) - len(bad)} of the builder's {len(answers)} files"
    return SourceCheck(dataset, place, note=f"{note}; not {bad[0].url}: {bad[0].problem}" if bad else note)
