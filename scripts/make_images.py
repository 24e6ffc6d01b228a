"""Makes test/fixtures/images: small files of each kind, and what PIL and torchvision make of them.

    python3 scripts/make_images.py

Needs Pillow 9.4, torch 1.13 and torchvision 0.14 (Debian bookworm's python3-torchvision). Every expected value comes from running those libraries.
"""
import hashlib
import io
import json
import os
import struct
import warnings
import zlib

import numpy as np
from PIL import Image, ImageCms

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "fixtures", "images")
warnings.simplefilter("ignore")


def scene(w, h):
    """A picture with edges, gradients and a little noise, so that filters and chroma sampling show."""
    y, x = np.mgrid[0:h, 0:w]
    rng = np.random.RandomState(7)
    a = np.stack([x * 255 / w, y * 255 / h, 128 + 100 * np.sin(x / 3) * np.cos(y / 5)], -1)
    a[(x - w // 2) ** 2 + (y - h // 2) ** 2 < (h // 4) ** 2] = [240, 60, 20]
    return Image.fromarray(np.clip(a + rng.randint(-12, 13, a.shape), 0, 255).astype("u1"))


def encoded(im, **options):
    out = io.BytesIO()
    im.save(out, **options)
    return out.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_with(data, name, body):
    """A chunk put right after IHDR."""
    return data[:33] + chunk(name, body) + data[33:]


def bmp16(im, masks=None):
    w, h = im.size
    rgb = np.asarray(im).astype("u4")
    g, up = (3, 11) if masks and masks[1] == 0x7E0 else (2, 10)
    v = ((rgb[..., 0] >> 3) << up) | ((rgb[..., 1] >> (g == 2) + 2) << 5) | (rgb[..., 2] >> 3)
    rows = np.pad(v, ((0, 0), (0, w % 2))).astype("<u2")[::-1].tobytes()
    head = struct.pack("<IiiHHIIiiII", 40, w, h, 1, 16, 3 if masks else 0, len(rows), 0, 0, 0, 0)
    extra = struct.pack("<III", *masks) if masks else b""
    off = 14 + len(head) + len(extra)
    return struct.pack("<2sIHHI", b"BM", off + len(rows), 0, 0, off) + head + extra + rows


def bmp_rle8(im):
    """Runs of equal pixels, one absolute run a row, a delta and an early end of a row."""
    w, h = im.size
    index = np.asarray(im)[::-1]
    body = b""
    for y, row in enumerate(index.tolist()):
        if y == 2:
            body += b"\0\2\3\0"
            row = row[3:]
        body += bytes([0, 4]) + bytes(row[:4])
        row = row[4:] if y % 3 else row[4:-2]
        for v in row:
            body += bytes([1, v])
        body += b"\0\0"
    body += b"\0\1"
    palette = bytes(np.pad(np.array(im.getpalette()[:768]).reshape(-1, 3)[:, ::-1], ((0, 0), (0, 1))).astype("u1").ravel())
    palette = palette.ljust(1024, b"\0")
    head = struct.pack("<IiiHHIIiiII", 40, w, h, 1, 8, 1, len(body), 0, 0, 256, 0)
    off = 14 + 40 + 1024
    return struct.pack("<2sIHHI", b"BM", off + len(body), 0, 0, off) + head + palette + body


def bmp4(im):
    w, h = im.size
    index = np.asarray(im.quantize(16))
    q = im.quantize(16)
    pal = np.array(q.getpalette()[:48]).reshape(16, 3)[:, ::-1]
    palette = bytes(np.pad(pal, ((0, 0), (0, 1))).astype("u1").ravel())
    stride = ((w * 4 + 31) // 32) * 4
    rows = b"".join(
        bytes((int(r[i]) << 4) | (int(r[i + 1]) if i + 1 < w else 0) for i in range(0, w, 2)).ljust(stride, b"\0")
        for r in index[::-1]
    )
    head = struct.pack("<IiiHHIIiiII", 40, w, h, 1, 4, 0, len(rows), 0, 0, 16, 0)
    off = 14 + 40 + 64
    return struct.pack("<2sIHHI", b"BM", off + len(rows), 0, 0, off) + head + palette + rows


def files():
    im = scene(37, 29)
    big = scene(75, 50)
    rgba = im.convert("RGBA")
    rgba.putalpha(Image.fromarray((np.arange(37 * 29).reshape(29, 37) % 256).astype("u1")))
    gray = im.convert("L")
    pal = im.quantize(20)
    wide = Image.fromarray((np.asarray(gray).astype("u2") * 3))
    cmyk = Image.merge("CMYK", [*im.split(), gray])
    jpeg = encoded(im, format="JPEG", quality=85, subsampling=2)
    png = encoded(im, format="PNG")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    srgb = srgb[:24] + bytes(12) + srgb[36:]  # no date: the same bytes every time
    # Red and blue exchanged: who applies the profile is found out.
    swapped = srgb.replace(b"rXYZ", b"?", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"?", b"bXYZ", 1)
    exif = Image.Exif()
    exif[0x0112] = 6
    ascii_ppm = b"P3 # made by hand\n3 2\n100\n" + b"0 50 100  1 2 3\n# a comment\n99 98 97 33 66 99  7 8 9 100 100 100\n"

    yield "jpeg-420.jpg", encoded(big, format="JPEG", quality=80, subsampling=2)
    yield "jpeg-444.jpg", encoded(im, format="JPEG", quality=92, subsampling=0)
    yield "jpeg-422-progressive.jpg", encoded(im, format="JPEG", quality=75, subsampling=1, progressive=True)
    yield "jpeg-gray.jpg", encoded(gray, format="JPEG", quality=70)
    yield "jpeg-cmyk.jpg", encoded(cmyk, format="JPEG", quality=90)
    yield "jpeg-exif6.jpg", encoded(im, format="JPEG", exif=exif.tobytes())
    yield "jpeg-icc.jpg", encoded(im, format="JPEG", icc_profile=swapped)
    yield "jpeg-truncated.jpg", jpeg[: len(jpeg) * 2 // 3]
    yield "jpeg-no-end.jpg", jpeg[:-2]
    yield "png-rgb.png", png
    yield "png-rgba.png", encoded(rgba, format="PNG")
    yield "png-la.png", encoded(rgba.convert("LA"), format="PNG")
    yield "png-palette.png", encoded(pal, format="PNG", transparency=3)
    yield "png-gray16.png", encoded(wide, format="PNG")
    yield "png-bilevel.png", encoded(gray.convert("1"), format="PNG")
    yield "png-truncated.png", png[: len(png) * 2 // 3]
    yield "png-cut-checksum.png", png[:-18]
    yield "png-cut-second-chunk.png", png[:-12] + struct.pack(">I", 50) + b"IDAT"
    yield "png-text-bomb.png", png_with(png, b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 21), 9))
    yield "png-bad-checksum.png", png_with(png, b"tEXt", b"k\0value").replace(b"value", b"Value", 1)
    yield "png-bomb.png", png[:16] + struct.pack(">II", 20000, 20000) + png[24:29] + struct.pack(
        ">I", zlib.crc32(b"IHDR" + struct.pack(">II", 20000, 20000) + png[24:29])
    ) + png[33:]
    yield "webp-lossy.webp", encoded(im, format="WEBP", quality=80)
    yield "webp-lossless-alpha.webp", encoded(rgba, format="WEBP", lossless=True, exact=True)
    yield "tiff-rgb-lzw.tif", encoded(im, format="TIFF", compression="tiff_lzw")
    yield "tiff-gray16.tif", encoded(wide, format="TIFF")
    yield "tiff-cmyk.tif", encoded(cmyk, format="TIFF")
    yield "tiff-float.tif", encoded(Image.fromarray(np.asarray(gray).astype("f4") * 1.7 - 60), format="TIFF")
    yield "gif.gif", encoded(pal, format="GIF")
    yield "gif-transparent.gif", encoded(pal, format="GIF", transparency=int(np.asarray(pal)[14, 18]))
    yield "gif-interlaced-gray.gif", encoded(gray, format="GIF", interlace=1)
    yield "bmp-24.bmp", encoded(im, format="BMP")
    yield "bmp-32.bmp", encoded(rgba, format="BMP")
    yield "bmp-palette.bmp", encoded(pal, format="BMP")
    yield "bmp-gray.bmp", encoded(gray, format="BMP")
    yield "bmp-1.bmp", encoded(gray.convert("1"), format="BMP")
    yield "bmp-4.bmp", bmp4(im)
    yield "bmp-555.bmp", bmp16(im)
    yield "bmp-565.bmp", bmp16(im, (0xF800, 0x7E0, 0x1F))
    yield "bmp-rle8.bmp", bmp_rle8(pal)
    yield "pnm-6.ppm", encoded(im, format="PPM")
    yield "pnm-5.pgm", encoded(gray, format="PPM")
    yield "pnm-4.pbm", encoded(gray.convert("1"), format="PPM")
    yield "pnm-5-wide.pgm", b"P5\n5 2\n1000\n" + np.array([0, 1, 2, 4, 5, 6, 255, 500, 999, 1000], ">u2").tobytes()
    yield "pnm-6-maxval.ppm", b"P6 3 1 31\n" + bytes([0, 1, 2, 15, 16, 17, 29, 30, 31])
    yield "pnm-3.ppm", ascii_ppm
    yield "pnm-1.pbm", b"P1\n# bits\n5 3\n10101\n0 1 0 1 0\n11100\n"
    yield "pnm-truncated.ppm", b"P6 4 4 255\n" + bytes(40)
    yield "drawing.png", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'
    yield "empty.jpg", b""


def digest(data):
    return hashlib.sha256(bytes(data)).hexdigest()


def decoded(path):
    try:
        with Image.open(path) as im:
            rgb = im.convert("RGB")
        return {"size": list(rgb.size), "sha256": digest(rgb.tobytes())}
    except Exception as e:
        return {"error": type(e).__name__}


FILTERS = {n: getattr(Image.Resampling, n.upper()) for n in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")}
SIZES = [(20, 31), (75, 17), (149, 50), (75, 50), (3, 2), (200, 133)]


def resized(im):
    for name, f in FILTERS.items():
        for size in SIZES:
            yield {"filter": name, "size": list(size), "sha256": digest(im.resize(size, f).tobytes())}


def pipelines(im):
    from torchvision import transforms as T

    modes = {"bilinear": T.InterpolationMode.BILINEAR, "bicubic": T.InterpolationMode.BICUBIC}
    norms = {
        "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        "clip": ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
    }
    for size, crop, mode, norm in [
        (32, 28, "bilinear", "imagenet"), (64, 56, "bicubic", "clip"), (33, 33, "bicubic", "imagenet"),
        (20, 31, "bilinear", "clip"), (50, 45, "bilinear", "imagenet"),
    ]:
        mean, std = norms[norm]
        x = T.Compose([T.Resize(size, modes[mode]), T.CenterCrop(crop), T.ToTensor(), T.Normalize(mean, std)])(im)
        yield {
            "size": size, "crop": crop, "interpolation": mode, "mean": mean, "std": std,
            "sha256": digest(x.permute(1, 2, 0).contiguous().numpy().astype("<f4").tobytes()),
        }


def main():
    os.makedirs(HERE, exist_ok=True)
    expected = {"decode": {}}
    for name, data in files():
        path = os.path.join(HERE, name)
        with open(path, "wb") as f:
            f.write(data)
        expected["decode"][name] = decoded(path)
    im = Image.open(os.path.join(HERE, "bmp-24.bmp")).convert("RGB")
    big = Image.open(os.path.join(HERE, "jpeg-420.jpg")).convert("RGB")
    expected["resize"] = {"input": "jpeg-420.jpg", "cases": list(resized(big))}
    expected["pipeline"] = {"input": "jpeg-420.jpg", "cases": list(pipelines(big))}
    expected["pipeline_small"] = {"input": "bmp-24.bmp", "cases": list(pipelines(im))}
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        json.dump(expected, f, indent=1)
        f.write("\n")


main()
