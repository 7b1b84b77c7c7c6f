import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from flax import nnx
from jax.sharding import AxisType

from seqgpt_jax import atomic
from seqgpt_jax.io import hf_checkpoint, model_folder
from seqgpt_jax.io.contract import ModelContract, write_contract
from seqgpt_jax.io.model_folder import LoadingError, load
from seqgpt_jax.io.tokenizer import TokenizerError, fingerprint
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create, params_of
from tests.models import peers
from tests.models.test_sharding import RULES

CONFIG = BloomConfig(vocab_size=peers.VOCAB, hidden_size=48, n_layer=2, n_head=6, dtype="bfloat16")


def _params(model) -> dict:
    return params_of(model)


def _checkpoint(folder, step: int, params: dict) -> None:
    with ocp.CheckpointManager(
        (folder / "checkpoints").absolute(), item_names=("params", "opt_state", "meta")
    ) as manager:
        items = ocp.args.Composite(
            params=ocp.args.StandardSave(params),
            opt_state=ocp.args.StandardSave({"count": np.zeros(())}),
            meta=ocp.args.JsonSave({"step": step}),
        )
        manager.save(step, args=items)


@pytest.fixture(scope="module")
def models() -> dict[int, nnx.Module]:
    return {10: create(CONFIG, seed=10), 20: create(CONFIG, seed=20)}


@pytest.fixture(scope="module")
def saved_run(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("runs") / "ft"
    folder.mkdir()
    model_folder.save_run_config(folder, CONFIG)
    peers.make_tokenizer().save_pretrained(str(folder / "tokenizer"))
    for step, model in models.items():
        _checkpoint(folder, step, _params(model))
    return folder


@pytest.fixture
def run(saved_run, tmp_path):
    return shutil.copytree(saved_run, tmp_path / "ft")


@pytest.fixture(scope="module")
def saved_peer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peer")
    peers.save_peer(folder, 6)
    peers.make_tokenizer().save_pretrained(str(folder))
    return folder


def _same(model, other) -> None:
    jax.tree.map(np.testing.assert_array_equal, _params(model), _params(other))


@pytest.mark.parametrize(("step", "loaded_step"), [(None, 20), (10, 10)])
def test_run(saved_run, models, step, loaded_step):
    loaded = load(saved_run, step=step)
    assert loaded.config == CONFIG
    _same(loaded.model, models[loaded_step])
    assert loaded.tokenizer.convert_tokens_to_ids(atomic.GEN) == loaded.tokenizer("[GEN]")["input_ids"][0]


def test_run_in_another_dtype(saved_run, models):
    loaded = load(str(saved_run), dtype="bfloat16")
    assert loaded.config.param_dtype == loaded.config.dtype == "bfloat16"
    found, expected = loaded.model.word_embeddings[...], models[20].word_embeddings[...]
    np.testing.assert_array_equal(found, expected.astype("bfloat16"))


def test_folders_onto_a_mesh(saved_run, saved_peer, models):
    mesh = jax.make_mesh((2, 2, 2), ("data", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3)
    of_run = load(saved_run, mesh=mesh, rules=RULES).model
    _same(of_run, models[20])
    of_peer = load(saved_peer, mesh=mesh, rules=RULES).model
    _same(of_peer, load(saved_peer).model)
    for model in (of_run, of_peer):
        assert model.word_embeddings[...].addressable_shards[0].data.shape == (128, 48)


def test_each_host_reads_what_its_own_devices_hold(saved_peer):
    """Two processes with four devices each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"""if True:
        import jax, pytest, sys
        jax.distributed.initialize("127.0.0.1:{port}", num_processes=2, process_id=int(sys.argv[1]))
        import numpy as np
        from seqgpt_jax.io.model_folder import load
        from seqgpt_jax.models.parameters import params_of
        from seqgpt_jax.models.sharding import ShardingRules
        from seqgpt_jax.training.partitioning import MeshConfig, make_mesh
        from tests.io import reading
        plain = load({str(saved_peer)!r})
        with pytest.MonkeyPatch.context() as patch:
            sizes = reading.count(patch)
            loaded = load({str(saved_peer)!r}, mesh=make_mesh(MeshConfig()), rules=ShardingRules())
        def compare(leaf, whole):
            for part in leaf.addressable_shards:
                np.testing.assert_array_equal(part.data, np.asarray(whole)[part.index])
        jax.tree.map(compare, *(params_of(one.model) for one in (loaded, plain)))
        print(sum(sizes) / loaded.config.num_params())
    """
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(number)], env=environment, stdout=subprocess.PIPE, text=True)
        for number in range(2)
    ]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outputs)
    for output in outputs:  # besides its half it reads biases, which these rules do not split
        assert 0.5 <= float(output.split()[-1]) < 0.52


def test_hugging_face_folder(saved_peer):
    tokens = np.random.default_rng(0).integers(4, peers.VOCAB, (2, 20))
    loaded = load(saved_peer)
    assert loaded.config.dtype == "float32"
    expected = peers.run_peer(peers.make_peer(6), tokens)
    np.testing.assert_allclose(peers.run_ours(loaded.model, tokens), expected, rtol=0, atol=1e-5)


def test_no_folder(tmp_path):
    with pytest.raises(LoadingError, match=r"no folder 'bigscience/bloomz-560m'.*import_hf"):
        load("bigscience/bloomz-560m")
    with pytest.raises(LoadingError, match=r"neither a run folder \(no model.json\) nor a Hugging Face folder"):
        load(tmp_path)


def test_no_such_step(saved_run, saved_peer):
    with pytest.raises(LoadingError, match="no checkpoint of step 15; there are 10, 20"):
        load(saved_run, step=15)
    with pytest.raises(LoadingError, match="leave out step=3"):
        load(saved_peer, step=3)


def test_no_checkpoint_yet(run):
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(LoadingError, match="holds no checkpoint yet"):
        load(run)
    assert not (run / "checkpoints").exists()
    (run / "checkpoints").mkdir()
    with pytest.raises(LoadingError, match="holds no checkpoint yet"):
        load(run)


def test_checkpoint_of_another_shape(run):
    model_folder.save_run_config(run, BloomConfig(vocab_size=600, hidden_size=48, n_layer=2, n_head=6))
    with pytest.raises(LoadingError, match=r"word_embeddings is \(512, 48\), the config says \(600, 48\)"):
        load(run)


def test_model_json_of_another_kind(run):
    (run / "model.json").write_text(json.dumps({"layers": 3}))
    with pytest.raises(LoadingError, match=r"model\.json does not describe a model.*layers"):
        load(run)


def test_tokenizer_without_gen(run):
    peers.make_tokenizer(gen=False).save_pretrained(str(run / "tokenizer"))
    with pytest.raises(TokenizerError, match=r"has no \[GEN\] token: `python -m seqgpt_jax.import_hf"):
        load(run)


def test_a_vocabulary_larger_than_the_table_is_refused_before_weights_are_read(tmp_path):
    tokenizer = peers.make_tokenizer()
    tokenizer.add_tokens([f"word{number}" for number in range(peers.VOCAB + 1 - len(tokenizer))])
    run, hugging_face = tmp_path / "run", tmp_path / "hf"
    tokenizer.save_pretrained(str(run / "tokenizer"))
    model_folder.save_run_config(run, CONFIG)
    tokenizer.save_pretrained(str(hugging_face))
    (hugging_face / "config.json").write_text(json.dumps(CONFIG.to_hf()))
    for folder in (run, hugging_face):  # neither has weights
        with pytest.raises(LoadingError, match="the tokenizer has 513 tokens, the model 512 rows"):
            load(folder)


def test_no_tokenizer(run):
    shutil.rmtree(run / "tokenizer")
    with pytest.raises(TokenizerError, match="no tokenizer could be loaded"):
        load(run)


def test_the_contract_comes_with_the_model_and_names_its_tokenizer(run):
    assert load(run).contract == ModelContract()  # an old run has none
    contract = ModelContract(template="english", tokenizer_fingerprint=fingerprint(load(run).tokenizer))
    write_contract(run, contract)
    assert load(run).contract == contract
    write_contract(run, dataclasses.replace(contract, tokenizer_fingerprint="0123456789abcdef"))
    with pytest.raises(LoadingError, match=r"(?s)not the one that the model was trained with.*remove tokenizer_finger"):
        load(run)


def test_a_hugging_face_folder_has_the_contract_it_was_given(run, tmp_path):
    loaded = load(run)
    contract = ModelContract(template="english", max_target_tokens=96, max_queries=3)
    tensors = hf_checkpoint.params_to_hf(_params(loaded.model), loaded.config, "float32")
    hf_checkpoint.save_folder(tmp_path / "out", loaded.config, tensors, loaded.tokenizer, contract=contract)
    again = load(tmp_path / "out").contract
    assert again == dataclasses.replace(contract, tokenizer_fingerprint=fingerprint(load(tmp_path / "out").tokenizer))
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert generation["max_new_tokens"] == 96
