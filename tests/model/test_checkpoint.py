"""A saved model is the model, and a damaged one is named instead of half believed."""

import json

import numpy as np
import pytest
import torch

from force_fields import VARIETY, random_rung, topology
from forceladder.errors import CorruptFileError
from forceladder.model.checkpoint import load_model, save_model


@pytest.fixture(scope="module")
def model():
    return random_rung(topology("CCO"), 8)


@pytest.fixture
def folder(tmp_path, model):
    save_model(model, tmp_path)
    return tmp_path


def test_loaded_model_is_the_saved_one_bit_for_bit(folder, model):
    again = load_model(folder)
    assert not again.training
    assert again.settings == json.loads(json.dumps(model.settings))
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
        assert again.state_dict()[name].dtype == value.dtype == torch.float64
    graph = topology(*VARIETY)
    with torch.no_grad():
        assert torch.equal(again(graph).charge, model(graph).charge)


def test_files_are_plain_json_and_plain_numpy(folder):
    assert {path.name for path in folder.iterdir()} == {"model.json", "weights.npz"}
    assert json.loads((folder / "model.json").read_text())["width"] == 16
    with np.load(folder / "weights.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype == np.float64 for name in archive.files)


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickled_weights_are_refused_and_never_run(folder, model):
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    trap = np.array([Trap(folder / "sprung")], dtype=object)
    np.savez(folder / "weights.npz", **{**weights, "encoder.embed.bias": trap})
    with pytest.raises(CorruptFileError, match="holds no readable model"):
        load_model(folder)
    assert not (folder / "sprung").exists()


def test_bare_pickle_is_refused_and_never_run(folder):
    import pickle

    (folder / "weights.npz").write_bytes(pickle.dumps(Trap(folder / "sprung")))
    with pytest.raises(CorruptFileError, match="holds no readable model"):
        load_model(folder)
    assert not (folder / "sprung").exists()


@pytest.mark.parametrize("name", ["model.json", "weights.npz"])
@pytest.mark.parametrize("part", [None, 0.0, 0.1, 0.5, 0.99])
def test_missing_or_cut_file_is_named(folder, name, part):
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if part is not None:
        path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(CorruptFileError, match="holds no readable model"):
        load_model(folder)


def test_flipped_bit_is_found_or_harmless(folder, model):
    """200 bits all over the file: the archive's checksums leave no wrong weight unseen."""
    path = folder / "weights.npz"
    content = path.read_bytes()
    random, found = np.random.default_rng(0), 0
    for place in random.integers(0, 8 * len(content), 200):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        try:
            again = load_model(folder).state_dict()
        except CorruptFileError:
            found += 1
        else:
            assert all(torch.equal(again[k], v) for k, v in model.state_dict().items())
    assert found > 150


@pytest.mark.parametrize(
    "change", [{"width": 8}, {"layers": 3}, {"torsion_orders": 2}, {"atom_features": ["is_C"]}]
)
def test_weights_of_other_settings_are_refused(folder, change):
    settings = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**settings, **change}))
    with pytest.raises(CorruptFileError, match="holds no readable model"):
        load_model(folder)


@pytest.mark.parametrize("settings", ["[]", "3", "null", '{"terms": []}', '{"terms": 5}'])
def test_settings_of_another_kind_are_refused(folder, settings):
    (folder / "model.json").write_text(settings)
    with pytest.raises(CorruptFileError, match="holds no readable model"):
        load_model(folder)


def test_missing_weight_is_refused(folder, model):
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    weights.pop("encoder.embed.bias")
    np.savez(folder / "weights.npz", **weights)
    with pytest.raises(CorruptFileError, match=r"encoder\.embed\.bias"):
        load_model(folder)
