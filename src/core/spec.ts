/**
 * A model is data: where its checkpoint is, how the checkpoint's keys read, which architecture they fill, which output
 * is the representation and how images are prepared. Plain JSON but for regular expressions.
 */
export interface ModelSpec {
  weights: WeightSource;
  arch: ArchSpec;
  representation: Representation;
  /** Evaluation pipeline: image -> normalised input of the encoder. */
  preprocess: Transform[];
  /** Augmentation pipeline: image -> a random view, normalised; or why there is none. */
  trainTransform?: Augmentation[] | { none: string };
}

export type WeightSource =
  /** Locations in order of preference; the first that can be had and fits is taken. */
  | { checkpoints: Checkpoint[] }
  /** A converted folder shipped under `assets/`; `rules` read the checkpoint it was made from. */
  | { bundled: string; rules: KeyRule[] }
  /**
   * Random initialisation by the architecture's usual distributions, from our generator with this seed. Each of the
   * `layouts` reads a file of the same network, should a caller have one; by default its keys are plain.
   */
  | { seed: number; layouts?: KeyRule[][] };

/** One file that holds the weights. Rules belong to the file: another host may name the same tensors otherwise. */
export interface Checkpoint {
  url: string;
  rules: KeyRule[];
  /** SHA-256 of the file (64 hex digits), where it is known. A `-<8+ hex>.pth` file name is checked besides. */
  sha256?: string;
  /** MD5 prefix as some authors publish it. */
  md5?: string;
  /** File size in bytes, where it is known. */
  bytes?: number;
  /**
   * Further files that are needed. Each is read by its own rules; then its tensors join this file's, and `rules` read
   * them all. So lossyless gets CLIP's encoder, and shards of one file are components without rules.
   */
  components?: Checkpoint[];
}

/**
 * How the keys of a checkpoint become the canonical `state_dict` keys of an architecture. Rules read top to bottom.
 * A rule that matches nothing is an error, but for `drop`.
 */
export type KeyRule =
  /** Keep what is under this prefix (dotted, container path included) and strip it. Of several the first that occurs is taken; `""` keeps all. */
  | { take: string | string[] }
  /** Known and not used by the encoder. */
  | { drop: RegExp }
  | { rename: RegExp; to: string }
  /** One tensor shared under several names. */
  | { copy: string; to: string[] }
  | { permute: RegExp; axes: number[] }
  /** One entry of `shape` may be -1: what is left. */
  | { reshape: RegExp; shape: number[] }
  /**
   * Parts, in this order, become one tensor. Patterns make one of every group of parts whose name becomes the same by
   * `to` (`$1` is a group of the pattern): a block's query, key and value, in all blocks.
   */
  | { concat: string[] | RegExp[]; axis: number; to: string };

export type ArchSpec = ResnetArch | ClipResnetArch | VitArch | BeitArch | ClipVitArch | ConvnextArch;

/** Bottleneck ResNet (He et al. 2016), v1.5: the stride sits on the 3x3 convolution. As torchvision's. */
export interface ResnetArch {
  kind: "resnet";
  /** Input side in pixels. */
  size: number;
  /** Blocks in each stage. */
  layers: number[];
  /** Channels of the stem and of the first stage; doubles at each stage. */
  width: number;
  /** First convolution: ImageNet nets have 7x7 stride 2 and a max pool, nets for small images 3x3 without pool. */
  stem: { kernel: number; stride: number; pool: boolean };
  /** Channels of a block's 3x3 convolution over the stage's width: 2 in torchvision's wide ResNets. Default 1. */
  innerWidthFactor?: number;
  /** `"same"` pads as TensorFlow does (BYOL's Haiku ResNet). Default `"symmetric"`, PyTorch's. */
  padding?: "symmetric" | "same";
  /** A bottleneck (keys `resizer.*`) before the pool that changes z_dim; `residual` adds its input, tiled to `dim`. */
  resizer?: { dim: number; residual: boolean };
}

/** CLIP's ModifiedResNet with attention pool (Radford et al. 2021), the projection `c_proj` left out. */
export interface ClipResnetArch {
  kind: "clip-resnet";
  size: number;
  layers: number[];
  width: number;
}

/** Pre-norm vision transformer with class token and absolute positions, timm's keys; LayerNorm eps 1e-6, erf GELU. */
export interface VitArch {
  kind: "vit";
  size: number;
  patch: number;
  width: number;
  depth: number;
  heads: number;
  /** Input side that the checkpoint's position table is for, where `size` is another: the table is resized. */
  nativeSize?: number;
  /** How the method resizes its table. `"dino"` adds 0.1 to the new side before it divides. Default `"timm"`. */
  positionRule?: "timm" | "dino";
}

/** BEiT: relative position bias a block, layer scale, no key bias; timm's keys. */
export interface BeitArch extends Omit<VitArch, "kind" | "positionRule"> {
  kind: "beit";
}

/** CLIP's and OpenCLIP's image transformer, OpenAI's keys; LayerNorm eps 1e-5. */
export interface ClipVitArch {
  kind: "clip-vit";
  size: number;
  patch: number;
  width: number;
  depth: number;
  heads: number;
  /** Width of the MLP. */
  hidden: number;
  act: "quick_gelu" | "gelu";
  /** Columns of `proj`, the joint embedding's size. */
  embedDim: number;
  /** As {@link VitArch}'s. */
  nativeSize?: number;
  /** lossyless: keys under `clip.`, then an affine map, rounding to offsets from learned medians, and back. */
  compressor?: boolean;
}

/** ConvNeXt (Liu et al. 2022) with the authors' keys; LayerNorm eps 1e-6, erf GELU. VICRegL's have neither flag. */
export interface ConvnextArch {
  kind: "convnext";
  size: number;
  depths: number[];
  dims: number[];
  /** Each block's branch is scaled by `gamma`. */
  layerScale: boolean;
  /** The last norm follows the pool, else each position is normed before it. */
  poolFirst: boolean;
}

/** Which output of the encoder is the representation; without its suffix the field `z_layer` of the metadata. */
export type Representation = RepresentationOf<ArchSpec["kind"]>;

/** The representations that an architecture offers. Maps and tokens are laid out in a row, channels last. */
export type RepresentationOf<K extends ArchSpec["kind"]> = {
  resnet: MapRepresentation;
  convnext: MapRepresentation;
  "clip-resnet": MapRepresentation | "attnpool";
  vit: TokenRepresentation | "cls+avg:interleaved";
  beit: TokenRepresentation | "cls+avg:interleaved";
  "clip-vit": TokenRepresentation | "proj" | "proj+cls" | "pred";
}[K];

export type MapRepresentation =
  /** Global average pool of the last feature map. */
  | "avgpool"
  /** The last feature map before the pool, `[h, w, channels]`. */
  | "map";

export type TokenRepresentation =
  /** Class token of the last block, normed. */
  | "cls"
  /** Mean of the patch tokens of the last block, normed. */
  | "avg"
  /** Class token, then the mean of the patch tokens; with `:interleaved` alternating as the paper's ViT wrapper has them. */
  | "cls+avg"
  /** Class tokens of the last n blocks, each normed, earliest first: `4xcls`. */
  | `${number}xcls`
  /** Patch tokens of the last block, normed, `[tokens, dim]`, row by row of the image. */
  | "tokens";

export type RGB = [number, number, number];

/** One step of an image pipeline, with torchvision's names and defaults. Images are 8-bit RGB until `normalize`. */
export type Transform =
  /** Shorter side to `size`, PIL's antialiased filter. */
  | { op: "resize"; size: number; interpolation: Interpolation }
  | { op: "centerCrop"; size: number }
  /** x/255, minus mean, divided by std, per channel, in float32. Always last. */
  | { op: "normalize"; mean: RGB; std: RGB };

export type Interpolation = "bilinear" | "bicubic";

/** Lowest and highest value of a uniform draw. */
export type Range = [low: number, high: number];

/**
 * One step of a training pipeline, with torchvision's names and ways of drawing. All that is drawn comes from one seeded
 * generator; bytes until `normalize`.
 */
export type Augmentation =
  | Transform
  /** A part of the area, of random shape, resized to a square of `size`. */
  | { op: "randomResizedCrop"; size: number; scale: Range; ratio: Range; interpolation: Interpolation }
  /** A square of `size` pixels. */
  | { op: "randomCrop"; size: number }
  | { op: "randomHorizontalFlip"; p: number }
  /** Nearest pixel, size kept, black outside. */
  | { op: "randomRotation"; degrees: Range }
  /** Intervals of the factors, which are applied in random order; those left out do not change. `hue` is in turns. */
  | { op: "colorJitter"; brightness?: Range; contrast?: Range; saturation?: Range; hue?: Range }
  | { op: "randomGrayscale"; p: number }
  /** PIL's blur; `radius` is the standard deviation in pixels. */
  | { op: "gaussianBlur"; radius: Range }
  /** Bytes from `threshold` on are inverted. */
  | { op: "solarize"; threshold: number }
  | { op: "randAugment"; numOps: number; magnitude: number; bins: number }
  | { op: "randomApply"; p: number; transforms: Augmentation[] };
