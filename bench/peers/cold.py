"""torch.hub.load of a local repository, then the features of one JPEG. The checkpoint is written by the first run, which does not count."""

import importlib.util
import os
import sys

from serve import peak_memory, say, serve, stopwatch

for name in ("torch", "torchvision", "PIL"):
    if importlib.util.find_spec(name) is None:
        say({"missing": f"No module named '{name}'"})
        sys.exit(0)

REPOSITORY = sys.argv[1]
CHECKPOINT = os.path.join(REPOSITORY, "resnet50.pth")


def work(path):
    if not os.path.exists(CHECKPOINT):
        import torch
        import torchvision

        torch.save(torchvision.models.resnet50(weights=None).state_dict(), CHECKPOINT)
    stop = stopwatch()
    import torch
    import torchvision
    from PIL import Image

    model = torch.hub.load(REPOSITORY, "resnet50", source="local", checkpoint=CHECKPOINT)
    t = torchvision.transforms
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    pipeline = t.Compose([t.Resize(256), t.CenterCrop(224), t.ToTensor(), t.Normalize(mean, std)])
    with torch.inference_mode():
        model(pipeline(Image.open(path).convert("RGB"))[None])
    return {**stop(), "peak": peak_memory()}


serve("torch.hub", work)
