import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NotHere, python } from "../children.mjs";

/** What transformers.js asks of a model's folder. */
const CONFIGS = {
  resnet50: { model_type: "resnet", architectures: ["ResNetModel"] },
  vit_s16: { model_type: "vit", architectures: ["ViTModel"] },
  vit_b16: { model_type: "vit", architectures: ["ViTModel"] },
};
const PROCESSOR = {
  ...{ image_processor_type: "ViTImageProcessor", do_resize: true, size: { shortest_edge: 256 }, resample: 3 },
  ...{ do_center_crop: true, crop_size: { height: 224, width: 224 }, do_rescale: true, rescale_factor: 1 / 255 },
  ...{ do_normalize: true, image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225], do_convert_rgb: true },
};

/**
 * PyTorch writes its models for onnxruntime and transformers.js, each a folder of `dir`.
 * @returns `dir`; without PyTorch "".
 */
export async function writeOnnx(dir, models) {
  try {
    const torch = await python("peers/forward.py", ["1"])();
    for (const model of models) {
      const folder = join(dir, model);
      await mkdir(join(folder, "onnx"), { recursive: true });
      const { error } = await torch.request({ model, onnx: join(folder, "onnx", "model.onnx") });
      if (error) throw new Error(error);
      await writeFile(join(folder, "config.json"), JSON.stringify(CONFIGS[model]));
      await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(PROCESSOR));
    }
    await torch.close();
    return dir;
  } catch (error) {
    if (error instanceof NotHere) return "";
    throw error;
  }
}
