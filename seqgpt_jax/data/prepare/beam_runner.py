"""Runner on Apache Beam: Dataflow, Spark, Flink, or Beam's own local runners.

Reading, sampling, rendering and tokenizing all happen in the pipeline; results are in the store's folder, which
every worker must reach (a shared disk, a bucket). The store is that of the local command, byte for byte, because
its shards are the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from seqgpt_jax.data.prepare.workers import Item, Job, Result, Runner


def beam_runner(options: Sequence[str]) -> Runner:
    """A `Runner` with these pipeline options, such as `--runner=DataflowRunner --project=… --region=…`.

    Jobs (tasks) are read by one worker each; their shards are spread over all. This package, and a user's own
    modules, must be importable on every worker (Beam's `--setup_file`, or a container image).
    """

    def run(
        jobs: Iterable[Job], expand: Callable[[Job], Iterable[Item]], work: Callable[[Item], Result]
    ) -> Iterator[Result]:
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            jobs_of_all = pipeline | "jobs" >> beam.Create(list(jobs)) | "spread jobs" >> beam.Reshuffle()
            items = jobs_of_all | "expand" >> beam.FlatMap(expand) | "spread items" >> beam.Reshuffle()
            _ = items | "work" >> beam.Map(work)
        # A pipeline gives nothing back while it runs; its own console shows how far it is.
        return iter(())

    return run
