/** The fields of IHDR that say how many bytes the rows have. */
export interface PngRows {
  width: number;
  height: number;
  /** Bits of a sample. */
  bits: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGBA. */
  color: number;
  interlaced: boolean;
}

/** Channels of each colour type. */
export const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Adam7: first column, first row, step across, step down of each pass. */
export const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]] as const; // biome-ignore format: a table
