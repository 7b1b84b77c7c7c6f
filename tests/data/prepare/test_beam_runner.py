"""The same preparation as an Apache Beam pipeline."""

import dataclasses

import pytest

beam = pytest.importorskip("apache_beam", reason="the extra `beam` is not installed: pip install -e '.[beam]'")

from seqgpt_jax.data.prepare import shards  # noqa: E402
from seqgpt_jax.data.prepare.beam_runner import beam_runner  # noqa: E402
from seqgpt_jax.data.prepare.config import PrepareConfig  # noqa: E402
from seqgpt_jax.data.prepare.pipeline import prepare  # noqa: E402
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation  # noqa: E402
from tests.data.prepare.test_pipeline import assert_same_files  # noqa: E402
from tests.data.small_tasks import ENTITIES, TOPICS, small_tokenizer  # noqa: E402

SPECS = (ENTITIES, TOPICS)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_pipeline_makes_the_store_of_the_local_command(split, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(shards, "SHARD_INSTANCES", 16)
    config = PrepareConfig(mixture="small", tokenizer="-", split=split, quota=40, epochs=2, output_dir=str(tmp_path))
    local = prepare(ResolvedPreparation(config, SPECS, small_tokenizer()))
    elsewhere = dataclasses.replace(config, output_dir=str(tmp_path / "beam"))
    runner = beam_runner(["--runner=DirectRunner", "--direct_num_workers=1"])
    assert_same_files(local, prepare(ResolvedPreparation(elsewhere, SPECS, small_tokenizer()), runner=runner))


def test_an_error_in_the_pipeline_is_raised_here(tmp_path) -> None:
    def broken(job):
        raise ValueError("line 7 is no JSON")
        yield

    with pytest.raises(Exception, match="line 7 is no JSON"):
        beam_runner(["--runner=DirectRunner"])([1], broken, print)
