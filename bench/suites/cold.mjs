import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { node, python } from "../children.mjs";
import { writePhotos } from "../data/photos.mjs";
import { CPU, PEAK, TIME } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `A new process each time, ResNet-50 in the cache: import the library, load the model, features of one JPEG. \`torch.hub.load\` has a
local repository whose hubconf.py makes torchvision's ResNet-50 and loads its checkpoint. The start of the
runtime itself (node, python) is not in the times.`;

const HUBCONF = `dependencies = ["torch", "torchvision"]


def resnet50(checkpoint):
    import torch
    import torchvision

    model = torchvision.models.resnet50(weights=None)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    model.fc = torch.nn.Identity()
    return model.eval()
`;

export default async function cold({ dir, rounds, log }) {
  const [path] = await writePhotos(dir, 1);
  const repository = join(dir, "repository");
  await mkdir(repository, { recursive: true });
  await writeFile(join(repository, "hubconf.py"), HUBCONF);
  const peer = "torch.hub";
  const ours = (backend) => node("ours/cold.mjs", [backend, join(dir, "cache")]);
  const contenders = [
    { name: "wasm", ours: true, against: [peer], start: ours("wasm") },
    { name: "tfjs-node", ours: true, against: [peer], start: ours("tfjs-node") },
    { name: peer, start: python("peers/cold.py", [repository]) },
  ];
  return {
    title: "from nothing to the first feature",
    about: ABOUT,
    metrics: [TIME, CPU, PEAK],
    rows: await race(contenders, [{ name: "ResNet-50", job: { path } }], { rounds, log, fresh: true }),
  };
}
