"""Makes test/fixtures/checkpoints: small files written by PyTorch itself, and expected.json, what PyTorch reads in them.

    pip install safetensors==0.4.5 dill
    python3 scripts/make_checkpoints.py

Made with torch 1.13.0, numpy 1.24, safetensors 0.4.5, dill 0.4. Values are whole numbers from a counter, so that files hardly change between runs.
"""

import argparse
import collections
import hashlib
import io
import json
import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import List

import dill
import numpy as np
import safetensors
import torch
from torch import nn

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "checkpoints"
EXPECTED = {}


def ramp(*shape, dtype=torch.float32):
    n = int(np.prod(shape))
    return ((torch.arange(n, dtype=torch.float64) * 37 % 101 - 50) / 16).reshape(shape).to(dtype)


def describe(t):
    values = t.detach().float().contiguous().numpy().astype("<f4")
    return {
        "dtype": str(t.dtype).removeprefix("torch."),
        "shape": list(t.shape),
        "sha256Float32": hashlib.sha256(values.tobytes()).hexdigest(),
    }


def describe_array(a):
    return {
        "dtype": a.dtype.name,
        "shape": list(a.shape),
        "sha256Float32": hashlib.sha256(a.astype("<f4").tobytes("C")).hexdigest(),
    }


def record(name, path, tensors):
    described = {key: (describe if isinstance(t, torch.Tensor) else describe_array)(t) for key, t in tensors.items()}
    EXPECTED[name] = {"path": path, "tensors": described}


def views():
    base, cube, tied = ramp(6, 8), ramp(2, 3, 4), ramp(5, 4)
    return OrderedDict(
        [
            ("base", base),
            ("base.rows", base[2:4]),
            ("base.t", base.t()),
            ("base.columns", base[:, 1::2]),
            ("base.row", base[3]),
            ("tied.a", tied),
            ("tied.b", tied),
            ("cube.permuted", cube.permute(2, 0, 1)),
            ("expanded", ramp(1, 4).expand(3, 4)),
            ("windows", ramp(8).as_strided((4, 5), (1, 1))),
            ("channels_last", ramp(4, 3, 2, 2).to(memory_format=torch.channels_last)),
            ("half", torch.tensor([0.0, -0.0, 6e-8, 6.1e-5, 65504.0, float("inf"), -float("inf"), 1 / 3]).half()),
            ("bfloat16.t", ramp(2, 5).bfloat16().t()),
            ("float64", ramp(3, 5).double() * (1 + 2.0**-40) / 3),
            # Beyond 2**53 a detour by float64 rounds twice: these fall on its ties.
            ("int64", torch.tensor([1, -2, 2**40 + 1, -(2**53) - 1, 2**62 + 2**38 + 1, -(2**62) - 2**38 - 1, 2**63 - 1])),
            ("int32", torch.tensor([-(2**31), 2**31 - 1, 16777217], dtype=torch.int32)),
            ("int16", torch.tensor([-32768, 32767], dtype=torch.int16)),
            ("int8", torch.tensor([-128, 127], dtype=torch.int8)),
            ("uint8", torch.tensor([0, 255], dtype=torch.uint8)),
            ("bool", torch.tensor([True, False, True])),
            ("scalar", torch.tensor(0.25)),
            ("empty", torch.zeros(0, 3)),
            ("parameter", nn.Parameter(ramp(3, 2))),
        ]
    )


def side_data():
    return {
        "tuple": (1, 2),
        "set": {"x", "y"},
        "bytes": b"\x00\xff",
        "none": None,
        "big": 2**70,
        "size": torch.Size([2, 3]),
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "args": argparse.Namespace(arch="resnet50", lr=0.03, schedule=[120, 160]),
        "defaultdict": defaultdict(list, losses=[1.5, 2.5]),
        "loss": np.float64(1.5),
        "meter": np.arange(3.0),
    }


def net():
    model = nn.Sequential(OrderedDict(conv1=nn.Conv2d(3, 4, 3, bias=False), bn1=nn.BatchNorm2d(4), fc=nn.Linear(4, 2)))
    for p in model.state_dict().values():
        p.copy_(ramp(*p.shape) if p.dim() else torch.tensor(7))
    return model


def save_training(name, **options):
    """As training scripts save: wrapped, with optimizer and arguments, and the state dict's _metadata."""
    model = nn.DataParallel(net())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    optimizer.state[next(model.parameters())]["momentum_buffer"] = ramp(4, 3, 3, 3)
    state = model.state_dict()
    torch.save({"epoch": 3, "state_dict": state, "optimizer": optimizer.state_dict(), **side_data()}, OUT / name, **options)
    record(name, ["state_dict"], state)


def save_views(name, **options):
    tensors = views()
    torch.save({"model": tensors, "meta": side_data()}, OUT / name, **options)
    record(name, ["model"], tensors)


def big_endian(name):
    """A zip as a big-endian machine writes it since torch 2.1: the bytes of each element turned, and a note of it."""
    tensors = {"float32": ramp(3, 4), "int16": ramp(5, dtype=torch.int16), "float64": ramp(2, 2, dtype=torch.float64)}
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    sizes = [4, 2, 8]
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(OUT / name, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            if "/data/" in member:
                size = sizes[int(member.split("/")[-1])]
                data = np.frombuffer(data, f"V{size}").view(np.uint8).reshape(-1, size)[:, ::-1].tobytes()
            new.writestr(member, data)
        new.writestr("archive/byteorder", "big")
    record(name, [], tensors)


def zip64(name):
    """Every field of the zip that can be in ZIP64 form is: as for files over 4 GiB."""
    tensors = {"w": ramp(3, 4)}
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    zipfile.ZIP64_LIMIT = zipfile.ZIP_FILECOUNT_LIMIT = -1
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(OUT / name, "w") as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
    # Python still writes what fits into the old end record; large archives have all ones there.
    data = (OUT / name).read_bytes()
    (OUT / name).write_bytes(data[:-14] + b"\xff" * 12 + data[-2:])
    record(name, [], tensors)


class Evil:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def hostile():
    """Files that run a command when PyTorch loads them, in four places; they do no harm but leave a file behind."""
    evil = Evil(os.system, ("touch ssl-hub-was-here",))
    torch.save({"state_dict": {"w": ramp(2, 2)}, "hook": evil}, OUT / "evil-beside.pth")
    torch.save({"state_dict": {"w": ramp(2, 2), "evil": evil}}, OUT / "evil-inside.pth")
    torch.save({"state_dict": Evil(eval, ("{}",)), "other": ramp(2)}, OUT / "evil-path.pth")
    torch.save(evil, OUT / "evil-top-legacy.pth", _use_new_zipfile_serialization=False)


class Block(nn.Module):
    """Attributes of every kind beside the weights."""

    scales: List[float]
    sizes: List[int]

    def __init__(self):
        super().__init__()
        self.net = net()
        self.proj = nn.Parameter(ramp(4, 3).half())
        self.scales, self.sizes, self.label, self.rate = [0.5, 2.0], [3, 4], "block", 0.1
        self.register_buffer("input_resolution", torch.tensor(224))

    def forward(self, x):
        return self.net.conv1(x) * self.scales[0]


def torchscript(name):
    block = Block().eval()
    torch.jit.save(torch.jit.script(block), str(OUT / name))
    record(name, [], block.state_dict())


# float8 values as torch 2.15 casts them to float32: all patterns that are numbers, in order.
FLOAT8 = {
    "float8_e4m3fn": ([b for b in range(256) if b & 127 != 127], "f275e267d1b70f2c583fa6b5c47be61348a1aa22f7aa676cc5a0fb66798646a5"),
    "float8_e5m2": ([b for b in range(256) if b & 127 <= 124], "57efec4fe37066568dbeebe9133167e7145d3444b34fdc0064fc4da33f4f1b2b"),
}


def safetensors_file(name):
    tensors = {key: t.detach().contiguous() for key, t in views().items()}
    arrays = {dtype: np.array([0, 1, 255, np.iinfo(dtype).max], dtype) for dtype in ("uint16", "uint32", "uint64")}

    def raw(t):
        return t.view(torch.int16).numpy() if t.dtype == torch.bfloat16 else t.numpy()

    entries = {k: {"dtype": str(t.dtype)[6:], "shape": list(t.shape), "data": raw(t).tobytes()} for k, t in tensors.items()}
    entries |= {k: {"dtype": k, "shape": list(a.shape), "data": a.tobytes()} for k, a in arrays.items()}
    entries |= {k: {"dtype": k, "shape": [len(bits)], "data": bytes(bits)} for k, (bits, _) in FLOAT8.items()}
    (OUT / name).write_bytes(safetensors.serialize(entries, {"format": "pt"}))
    record(name, [], tensors | arrays)
    for dtype, (bits, digest) in FLOAT8.items():
        EXPECTED[name]["tensors"][dtype] = {"dtype": dtype, "shape": [len(bits)], "sha256Float32": digest}


def arrays():
    cube = ramp(2, 3, 4).numpy()
    return {
        "embedding/kernel": cube,
        "embedding/bias": ramp(3).numpy(),
        "fortran": np.asfortranarray(cube),
        "columns": ramp(4, 6).numpy()[:, ::2],
        "big_endian": ramp(2, 3).numpy().astype(">f4"),
        "big_endian_long": np.array([-1, 2**40], ">i8"),
        "half": ramp(5).numpy().astype("<f2"),
        "double": ramp(3, 2).numpy().astype("<f8") / 3,
        "scalar": np.array(0.25, "<f4"),
        "empty": np.zeros((0, 3), "<f4"),
        "bool": np.array([True, False]),
        # Long enough not to be taken for a name, and of all byte values.
        "long": np.arange(-300, 300, dtype="<i2").reshape(20, 30),
        **{kind: np.array([0, 1, 100], kind) for kind in ("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64")},
    }


def npz():
    numbers = arrays()
    others = {"objects": np.array([{"a": 1}, None], object), "record": np.zeros(2, [("a", "<f4"), ("b", "<i2")]), "text": np.array(["ab"])}
    np.savez(OUT / "arrays.npz", **numbers, **others)
    np.savez_compressed(OUT / "arrays-deflated.npz", **numbers, **others)
    record("arrays.npz", [], numbers)
    record("arrays-deflated.npz", [], numbers)
    with zipfile.ZipFile(OUT / "versions.npz", "w") as file:
        for version in (1, 2, 3):
            with file.open(f"v{version}.npy", "w") as member:
                np.lib.format.write_array(member, numbers["fortran"], (version, 0))
    record("versions.npz", [], {f"v{version}": numbers["fortran"] for version in (1, 2, 3)})


class Mapping(collections.abc.Mapping):
    """Haiku's immutable dict, as it reduces itself."""

    def __init__(self, *args):
        self._storage = dict(*args)

    def __getitem__(self, key):
        return self._storage[key]

    def __iter__(self):
        return iter(self._storage)

    def __len__(self):
        return len(self._storage)

    def __reduce__(self):
        return Mapping, (self._storage,)


def haiku():
    """As BYOL saved: dill of protocol 2, a named tuple of Haiku's mappings; and plain dicts by pickle, newer protocols."""
    for name in ("haiku", "haiku._src", "haiku._src.data_structures"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["haiku"]._src = sys.modules["haiku._src"]
    sys.modules["haiku._src"].data_structures = sys.modules["haiku._src.data_structures"]
    Mapping.__module__, Mapping.__qualname__, Mapping.__name__ = "haiku._src.data_structures", "frozendict", "frozendict"
    sys.modules["haiku._src.data_structures"].frozendict = Mapping
    values = arrays()
    side = {"step": 7, "loss": np.float32(0.5), "objects": np.array([{"a": 1}], object)}
    State = collections.namedtuple("State", ["online_params", "opt_state"], module="byol.experiment")
    state = State(Mapping({"net/~/conv": Mapping(values)}), Mapping())
    with open(OUT / "haiku.pkl", "wb") as file:
        dill.dump({"experiment_state": state, **side}, file, protocol=2)
    record("haiku.pkl", ["experiment_state", "online_params", "net/~/conv"], values)
    for protocol in (2, 3, 4, 5):
        name = f"arrays-protocol{protocol}.pkl"
        with open(OUT / name, "wb") as file:
            pickle.dump({"params": OrderedDict(values), **side}, file, protocol=protocol)
        record(name, ["params"], values)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    save_training("training-zip.pth")
    save_training("training-legacy.pth", _use_new_zipfile_serialization=False)
    save_views("views-zip.pth")
    save_views("views-legacy.pth", _use_new_zipfile_serialization=False)
    save_views("views-protocol4.pth", pickle_protocol=4)
    save_views("views-legacy-protocol5.pth", _use_new_zipfile_serialization=False, pickle_protocol=5)
    big_endian("big-endian.pth")
    hostile()
    # The legacy form would put torch's source text into the file.
    torch.serialization.get_source_lines_and_file = lambda _: (None, None, None)
    torch.save(net(), OUT / "whole-model.pth")
    torch.save(net(), OUT / "whole-model-legacy.pth", _use_new_zipfile_serialization=False)
    with open(OUT / "plain.pkl", "wb") as file:
        pickle.dump({"w": [1.0, 2.0]}, file, protocol=2)
    torchscript("torchscript.pt")
    safetensors_file("tensors.safetensors")
    npz()
    haiku()
    zip64("zip64.pth")
    (OUT / "expected.json").write_text(json.dumps({"torch": torch.__version__, "files": EXPECTED}, indent=1) + "\n")


if __name__ == "__main__":
    main()
