"""torchvision's encoders without their classifiers. With a path it writes the ONNX file that onnxruntime and transformers.js run."""

import sys

from serve import need, serve, throughput

torch, torchvision = need("torch", "torchvision")
torch.manual_seed(0)


def resnet50():
    model = torchvision.models.resnet50(weights=None)
    model.fc = torch.nn.Identity()
    return model.eval()


def vit(dim, heads):
    transformer = torchvision.models.vision_transformer.VisionTransformer
    model = transformer(image_size=224, patch_size=16, num_layers=12, num_heads=heads, hidden_dim=dim, mlp_dim=4 * dim)
    model.heads = torch.nn.Identity()
    return model.eval()


MAKERS = {"resnet50": resnet50, "vit_s16": lambda: vit(384, 6), "vit_b16": lambda: vit(768, 12)}
models, inputs = {}, {}


def model_of(name):
    if name not in models:
        models[name] = MAKERS[name]()
    return models[name]


def export(name, path):
    names = {"input_names": ["pixel_values"], "output_names": ["features"]}
    axes = {"pixel_values": {0: "n"}, "features": {0: "n"}}
    torch.onnx.export(model_of(name), torch.zeros(2, 3, 224, 224), path, opset_version=14, dynamic_axes=axes, **names)
    return {"path": path}


def work(model, batch=0, ms=0, onnx=None, **_):
    if onnx:
        return export(model, onnx)
    encoder = model_of(model)
    x = inputs.setdefault(batch, torch.rand(batch, 3, 224, 224) * 4 - 2)

    def once():
        with torch.inference_mode():
            encoder(x)
        return batch

    return throughput(ms, once)


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    serve(f"torch {torch.__version__}, torchvision {torchvision.__version__}", work)
