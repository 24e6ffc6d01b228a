"""Writes test/fixtures/tiny_features.json: what PyTorch computes with tiny_ssl.pth and tiny_sup.pth for a known input.

    python3 scripts/tiny/make_features.py
"""

import base64
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from train import TinyResNet

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures"
FORMULA = "x[i] = sin(0.37 * i) * 1.5 + 0.3 * sin(0.011 * i) over the flat NHWC index i, in float64, then cast to float32"
PREFIX = "module.encoder."


def known_input():
    i = np.arange(4 * 32 * 32 * 3, dtype=np.float64)
    x = (np.sin(0.37 * i) * 1.5 + 0.3 * np.sin(0.011 * i)).astype(np.float32)
    return torch.from_numpy(x).view(4, 32, 32, 3).permute(0, 3, 1, 2).contiguous()


@torch.no_grad()
def features(path):
    state = torch.load(path, map_location="cpu")["state_dict"]
    encoder = TinyResNet().eval()
    encoder.load_state_dict({k[len(PREFIX) :]: v for k, v in state.items() if k.startswith(PREFIX)})
    exact = encoder.double()(known_input().double())
    single = encoder.float()(known_input())
    print(path.name, "float32 against float64: largest difference", (exact - single).abs().max().item())
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "shape": list(single.shape),
        "float32_le_base64": base64.b64encode(single.numpy().astype("<f4").tobytes()).decode(),
    }


def main():
    torch.set_num_threads(1)
    out = {
        "made_by": f"scripts/tiny/make_features.py, torch {torch.__version__}, eval mode, float32",
        "input": {"shape": [4, 32, 32, 3], "layout": "NHWC, already normalised", "formula": FORMULA},
        "features": {name: features(FIXTURES / f"{name}.pth") for name in ("tiny_ssl", "tiny_sup")},
    }
    (FIXTURES / "tiny_features.json").write_text(json.dumps(out, indent=2) + "\n")


if __name__ == "__main__":
    main()
