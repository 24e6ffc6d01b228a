"""Trains a tiny bottleneck ResNet on CIFAR-10, with SimCLR or with labels, and saves a checkpoint as SSL code does.

    python3 scripts/tiny/train.py --data CIFAR --objective simclr --epochs 30 --minutes 40 --out tiny_ssl.pth
    python3 scripts/tiny/train.py --data CIFAR --objective supervised --epochs 15 --minutes 12 --out tiny_sup.pth

CIFAR holds train.tar.gz and test.tar.gz: 32x32 images in folders named by class. Needs torch and torchvision, no GPU.
The schedule follows the epochs or the clock, whichever is ahead, so that a slow machine too ends with a small step.
The file holds {"epoch", "arch", "state_dict"}; keys start with module.encoder., and module.projector. or module.fc.
"""

import argparse
import io
import math
import tarfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torchvision.models.resnet import Bottleneck
from torchvision.transforms.functional import pil_to_tensor

MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
STD = torch.tensor([0.2470, 0.2435, 0.2616]).view(1, 3, 1, 1)
LUMA = torch.tensor([0.299, 0.587, 0.114])
TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
FROM_YIQ = torch.linalg.inv(TO_YIQ)


class TinyResNet(nn.Module):
    """[n, 3, 32, 32] to [n, 256]: stem 3x3 stride 2 without pool, three stages of two bottlenecks, planes 16, 32, 64."""

    def __init__(self, width=16, layers=(2, 2, 2)):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        for i, blocks in enumerate(layers):
            planes, stride = width * 2**i, 1 if i == 0 else 2
            shortcut = nn.Sequential(
                nn.Conv2d(channels, 4 * planes, 1, stride=stride, bias=False), nn.BatchNorm2d(4 * planes)
            )
            first = Bottleneck(channels, planes, stride, shortcut)
            channels = 4 * planes
            rest = [Bottleneck(channels, planes) for _ in range(blocks - 1)]
            setattr(self, f"layer{i + 1}", nn.Sequential(first, *rest))
        self.features = channels
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return x.mean((2, 3))


class Model(nn.Module):
    """The encoder and the head its objective needs; the head is dropped when the features are used."""

    def __init__(self, objective):
        super().__init__()
        self.encoder = TinyResNet()
        d = self.encoder.features
        if objective == "simclr":
            self.projector = nn.Sequential(
                nn.Linear(d, 96, bias=False), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 64)
            )
        else:
            self.fc = nn.Linear(d, 10)

    def forward(self, x):
        head = self.projector if hasattr(self, "projector") else self.fc
        return head(self.encoder(x))


def read_images(path):
    """Pixels uint8 [n, 3, 32, 32] and labels [n]; classes are numbered in the order of their names."""
    images, names = [], []
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile():
                picture = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
                images.append(pil_to_tensor(picture))
                names.append(Path(member.name).parent.name)
    classes = {name: i for i, name in enumerate(sorted(set(names)))}
    return torch.stack(images), torch.tensor([classes[name] for name in names])


def uniform(n, low, high):
    return torch.empty(n).uniform_(low, high)


def random_crop(x, scale, size):
    """Random resized crop (area in `scale`, aspect 3/4 to 4/3) and flip of a whole batch, as one affine resampling."""
    n = len(x)
    area, aspect = uniform(n, *scale), torch.exp(uniform(n, math.log(3 / 4), math.log(4 / 3)))
    w, h = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = w * (torch.randint(0, 2, (n,)) * 2 - 1)
    theta[:, 1, 1] = h
    theta[:, 0, 2] = (1 - w) * uniform(n, -1, 1)
    theta[:, 1, 2] = (1 - h) * uniform(n, -1, 1)
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def random_colour(x, strength, p_jitter, p_grey):
    """Brightness, contrast, saturation, hue and grey of [n, 3, h, w] in 0..1: per image one 3x3 matrix and an offset."""
    n = len(x)
    on = (torch.rand(n) < p_jitter).float() * strength
    brightness, contrast, saturation = (1 + on * uniform(n, -0.8, 0.8) for _ in range(3))
    saturation = saturation * (torch.rand(n) >= p_grey)
    angle = on * uniform(n, -0.2, 0.2) * 2 * math.pi
    turn = torch.zeros(n, 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = saturation * angle.cos()
    turn[:, 2, 1] = saturation * angle.sin()
    turn[:, 1, 2] = -turn[:, 2, 1]
    matrix = FROM_YIQ @ turn @ TO_YIQ * (brightness * contrast).view(n, 1, 1)
    grey = (x.mean((2, 3)) @ LUMA) * brightness * (1 - contrast)
    y = torch.bmm(matrix, x.flatten(2)) + grey.view(n, 1, 1)
    return y.clamp_(0, 1).view(x.shape)


def augment(pixels, objective, size):
    simclr = objective == "simclr"
    x = random_crop(pixels.float() / 255, (0.2, 1) if simclr else (0.5, 1), size)
    x = random_colour(x, 0.5, 0.8, 0.2) if simclr else random_colour(x, 0.2, 0.8, 0)
    return (x - MEAN) / STD


def nt_xent(z, temperature):
    """SimCLR's loss; rows i and i + n/2 of z are two views of one image."""
    z = F.normalize(z, dim=1)
    n = len(z)
    logits = (z @ z.t() / temperature).masked_fill(torch.eye(n, dtype=torch.bool), -math.inf)
    return F.cross_entropy(logits, torch.arange(n).roll(n // 2))


@torch.no_grad()
def extract(encoder, pixels):
    encoder.eval()
    return torch.cat([encoder((p.float() / 255 - MEAN) / STD) for p in pixels.split(1000)])


def probe(encoder, train, test, rounds=200):
    """Test accuracy (%) of a logistic regression on standardised features, fitted on all of `train` by L-BFGS."""
    x, y = extract(encoder, train[0]), train[1]
    mean, std = x.mean(0), x.std(0) + 1e-6
    x, xt = (x - mean) / std, (extract(encoder, test[0]) - mean) / std
    w, b = torch.zeros(x.shape[1], 10, requires_grad=True), torch.zeros(10, requires_grad=True)
    search = torch.optim.LBFGS([w, b], max_iter=rounds, history_size=20, line_search_fn="strong_wolfe")

    def closure():
        search.zero_grad()
        loss = F.cross_entropy(x @ w + b, y) + 1e-5 * w.square().sum()
        loss.backward()
        return loss

    search.step(closure)
    return 100 * ((xt @ w + b).argmax(1) == test[1]).float().mean().item()


def save(model, epoch, path):
    state = nn.DataParallel(model).state_dict()
    torch.save({"epoch": epoch, "arch": "tiny_resnet", "state_dict": state}, path)


def train_epochs(model, train, args, report):
    pixels, labels = train
    steps, start, step = len(pixels) // args.batch, time.monotonic(), 0
    model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(pixels))[: steps * args.batch].view(steps, args.batch):
            spent = (time.monotonic() - start) / (60 * args.minutes)
            done = max(step / (steps * args.epochs), spent)
            if done >= 1:
                return epoch - 1
            optimiser.param_groups[0]["lr"] = args.lr * min((step + 1) / 100, (1 + math.cos(math.pi * done)) / 2)
            if args.objective == "simclr":
                x = augment(torch.cat([pixels[rows], pixels[rows]]), args.objective, args.view)
                loss = nt_xent(model(x.contiguous(memory_format=torch.channels_last)), args.temperature)
            else:
                x = augment(pixels[rows], args.objective, args.view)
                loss = F.cross_entropy(model(x.contiguous(memory_format=torch.channels_last)), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
            step += 1
        report(epoch, total / steps, time.monotonic() - start)
    return args.epochs


def parse():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", type=Path, required=True, help="folder of train.tar.gz and test.tar.gz")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--objective", choices=["simclr", "supervised"], required=True)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--minutes", type=float, default=math.inf, help="training ends by then")
    p.add_argument("--view", type=int, default=32, help="side of a training view; 24 costs little over half of 32")
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--weight-decay", type=float, default=1e-3)
    p.add_argument("--temperature", type=float, default=0.3)
    p.add_argument("--probe-every", type=int, default=3, help="epochs between probes on a fifth of the data")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


def main():
    args = parse()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    train, test = (read_images(args.data / f"{split}.tar.gz") for split in ("train", "test"))
    fifth = torch.randperm(len(train[0]))[: len(train[0]) // 5]
    few = (train[0][fifth], train[1][fifth])
    model = Model(args.objective)
    print("encoder parameters", sum(p.numel() for p in model.encoder.parameters()), flush=True)
    print(f"random init: linear probe {probe(model.encoder, train, test):.2f} %", flush=True)

    def report(epoch, loss, seconds):
        save(model, epoch, args.out)
        score = f" probe(fifth) {probe(model.encoder, few, test, 60):.2f} %" if epoch % args.probe_every == 0 else ""
        print(f"epoch {epoch} loss {loss:.4f} {seconds:.0f} s{score}", flush=True)

    epoch = train_epochs(model, train, args, report)
    model.to(memory_format=torch.contiguous_format)
    save(model, epoch, args.out)
    print(f"{args.objective}: epochs {epoch}, linear probe {probe(model.encoder, train, test):.2f} %", flush=True)


if __name__ == "__main__":
    main()
