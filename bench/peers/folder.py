"""The usual PyTorch script: a DataLoader over JPEG files, torchvision's transforms, a ResNet-50."""

import resource
import sys
import time

from forward import resnet50, torch, torchvision
from serve import need, serve

(Image,) = need("PIL.Image")
transforms = torchvision.transforms
CORES = int(sys.argv[1])
PIPELINE = transforms.Compose(
    [
        transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


class Files(torch.utils.data.Dataset):
    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return PIPELINE(Image.open(self.paths[i]).convert("RGB"))


def cpu():
    """Of this process and of the loader's workers that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


model = resnet50()


def work(paths, batch, ms, **_):
    start, used, images = time.perf_counter(), cpu(), 0
    while True:
        loader = torch.utils.data.DataLoader(Files(paths), batch_size=batch, num_workers=CORES)
        with torch.inference_mode():
            images += sum(len(model(x)) for x in loader)
        wall = time.perf_counter() - start
        if wall * 1000 >= ms:
            del loader
            return {"rate": images / wall, "cpu": (cpu() - used) * 1000 / images}


torch.set_num_threads(CORES)
serve(f"torch {torch.__version__}, torchvision {torchvision.__version__}", work)
