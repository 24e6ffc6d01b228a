import type { Cell } from "./fields.ts";

type Row = Readonly<Record<string, Cell>>;

const WORDS = {
  is_aug_autoaug: "autoaugment",
  is_aug_blur: "blur",
  is_aug_color: "color",
  is_aug_crop: "crop",
  is_aug_erasing: "erasing",
  is_aug_flip: "flip",
  is_aug_gray: "gray",
  is_aug_jigsaw: "jigsaw",
  is_aug_masking: "masking",
  is_aug_normalize: "normalize",
  is_aug_photometric: "photometric",
  is_aug_rotate: "rotate",
  is_aug_solarize: "solarize",
};
const GEOMETRIC = ["crop", "flip", "rotate", "jigsaw"];
const COLOR = ["color", "gray", "solarize", "blur", "photometric", "autoaugment"];

/** The columns of the results that the paper computed from other columns of the same row. */
export function derivedColumns(row: Row): Record<string, Cell> {
  const augmentations = row.augmentations as string[];
  const any = (words: string[]) => Number(words.some((word) => augmentations.includes(word)));
  const flags = Object.entries(WORDS).map(([column, word]) => [column, any([word])] as const);
  const { projection_nparameters: head, projection_hid_width: width, z_dim, year, month } = row;
  return {
    ...Object.fromEntries(flags),
    is_aug_anygeometric: any(GEOMETRIC),
    is_aug_anycolor: any(COLOR),
    n_augmentations: augmentations.length,
    nviews: countViews(row.views as string),
    projection_nparameters_hidden:
      head === null || width === null ? null : Number(head) - Number(z_dim) * Number(width),
    date_published: `${year}-${String(month).padStart(2, "0")}-01`,
  };
}

/** `2x224+6x96` is 8 views; a plain size is one. */
function countViews(views: string): number {
  return views.split("+").reduce((sum, part) => sum + (part.includes("x") ? Number.parseInt(part, 10) : 1), 0);
}
