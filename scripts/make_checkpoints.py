"""Makes test/fixtures/checkpoints: small files written by PyTorch itself, and expected.json, what PyTorch reads in them.

    python3 scripts/make_checkpoints.py

Made with torch 1.13.0, numpy 1.24. Values are whole numbers from a counter, so that files hardly change between runs.
"""

import argparse
import hashlib
import io
import json
import os
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
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


def record(name, path, tensors):
    EXPECTED[name] = {"path": path, "tensors": {key: describe(t) for key, t in tensors.items()}}


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
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), str(OUT / "torchscript.pt"))
    np.savez(OUT / "arrays.npz", w=np.arange(3.0))
    zip64("zip64.pth")
    (OUT / "expected.json").write_text(json.dumps({"torch": torch.__version__, "files": EXPECTED}, indent=1) + "\n")


if __name__ == "__main__":
    main()
