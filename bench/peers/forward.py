"""torchvision's ResNet-50 without its classifier. With a path it writes the ONNX file that onnxruntime runs."""

import sys

from serve import need, serve, throughput

torch, torchvision = need("torch", "torchvision")
torch.manual_seed(0)
model = torchvision.models.resnet50(weights=None).eval()
model.fc = torch.nn.Identity()
inputs = {}


def export(path):
    axes = {"x": {0: "n"}, "y": {0: "n"}}
    names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": axes}
    torch.onnx.export(model, torch.zeros(1, 3, 224, 224), path, opset_version=13, **names)
    return {"path": path}


def work(batch=0, ms=0, onnx=None, **_):
    if onnx:
        return export(onnx)
    x = inputs.setdefault(batch, torch.rand(batch, 3, 224, 224) * 4 - 2)

    def once():
        with torch.inference_mode():
            model(x)
        return batch

    return throughput(ms, once)


torch.set_num_threads(int(sys.argv[1]))
serve(f"torch {torch.__version__}, torchvision {torchvision.__version__}", work)
