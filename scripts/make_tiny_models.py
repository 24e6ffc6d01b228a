"""Makes test/fixtures/tiny_models.json: features that PyTorch gives for every kind of architecture, at sizes of a toy.

    python3 scripts/make_tiny_models.py

Made with torch 1.13.0, torchvision 0.14.1, scipy 1.10.1; torch 2.15 with torchvision 0.29 gives the same to 1e-6. Weights
and images come from the formula of test/support/formula.ts, so that the file holds only what is expected. Position
tables are resized by torch's own bicubic interpolation, BEiT's table by scipy's spline as its authors do.
"""

import base64
import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy.interpolate import RectBivariateSpline
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.resnet import Bottleneck, ResNet

SEED, IMAGES = 7, 2


def unit(key, n, seed=SEED):
    h = 0x811C9DC5
    for byte in key.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = np.arange(1, n + 1, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(h ^ seed)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**31 - 1


def rule(key, shape):
    """Offset and scale of a parameter; test/support/tiny-models.ts has the same table."""
    if key.endswith("running_var"):
        return 1, 0.5
    if key.endswith(("cls_token", "pos_embed", "_embedding", "bias_table", "quantiles")):
        return 0, 0.5
    if "gamma" in key or key == "scaling":
        return 0.8, 0.1
    if len(shape) == 1:
        return (1, 0.2) if key.endswith("weight") else (0, 0.2)
    fan_in = shape[0] if key.endswith("proj") else math.prod(shape[1:])
    return 0, math.sqrt(3 / fan_in)


def W(key, *shape):
    offset, scale = rule(key, shape)
    return torch.from_numpy((offset + scale * unit(key, math.prod(shape))).astype(np.float32)).reshape(shape)


def images(side):
    """Four octaves of blocks."""
    x = np.zeros((IMAGES, 3, side, side))
    for name, grid, weight in (("tone", 1, 1.3), ("coarse", 4, 1.0), ("mid", 16, 0.5), ("fine", side, 0.3)):
        u = unit(f"input/{name}", IMAGES * 3 * grid * grid).reshape(IMAGES, 3, grid, grid)
        at = np.arange(side) * grid // side
        x += weight * u[:, :, at][:, :, :, at]
    return torch.from_numpy(x.astype(np.float32))


def layer_norm(x, key, eps):
    return F.layer_norm(x, x.shape[-1:], W(f"{key}.weight", x.shape[-1]), W(f"{key}.bias", x.shape[-1]), eps)


def linear(x, key, out):
    return F.linear(x, W(f"{key}.weight", out, x.shape[-1]), W(f"{key}.bias", out))


# --- residual networks -------------------------------------------------------------------------------------------------


def conv_bn(x, conv, bn, out, kernel, stride=1, same=False):
    w = W(f"{conv}.weight", out, x.shape[1], kernel, kernel)
    if same:
        total = max(0, (math.ceil(x.shape[2] / stride) - 1) * stride + kernel - x.shape[2])
        x = F.conv2d(F.pad(x, (total // 2, total - total // 2) * 2), w, stride=stride)
    else:
        x = F.conv2d(x, w, stride=stride, padding=kernel // 2)
    stats = [W(f"{bn}.{name}", out) for name in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *stats, training=False, eps=1e-5)


def resnet(arch, size):
    width, same = arch["width"], arch.get("padding") == "same"
    x = F.relu(conv_bn(images(size), "conv1", "bn1", width, 7, 2, same))
    if same:
        total = max(0, (math.ceil(x.shape[2] / 2) - 1) * 2 + 3 - x.shape[2])
        x = F.max_pool2d(F.pad(x, (total // 2, total - total // 2) * 2), 3, 2)
    else:
        x = F.max_pool2d(x, 3, 2, 1)
    for stage, blocks in enumerate(arch["layers"]):
        planes = width * 2**stage
        for i in range(blocks):
            key, stride = f"layer{stage + 1}.{i}", 2 if i == 0 and stage > 0 else 1
            y = F.relu(conv_bn(x, f"{key}.conv1", f"{key}.bn1", planes, 1))
            y = F.relu(conv_bn(y, f"{key}.conv2", f"{key}.bn2", planes, 3, stride, same))
            y = conv_bn(y, f"{key}.conv3", f"{key}.bn3", 4 * planes, 1)
            x = F.relu(y + (conv_bn(x, f"{key}.downsample.0", f"{key}.downsample.1", 4 * planes, 1, stride) if i == 0 else x))
    if resizer := arch.get("resizer"):
        y = F.relu(conv_bn(x, "resizer.conv1", "resizer.bn1", 512, 1))
        y = F.relu(conv_bn(y, "resizer.conv2", "resizer.bn2", 512, 3))
        y = conv_bn(y, "resizer.conv3", "resizer.bn3", resizer["dim"], 1)
        x = F.relu(y + x.repeat(1, resizer["dim"] // x.shape[1], 1, 1) if resizer["residual"] else y)
    return {"avgpool": x.mean((2, 3)), "map": x.permute(0, 2, 3, 1)}


def load_formula(model, rename=lambda key: key):
    state = {}
    for key, value in model.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            state[key] = W(rename(key), *[n for n in value.shape if value.ndim < 3 or value.shape[1:] != (1, 1) or n > 1 or value.ndim == 4])
            state[key] = state[key].reshape(value.shape)
    model.load_state_dict(state, strict=False)
    return model.eval()


def torchvision_resnet(arch, size):
    model = ResNet(Bottleneck, arch["layers"], width_per_group=64 * arch.get("innerWidthFactor", 1))
    model.fc = nn.Identity()
    return {"avgpool": load_formula(model)(images(size))}


# --- transformers ------------------------------------------------------------------------------------------------------


def heads_of(x, heads):
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def timm_block(x, key, heads, bias=None, gamma=False, eps=1e-6):
    dim = x.shape[-1]
    y = layer_norm(x, f"{key}.norm1", eps)
    if bias is None:
        qkv_bias = W(f"{key}.attn.qkv.bias", 3 * dim)
    else:
        qkv_bias = torch.cat([W(f"{key}.attn.q_bias", dim), torch.zeros(dim), W(f"{key}.attn.v_bias", dim)])
    q, k, v = (heads_of(part, heads) for part in F.linear(y, W(f"{key}.attn.qkv.weight", 3 * dim, dim), qkv_bias).chunk(3, -1))
    logits = q @ k.transpose(-2, -1) * (dim // heads) ** -0.5
    y = ((logits if bias is None else logits + bias).softmax(-1) @ v).transpose(1, 2).flatten(2)
    y = linear(y, f"{key}.attn.proj", dim)
    x = x + (y * W(f"{key}.gamma_1", dim) if gamma else y)
    y = linear(F.gelu(linear(layer_norm(x, f"{key}.norm2", eps), f"{key}.mlp.fc1", 4 * dim)), f"{key}.mlp.fc2", dim)
    return x + (y * W(f"{key}.gamma_2", dim) if gamma else y)


def resized_positions(table, old, new, rule):
    """[1 + old^2, dim] by torch's bicubic; DINO adds 0.1 to the new side before it divides."""
    if old == new:
        return table
    grid = table[1:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
    scale = (new + 0.1) / old if rule == "dino" else new / old
    grid = F.interpolate(grid, scale_factor=scale, mode="bicubic", align_corners=False, recompute_scale_factor=False)
    assert grid.shape[-1] == new
    return torch.cat([table[:1], grid.permute(0, 2, 3, 1).flatten(0, 2)])


def representations(blocks, norm, proj=None):
    last = norm(blocks[-1])
    cls, avg = last[:, 0], last[:, 1:].mean(1)
    out = {"cls": cls, "avg": avg, "cls+avg": torch.cat([cls, avg], 1), "tokens": last[:, 1:]}
    out["3xcls"] = torch.cat([norm(x)[:, 0] for x in blocks[-3:]], 1)
    if proj is None:
        return out | {"cls+avg:interleaved": torch.stack([cls, avg], -1).flatten(1)}
    return out | {"proj": cls @ proj, "proj+cls": torch.cat([cls, cls @ proj], 1)}


def vit(arch, size):
    dim, patch = arch["width"], arch["patch"]
    x = F.conv2d(images(size), W("patch_embed.proj.weight", dim, 3, patch, patch), W("patch_embed.proj.bias", dim), patch)
    x = torch.cat([W("cls_token", 1, 1, dim).expand(IMAGES, 1, dim), x.flatten(2).transpose(1, 2)], 1)
    old = arch["size"] // patch
    x = x + resized_positions(W("pos_embed", 1, old**2 + 1, dim)[0], old, size // patch, arch.get("positionRule"))
    blocks = []
    for i in range(arch["depth"]):
        x = timm_block(x, f"blocks.{i}", arch["heads"])
        blocks.append(x)
    return representations(blocks, lambda x: layer_norm(x, "norm", 1e-6))


def resized_relative(table, old, new):
    """As BEiT's fine-tuning: old distances at geometrically growing steps, a bicubic spline read at whole distances."""
    src, dst = 2 * old - 1, 2 * new - 1
    if src == dst:
        return table
    left, right = 1.01, 1.5
    while right - left > 1e-6:
        q = (left + right) / 2
        if (1 - q ** (src // 2)) / (1 - q) > dst // 2:
            right = q
        else:
            left = q
    side, at = [], 1.0
    for i in range(src // 2):
        side.append(at)
        at += q ** (i + 1)
    places = np.array([-d for d in reversed(side)] + [0] + side)
    whole = np.clip(np.arange(-(dst // 2), dst // 2 + 1), places[0], places[-1])
    grids = table[:-3].numpy().astype(np.float64).T.reshape(-1, src, src)
    spread = np.stack([RectBivariateSpline(places, places, grid, s=0)(whole, whole) for grid in grids])
    return torch.cat([torch.from_numpy(spread.reshape(len(spread), -1).T.astype(np.float32)), table[-3:]])


def beit(arch, size):
    dim, patch, heads = arch["width"], arch["patch"], arch["heads"]
    old, grid = arch["size"] // patch, size // patch
    x = F.conv2d(images(size), W("patch_embed.proj.weight", dim, 3, patch, patch), W("patch_embed.proj.bias", dim), patch)
    x = torch.cat([W("cls_token", 1, 1, dim).expand(IMAGES, 1, dim), x.flatten(2).transpose(1, 2)], 1)
    y, z = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    places = torch.stack([y.flatten(), z.flatten()])
    delta = places[:, :, None] - places[:, None, :] + grid - 1
    index = torch.full((grid**2 + 1,) * 2, 0)
    index[1:, 1:] = delta[0] * (2 * grid - 1) + delta[1]
    n = (2 * grid - 1) ** 2
    index[0, :], index[:, 0], index[0, 0] = n, n + 1, n + 2
    blocks = []
    for i in range(arch["depth"]):
        table = W(f"blocks.{i}.attn.relative_position_bias_table", (2 * old - 1) ** 2 + 3, heads)
        bias = resized_relative(table, old, grid)[index].permute(2, 0, 1)[None]
        x = timm_block(x, f"blocks.{i}", heads, bias, gamma=True)
        blocks.append(x)
    return representations(blocks, lambda x: layer_norm(x, "norm", 1e-6))


def clip_vit(arch, size):
    dim, patch, heads = arch["width"], arch["patch"], arch["heads"]
    p = "clip." if arch.get("compressor") else ""
    act = F.gelu if arch["act"] == "gelu" else lambda x: x * torch.sigmoid(1.702 * x)
    x = F.conv2d(images(size), W(f"{p}conv1.weight", dim, 3, patch, patch), stride=patch)
    x = torch.cat([W(f"{p}class_embedding", dim).expand(IMAGES, 1, dim), x.flatten(2).transpose(1, 2)], 1)
    old = arch["size"] // patch
    x = x + resized_positions(W(f"{p}positional_embedding", old**2 + 1, dim), old, size // patch, None)
    x = layer_norm(x, f"{p}ln_pre", 1e-5)
    blocks = []
    for i in range(arch["depth"]):
        key = f"{p}transformer.resblocks.{i}"
        attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        names = {name: W(f"{key}.attn.{name}", *value.shape) for name, value in attention.state_dict().items()}
        attention.load_state_dict(names)
        y = layer_norm(x, f"{key}.ln_1", 1e-5)
        x = x + attention(y, y, y, need_weights=False)[0]
        x = x + linear(act(linear(layer_norm(x, f"{key}.ln_2", 1e-5), f"{key}.mlp.c_fc", arch["hidden"])), f"{key}.mlp.c_proj", dim)
        blocks.append(x)
    out = representations(blocks, lambda x: layer_norm(x, f"{p}ln_post", 1e-5), W(f"{p}proj", dim, arch["embedDim"]))
    if arch.get("compressor"):
        s, b = W("scaling", arch["embedDim"]), W("biasing", arch["embedDim"])
        median = W("entropy_bottleneck.quantiles", arch["embedDim"], 1, 3)[:, 0, 1]
        out["pred"] = (torch.round((out["proj"] + b) * s.exp() - median) + median) / s.exp() - b
    return out


def clip_resnet(arch, size):
    width = arch["width"]
    x = images(size)
    for i, (out, stride) in enumerate([(width // 2, 2), (width // 2, 1), (width, 1)], 1):
        x = F.relu(conv_bn(x, f"conv{i}", f"bn{i}", out, 3, stride))
    x = F.avg_pool2d(x, 2)
    for stage, blocks in enumerate(arch["layers"]):
        planes = width * 2**stage
        for i in range(blocks):
            key, stride = f"layer{stage + 1}.{i}", 2 if i == 0 and stage > 0 else 1
            y = F.relu(conv_bn(x, f"{key}.conv1", f"{key}.bn1", planes, 1))
            y = F.avg_pool2d(F.relu(conv_bn(y, f"{key}.conv2", f"{key}.bn2", planes, 3)), stride)
            y = conv_bn(y, f"{key}.conv3", f"{key}.bn3", 4 * planes, 1)
            short = conv_bn(F.avg_pool2d(x, stride), f"{key}.downsample.0", f"{key}.downsample.1", 4 * planes, 1) if i == 0 else x
            x = F.relu(y + short)
    dim = x.shape[1]
    tokens = x.flatten(2).permute(2, 0, 1)
    tokens = torch.cat([tokens.mean(0, keepdim=True), tokens])
    tokens = tokens + W("attnpool.positional_embedding", tokens.shape[0], dim)[:, None]
    weights = {name: W(f"attnpool.{name}_proj.weight", dim, dim) for name in "qkv"}
    bias = torch.cat([W(f"attnpool.{name}_proj.bias", dim) for name in "qkv"])
    pooled, _ = F.multi_head_attention_forward(
        tokens[:1], tokens, tokens, dim, dim // 64, None, bias, None, None, False, 0.0, torch.eye(dim), None, training=False,
        need_weights=False, use_separate_proj_weight=True,
        q_proj_weight=weights["q"], k_proj_weight=weights["k"], v_proj_weight=weights["v"],
    )  # fmt: skip
    return {"attnpool": pooled[0], "avgpool": x.mean((2, 3)), "map": x.permute(0, 2, 3, 1)}


# --- ConvNeXt ----------------------------------------------------------------------------------------------------------


def convnext(arch, size):
    """VICRegL's form: no layer scale, each position normed before the mean."""
    x = images(size)
    norm = lambda x, key: layer_norm(x.permute(0, 2, 3, 1), key, 1e-6).permute(0, 3, 1, 2)  # noqa: E731
    for stage, (depth, dim) in enumerate(zip(arch["depths"], arch["dims"])):
        key, kernel = f"downsample_layers.{stage}", 4 if stage == 0 else 2
        if stage > 0:
            x = norm(x, f"{key}.0")
        conv = f"{key}.{0 if stage == 0 else 1}"
        x = F.conv2d(x, W(f"{conv}.weight", dim, x.shape[1], kernel, kernel), W(f"{conv}.bias", dim), kernel)
        if stage == 0:
            x = norm(x, f"{key}.1")
        for i in range(depth):
            key = f"stages.{stage}.{i}"
            y = F.conv2d(x, W(f"{key}.dwconv.weight", dim, 1, 7, 7), W(f"{key}.dwconv.bias", dim), padding=3, groups=dim)
            y = layer_norm(y.permute(0, 2, 3, 1), f"{key}.norm", 1e-6)
            y = linear(F.gelu(linear(y, f"{key}.pwconv1", 4 * dim)), f"{key}.pwconv2", dim)
            x = x + y.permute(0, 3, 1, 2)
    x = norm(x, "norm")
    return {"avgpool": x.mean((2, 3)), "map": x.permute(0, 2, 3, 1)}


def torchvision_convnext(arch, size):
    """The supervised form, in torchvision's module and the authors' keys."""
    dims = arch["dims"] + [None]
    model = ConvNeXt([CNBlockConfig(dims[i], dims[i + 1], depth) for i, depth in enumerate(arch["depths"])])
    model.classifier[2] = nn.Identity()

    def rename(key):
        parts = key.split(".")
        if parts[0] == "classifier":
            return f"norm.{parts[-1]}"
        stage, rest = int(parts[1]), parts[2:]
        if stage % 2 == 0:
            return f"downsample_layers.{stage // 2}.{rest[0]}.{rest[1]}"
        names = {"0": "dwconv", "2": "norm", "3": "pwconv1", "5": "pwconv2"}
        block = f"stages.{stage // 2}.{rest[0]}"
        return f"{block}.gamma" if rest[1] == "layer_scale" else f"{block}.{names[rest[2]]}.{rest[3]}"

    return {"avgpool": load_formula(model, rename)(images(size))}


# --- cases -------------------------------------------------------------------------------------------------------------

STEM = {"kernel": 7, "stride": 2, "pool": True}
SMALL = {"kind": "resnet", "size": 64, "layers": [1, 2, 1, 1], "width": 8, "stem": STEM}
VIT = {"kind": "vit", "size": 32, "patch": 8, "width": 48, "depth": 4, "heads": 3}
CLIP = {"kind": "clip-vit", "size": 32, "patch": 8, "width": 48, "depth": 4, "heads": 3, "hidden": 192, "embedDim": 24}
CONVNEXT = {"kind": "convnext", "size": 64, "depths": [1, 1, 2, 1], "dims": [8, 16, 24, 32]}
CLIP_RESNET = {"kind": "clip-resnet", "size": 64, "layers": [1, 2, 1, 1], "width": 8}

# Name, reference, architecture, image size where it is another, representations where not all.
CASES = [
    ("resnet", resnet, SMALL),
    ("resnet at 96", resnet, SMALL, 96, ["avgpool"]),
    ("torchvision's wide resnet", torchvision_resnet, {**SMALL, "layers": [1, 1, 1, 1], "width": 64, "innerWidthFactor": 2}),
    ("resnet padded as TensorFlow does", resnet, {**SMALL, "padding": "same"}, None, ["avgpool"]),
    ("resnet resized up", resnet, {**SMALL, "resizer": {"dim": 512, "residual": True}}, None, ["avgpool"]),
    ("resnet resized down", resnet, {**SMALL, "resizer": {"dim": 96, "residual": False}}, None, ["avgpool"]),
    ("vit", vit, VIT),
    ("vit of many heads", vit, {**VIT, "heads": 6}, None, ["cls"]),
    ("vit enlarged", vit, VIT, 56, ["cls", "tokens"]),
    ("vit shrunk", vit, VIT, 24, ["cls"]),
    ("vit enlarged by DINO's rule", vit, {**VIT, "positionRule": "dino"}, 56, ["cls"]),
    ("beit", beit, {**VIT, "kind": "beit"}),
    ("beit enlarged", beit, {**VIT, "kind": "beit"}, 48, ["cls"]),
    ("beit shrunk", beit, {**VIT, "kind": "beit"}, 24, ["cls"]),
    ("clip vit", clip_vit, {**CLIP, "act": "quick_gelu"}),
    ("openclip vit", clip_vit, {**CLIP, "act": "gelu"}, None, ["cls", "proj"]),
    ("clip vit enlarged", clip_vit, {**CLIP, "act": "quick_gelu"}, 48, ["proj"]),
    ("lossyless", clip_vit, {**CLIP, "act": "quick_gelu", "compressor": True}, None, ["pred", "cls"]),
    ("clip resnet", clip_resnet, CLIP_RESNET),
    ("torchvision's convnext", torchvision_convnext, {**CONVNEXT, "layerScale": True, "poolFirst": True}),
    ("convnext normed before the pool", convnext, {**CONVNEXT, "layerScale": False, "poolFirst": False}),
    ("convnext at 96", convnext, {**CONVNEXT, "layerScale": False, "poolFirst": False}, 96, ["avgpool"]),
]  # fmt: skip


def main():
    out = []
    for name, reference, arch, size, wanted in (case + (None,) * (5 - len(case)) for case in CASES):
        with torch.no_grad():
            features = reference(arch, size or arch["size"])
        encoded = {
            key: base64.b64encode(value.flatten(1).numpy().astype("<f4").tobytes()).decode()
            for key, value in features.items()
            if wanted is None or key in wanted
        }
        out.append({"name": name, "arch": arch, "imageSize": size or arch["size"], "features": encoded})
    path = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "tiny_models.json"
    text = ",\n".join(json.dumps(case) for case in out)
    path.write_text(f'{{"torch": "{torch.__version__}", "seed": {SEED}, "images": {IMAGES}, "cases": [\n{text}\n]}}\n')
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
