"""The evaluation pipeline of dino_rn50 in PIL and numpy, arithmetic as in torchvision: float32, channels last."""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor

from serve import need, serve, throughput

np, PIL, Image = need("numpy", "PIL", "PIL.Image")

AT_ONCE = int(sys.argv[1])
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def array(path):
    image = Image.open(path).convert("RGB")
    w, h = image.size
    size = (256, int(256 * h / w)) if w <= h else (int(256 * w / h), 256)
    image = image.resize(size, Image.BICUBIC)
    left, top = round((size[0] - 224) / 2.0), round((size[1] - 224) / 2.0)
    image = image.crop((left, top, left + 224, top + 224))
    return (np.asarray(image).astype(np.float32) / np.float32(255) - MEAN) / STD


pool = ThreadPoolExecutor(AT_ONCE)
run = map if AT_ONCE == 1 else pool.map


def work(paths, ms=0, check=False):
    if check:
        return {"hashes": [hashlib.sha256(x.tobytes()).hexdigest() for x in run(array, paths)]}
    return throughput(ms, lambda: sum(1 for _ in run(array, paths)))


serve(f"Pillow {PIL.__version__}, numpy {np.__version__}", work)
