import { availableParallelism } from "node:os";
import { node, python } from "../children.mjs";
import { writePhotos } from "../data/photos.mjs";
import { CPU_PER_IMAGE, RATE } from "../metrics.mjs";
import { race } from "../rounds.mjs";

const ABOUT = `\`hub.preprocess("dino_rn50").array(path)\` beside PIL and numpy: decode, resize to 256 (bicubic), crop 224, normalise, float32,
on generated JPEGs of about 500 x 375. "At once" is a promise for every image with us, and a thread a core with PIL.`;

export default async function images({ dir, quick, rounds, log }) {
  const paths = await writePhotos(dir, quick ? 12 : 60);
  const cores = availableParallelism();
  const pair = (label, ours, peer) => [
    { name: `ours, ${label}`, ours: true, against: [`PIL, ${label}`], start: node("ours/images.mjs", [String(ours)]) },
    { name: `PIL, ${label}`, start: python("peers/images.py", [String(peer)]) },
  ];
  const contenders = [...pair("one by one", 1, 1), ...(cores > 1 ? pair("at once", paths.length, cores) : [])];
  const cases = [{ name: `${paths.length} JPEGs`, job: { paths, ms: quick ? 300 : 2000 } }];
  const rows = await race(contenders, cases, { rounds, log });
  return {
    title: "decode and preprocess, beside PIL",
    about: ABOUT,
    metrics: [RATE, CPU_PER_IMAGE],
    facts: await agreement(contenders, paths),
    rows,
  };
}

/** Speed is of use only when the result is the same. */
async function agreement([ours, peer], paths) {
  const hashes = async (contender) => {
    const handle = await contender.start().catch(() => undefined);
    const answer = await handle?.request({ paths, check: true });
    await handle?.close();
    return answer?.hashes;
  };
  const [a, b] = [await hashes(ours), await hashes(peer)];
  if (b === undefined) return [];
  return [`${a.filter((hash, i) => hash === b[i]).length} of ${paths.length} results are equal to PIL's to the bit.`];
}
