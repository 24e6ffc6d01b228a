"""Makes test/fixtures/images/augment.json: what PIL and torchvision make of small images, by operation and by pipeline.

    python3 scripts/make_augment.py

Needs Pillow 9.4, torch 1.13 and torchvision 0.14 (Debian bookworm's python3-torchvision). The pipelines are torchvision's own
classes; only what they draw comes from our generator, so that whole pipelines can be compared to the byte.
"""
import hashlib
import json
import os
import random

import numpy as np
import torch
from PIL import Image, ImageFilter
from torchvision import transforms as T
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import _apply_op

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "fixtures", "images")
MASK = 0xFFFFFFFF


class Rng:
    """src/core/rng.ts: sfc32, seeded by FNV-1a."""

    def __init__(self, seed, stream):
        words = []
        for lane in range(3):
            h = 0x811C9DC5 ^ lane
            for byte in f"{seed}/{lane}/{stream}".encode():
                h = ((h ^ byte) * 0x01000193) & MASK
            words.append(h)
        self.state = [*words, 1]
        for _ in range(15):
            self.next()

    def next(self):
        a, b, c, counter = self.state
        t = (a + b + counter) & MASK
        c2 = (((c << 21) | (c >> 11)) + t) & MASK
        self.state = [b ^ (b >> 9), (c + (c << 3)) & MASK, c2, (counter + 1) & MASK]
        return t

    def uniform(self):
        return self.next() / 2**32

    def integer(self, n):
        limit = 2**32 - 2**32 % n
        while True:
            x = self.next()
            if x < limit:
                return x % n

    def permutation(self, n):
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.integer(i + 1)
            order[i], order[j] = order[j], order[i]
        return order


class Drawing:
    """While it is entered, torch and random draw from our generator."""

    def __init__(self, rng):
        f4 = np.float32

        def uniform_(tensor, low=0.0, high=1.0):
            low, high = f4(float(low)), f4(float(high))
            return tensor.fill_(float(f4(f4(rng.uniform() * float(high - low)) + low)))

        def randint(low, high=None, size=None, **_):
            if high is None or isinstance(high, tuple):
                low, high = 0, low
            return torch.tensor([low + rng.integer(high - low)])

        self.new = {
            (torch.Tensor, "uniform_"): uniform_,
            (torch, "randint"): randint,
            (torch, "rand"): lambda *_: torch.tensor([rng.uniform()], dtype=torch.float64),
            (torch, "randperm"): lambda n: torch.tensor(rng.permutation(n)),
            (random, "uniform"): lambda low, high: uniform_(torch.empty(1), low, high).item(),
        }

    def __enter__(self):
        self.old = {at: getattr(*at) for at in self.new}
        for at, function in self.new.items():
            setattr(*at, function)

    def __exit__(self, *_):
        for at, function in self.old.items():
            setattr(*at, function)


class PILBlur:
    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2)))


MODES = {"bilinear": T.InterpolationMode.BILINEAR, "bicubic": T.InterpolationMode.BICUBIC}


def rrc(least, mode="bilinear", size=224):
    return T.RandomResizedCrop(size, (least, 1), interpolation=MODES[mode])


def cj(b, c, s, h, p=0.8):
    return T.RandomApply([T.ColorJitter(b, c, s, h)], p)


def blur(p):
    return T.RandomApply([PILBlur()], p)


flip = T.RandomHorizontalFlip()
gray = T.RandomGrayscale
solar = T.RandomApply([T.Lambda(lambda x: F.solarize(x, 128))], 0.2)
turn = T.RandomRotation(2)
resize = T.Resize

IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SWAV = [0.485, 0.456, 0.406], [0.228, 0.224, 0.225]
CLIP = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
HALF = [0.5] * 3, [0.5] * 3
CIFAR = [0.4914, 0.4822, 0.4465], [0.247, 0.2435, 0.2616]

BYOL = cj(0.4, 0.4, 0.2, 0.1)
MOCO = cj(0.4, 0.4, 0.4, 0.1)
SIMCLR = cj(0.8, 0.8, 0.8, 0.2)

# One name of each pipeline.
PIPELINES = {
    "byol_rn50_augCrop": [rrc(0.08)],
    "byol_rn50_augCropBlur": [rrc(0.08), blur(0.1)],
    "byol_rn50_augCropColor": [rrc(0.08), BYOL],
    "byol_rn50_augNocolor": [rrc(0.08), flip, gray(0.2), blur(0.1), solar],
    "byol_rn50_augNogray": [rrc(0.08), flip, BYOL, blur(0.1), solar],
    "byol_rn50_bs4096": [rrc(0.08), flip, BYOL, gray(0.2), blur(0.1), solar],
    "barlow_rn50": [rrc(0.08), flip, MOCO, gray(0.2), blur(0.1), solar],
    "mocov2_rn50_vissl": [rrc(0.08), MOCO, gray(0.2), blur(0.1), flip],
    "rotnet_rn50_in1k": [rrc(0.08), flip],
    "simclr_rn50": [rrc(0.08), flip, SIMCLR, gray(0.2), blur(0.5)],
    "jigsaw_rn50": [resize(256), flip, T.RandomCrop(255), gray(0.66)],
    "clusterfit_rn50": [rrc(0.08), T.ColorJitter(0.4, 0.4, 0.4, 0.2), flip],
    "npid_rn50": [T.ColorJitter(0.4, 0.4, 0.4, 0.4), rrc(0.08), flip],
    "pirl_rn50": [rrc(0.08), T.ColorJitter(0.4, 0.4, 0.4, 0.2), gray(0.2), flip],
    "vicreg_rn50": [rrc(0.14, "bicubic"), flip, BYOL, gray(0.2), blur(0.1), solar],
    "vicregl_convnexts_alpha09": [flip, rrc(0.4, "bicubic"), BYOL, gray(0.2), blur(0.1), solar],
    "swav_rn50": [rrc(0.14), flip, SIMCLR, gray(0.2), blur(0.5), SWAV],
    "mocov2_rn50_ep800": [rrc(0.2), MOCO, gray(0.2), blur(0.5), flip],
    "dissl_resnet50_dNone_e400_m6": [rrc(0.14), flip, SIMCLR, gray(0.2), blur(0.5)],
    "speccl_resnet50_bs384_ep100": [rrc(0.2, "bicubic"), flip, MOCO, gray(0.2), blur(0.5)],

    "clip_rn50": [rrc(0.9, "bicubic"), CLIP],
    "clip_rn50x4": [rrc(0.9, "bicubic", 288), CLIP],
    "clip_rn50x16": [rrc(0.9, "bicubic", 384), CLIP],
    "clip_rn50x64": [rrc(0.9, "bicubic", 448), CLIP],
    "clip_vitL14_px336": [rrc(0.9, "bicubic", 336), CLIP],
    "openclip_vitL14": [rrc(0.9, "bicubic"), HALF],
    "dino_vitS16": [rrc(0.25, "bicubic"), flip, BYOL, gray(0.2), blur(0.1), solar],
    "mae_vitB16": [rrc(0.2, "bicubic"), flip],
    "msn_vits16_ep800": [rrc(0.3), flip, SIMCLR, gray(0.2), blur(0.5)],
    "mocov3_vitS_ep300": [rrc(0.08), BYOL, gray(0.2), blur(0.1), solar, flip],
    "mocov1_rn50_ep200": [rrc(0.2), gray(0.2), T.ColorJitter(0.4, 0.4, 0.4, 0.4), flip],
    "infomin_rn50_800ep": [rrc(0.08), flip, SIMCLR, blur(0.5), T.RandAugment(2, 10), gray(0.2)],
    "relativeloc_rn50_70ep_mmselfsup": [resize(292), T.RandomCrop(255), gray(0.66)],
    "odc_rn50_440ep_mmselfsup": [rrc(0.08), flip, turn, T.ColorJitter(0.4, 0.4, 1.0, 0.5), gray(0.2)],
    "simclr_rn50_bs256_ep200_mmselfsup": [rrc(0.08), flip, turn, T.ColorJitter(0.8, 0.8, 0.8, 0.2), gray(0.2), blur(0.5)],
    "beit_vitB16_pt22k": [T.ColorJitter(0.4, 0.4, 0.4), flip, rrc(0.08, "bicubic"), HALF],
    "beitv2_vitB16_pt1k": [T.ColorJitter(0.4, 0.4, 0.4), flip, rrc(0.08, "bicubic")],
    "tiny_ssl": [rrc(0.2, size=32), flip, MOCO, gray(0.2), CIFAR],
    "tiny_sup": [rrc(0.5, size=32), flip, cj(0.16, 0.16, 0.16, 0.04), CIFAR],
}


def compose(steps):
    norm = steps[-1] if isinstance(steps[-1], tuple) else IMAGENET
    return T.Compose([*[s for s in steps if not isinstance(s, tuple)], T.ToTensor(), T.Normalize(*norm)])


def digest(data):
    return hashlib.sha256(bytes(data)).hexdigest()[:16]


INPUT = "png-rgb.png"
SEEDS = [0, 1, 2]


def pipelines(image):
    for name, steps in PIPELINES.items():
        transform = compose(steps)
        hashes = []
        for seed in SEEDS:
            with Drawing(Rng(seed, "augment/0")):
                x = transform(image)
            hashes.append(digest(x.permute(1, 2, 0).contiguous().numpy().tobytes()))
        yield {"name": name, "shape": list(x.permute(1, 2, 0).shape), "sha256": hashes}


def jitter(x, p):
    adjust = {"brightness": F.adjust_brightness, "contrast": F.adjust_contrast, "saturation": F.adjust_saturation, "hue": F.adjust_hue}
    for name in p["order"]:
        x = adjust[name](x, p[name])
    return x


RUN = {
    "resized_crop": lambda x, p: F.resized_crop(x, p["i"], p["j"], p["h"], p["w"], [p["size"]] * 2, MODES[p["interpolation"]]),
    "crop": lambda x, p: F.crop(x, p["i"], p["j"], p["size"], p["size"]),
    "hflip": lambda x, p: F.hflip(x),
    "grayscale3": lambda x, p: F.rgb_to_grayscale(x, 3),
    "brightness": lambda x, p: F.adjust_brightness(x, p["factor"]),
    "contrast": lambda x, p: F.adjust_contrast(x, p["factor"]),
    "saturation": lambda x, p: F.adjust_saturation(x, p["factor"]),
    "hue": lambda x, p: F.adjust_hue(x, p["factor"]),
    "sharpness": lambda x, p: F.adjust_sharpness(x, p["factor"]),
    "pil_gaussian_blur": lambda x, p: x.filter(ImageFilter.GaussianBlur(p["radius"])),
    "tv_gaussian_blur": lambda x, p: F.gaussian_blur(x, [p["kernel"]] * 2, [p["sigma"]] * 2),
    "solarize": lambda x, p: F.solarize(x, p["threshold"]),
    "posterize": lambda x, p: F.posterize(x, p["bits"]),
    "invert": lambda x, p: F.invert(x),
    "autocontrast": lambda x, p: F.autocontrast(x),
    "equalize": lambda x, p: F.equalize(x),
    "rotate": lambda x, p: F.rotate(x, p["angle"]),
    "shear_x": lambda x, p: _apply_op(x, "ShearX", p["magnitude"], T.InterpolationMode.NEAREST, None),
    "shear_y": lambda x, p: _apply_op(x, "ShearY", p["magnitude"], T.InterpolationMode.NEAREST, None),
    "translate_x": lambda x, p: _apply_op(x, "TranslateX", p["magnitude"], T.InterpolationMode.NEAREST, None),
    "translate_y": lambda x, p: _apply_op(x, "TranslateY", p["magnitude"], T.InterpolationMode.NEAREST, None),
    "color_jitter": jitter,
}

FACTORS = [{"factor": f} for f in (0, 0.3, 0.6, 1, 1.2, 1.7, 2.5)]
MAGNITUDES = [{"magnitude": m} for m in (-0.3, 0.1, 0.25, 5.9, -12.3)]
PARAMS = {
    "resized_crop": [
        {"i": i, "j": j, "h": h, "w": w, "size": size, "interpolation": mode}
        for i, j, h, w, size in [(0, 0, 29, 37, 24), (3, 5, 20, 11, 32), (28, 36, 1, 1, 5)]
        for mode in MODES
    ],
    "crop": [{"i": 3, "j": 5, "size": 20}],
    **{op: [{}] for op in ("hflip", "grayscale3", "invert", "autocontrast", "equalize")},
    **{op: FACTORS for op in ("brightness", "contrast", "saturation", "sharpness")},
    "hue": [{"factor": f} for f in (-0.5, -0.13, 0, 0.07, 0.2, 0.5)],
    "pil_gaussian_blur": [{"radius": r} for r in (0.1, 0.4, 0.77, 1, 1.3, 2, 5.5)],
    "solarize": [{"threshold": t} for t in (0, 100.5, 128, 256)],
    "posterize": [{"bits": b} for b in (1, 3, 4, 7, 8)],
    "rotate": [{"angle": a} for a in (-370, -2, -0.01, 0, 0.5, 10, 45.5, 90, 180, 270)],
    **{op: MAGNITUDES for op in ("shear_x", "shear_y", "translate_x", "translate_y")},
    "color_jitter": [
        {"order": ["hue", "contrast", "brightness", "saturation"], "brightness": 1.2, "contrast": 0.7, "saturation": 1.6, "hue": -0.15}
    ],
}


def noise(w, h):
    """Bytes of a linear congruence."""
    state, out = w * 1000 + h, bytearray()
    for _ in range(w * h * 3):
        state = (state * 1664525 + 1013904223) & MASK
        out.append(state >> 24)
    return Image.frombytes("RGB", (w, h), bytes(out))


SIZES = [(37, 29), (24, 24), (2, 3), (1, 1)]


def operations():
    for w, h in SIZES:
        image = noise(w, h)
        for op, all_params in PARAMS.items():
            for params in all_params:
                if op in ("resized_crop", "crop") and (w, h) != SIZES[0]:
                    continue
                out = RUN[op](image, params)
                yield {"op": op, "params": params, "input": [w, h], "size": list(out.size), "sha256": digest(out.tobytes())}


def kernel_blurs():
    for w, h, kernel, sigma in [(9, 7, 3, 0.5), (9, 7, 5, 1.5), (7, 12, 13, 2.0)]:
        params = {"kernel": kernel, "sigma": sigma}
        out = RUN["tv_gaussian_blur"](noise(w, h), params)
        yield {"params": params, "input": [w, h], "data": out.tobytes().hex()}


def main():
    with Image.open(os.path.join(HERE, INPUT)) as im:
        image = im.convert("RGB")
    made = {
        "operations": list(operations()),
        "kernel_blurs": list(kernel_blurs()),
        "pipelines": {"input": INPUT, "seeds": SEEDS, "cases": list(pipelines(image))},
    }
    with open(os.path.join(HERE, "augment.json"), "w") as f:
        f.write(listed(made))
    print(len(made["operations"]), "operations,", len(PIPELINES), "pipelines")


def listed(made):
    """JSON with one case a line."""

    def rows(cases):
        return "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]"

    p = made["pipelines"]
    return (
        f'{{"operations":{rows(made["operations"])},\n"kernel_blurs":{rows(made["kernel_blurs"])},\n'
        f'"pipelines":{{"input":{json.dumps(p["input"])},"seeds":{json.dumps(p["seeds"])},"cases":{rows(p["cases"])}}}}}\n'
    )


main()
