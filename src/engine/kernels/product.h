/* Products of matrices, and convolutions as the product with the matrix of windows. Included by kernels.c. */

/*
 * A tile is 6 rows by 8 columns: its 12 sums, 2 vectors of B and 1 of A fill the 15 registers that V8 has on x86.
 * Without a multiply-add, products need some too.
 */
#ifdef RELAXED
#define TILE_ROWS 6
#else
#define TILE_ROWS 4
#endif
#define TILE_COLS 8
/* Rows and depth of the part of A that stays in the level 2 cache while it meets all of B. */
#define BLOCK_ROWS 96
#ifndef BLOCK_DEPTH
#define BLOCK_DEPTH 512
#endif
/* From a row of a block to the next: known to the compiler, for addresses that are one register and a constant, and no power of 2. */
#define PITCH (BLOCK_DEPTH + 16)
/* Floats of B that are packed at a time. */
#define PACKED_FLOATS (1 << 20)

INLINE int padded(int n) { return (n + TILE_COLS - 1) & ~(TILE_COLS - 1); }

/* Length of the pieces in which sums over `depth` are taken: as equal as can be. */
INLINE int piece(int depth) {
  int pieces = (depth + BLOCK_DEPTH - 1) / BLOCK_DEPTH;
  return (depth + pieces - 1) / pieces;
}

/* What becomes of a sum before it is written: plus bias of its column, plus `add` (laid out as C), activation. */
typedef struct {
  const float *bias, *add;
  int act;
} Finish;

INLINE void transpose4(v128_t v[4]) {
  v128_t a = wasm_i32x4_shuffle(v[0], v[1], 0, 4, 1, 5), b = wasm_i32x4_shuffle(v[2], v[3], 0, 4, 1, 5);
  v128_t c = wasm_i32x4_shuffle(v[0], v[1], 2, 6, 3, 7), d = wasm_i32x4_shuffle(v[2], v[3], 2, 6, 3, 7);
  v[0] = wasm_i64x2_shuffle(a, b, 0, 2);
  v[1] = wasm_i64x2_shuffle(a, b, 1, 3);
  v[2] = wasm_i64x2_shuffle(c, d, 0, 2);
  v[3] = wasm_i64x2_shuffle(c, d, 1, 3);
}

/* `panels` whole panels of B at once: 4 read two lines of the cache in a row, one by one each line is met twice. */
INLINE void pack_panels(int panels, const float *b, int stride, int depth, float *to) {
  for (int k = 0; k < depth; k++, b += stride, to += TILE_COLS) {
    for (int p = 0; p < panels; p++) {
      STORE(to + p * depth * TILE_COLS, LOAD(b + p * TILE_COLS));
      STORE(to + p * depth * TILE_COLS + 4, LOAD(b + p * TILE_COLS + 4));
    }
  }
}

ALONE void pack_transposed(const float *b, int stride, int depth, int cols, float *to) {
  for (int j = 0; j < cols; j += TILE_COLS, to += depth * TILE_COLS, b += TILE_COLS * stride) {
    int width = least(TILE_COLS, cols - j), k = 0;
    for (; width == TILE_COLS && k + 4 <= depth; k += 4) {
      for (int half = 0; half < 2; half++) {
        v128_t v[4];
        for (int c = 0; c < 4; c++) v[c] = LOAD(b + (4 * half + c) * stride + k);
        transpose4(v);
        for (int c = 0; c < 4; c++) STORE(to + (k + c) * TILE_COLS + 4 * half, v[c]);
      }
    }
    for (; k < depth; k++)
      for (int c = 0; c < TILE_COLS; c++) to[k * TILE_COLS + c] = c < width ? b[c * stride + k] : 0.f;
  }
}

/* Columns of B [depth, cols], or of its transpose [cols, depth], as panels of 8, filled up with zeros. */
ALONE void pack(const float *b, int stride, int transposed, int depth, int cols, float *to) {
  if (transposed) {
    pack_transposed(b, stride, depth, cols, to);
    return;
  }
  int j = 0;
  for (; j + 4 * TILE_COLS <= cols; j += 4 * TILE_COLS) pack_panels(4, b + j, stride, depth, to + j * depth);
  for (; j + TILE_COLS <= cols; j += TILE_COLS) pack_panels(1, b + j, stride, depth, to + j * depth);
  for (int k = 0; j < cols && k < depth; k++)
    for (int c = 0; c < TILE_COLS; c++) to[j * depth + k * TILE_COLS + c] = j + c < cols ? b[k * stride + j + c] : 0.f;
}

INLINE void activate_tile_by(float *c, int ldc, int rows, int act) {
  for (int i = 0; i < rows; i++, c += ldc) {
    v128_t x = LOAD(c), y = LOAD(c + 4);
    STORE(c, activate4(x, act));
    STORE(c + 4, activate4(y, act));
  }
}

/* Apart from the tile's sums: constants of an activation beside them would not fit the registers. */
ALONE void activate_tile(float *c, int ldc, int rows, int act) {
  switch (act) {
    case GELU: activate_tile_by(c, ldc, rows, GELU); break;
    case QUICK_GELU: activate_tile_by(c, ldc, rows, QUICK_GELU); break;
    case SIGMOID: activate_tile_by(c, ldc, rows, SIGMOID); break;
    case ERF: activate_tile_by(c, ldc, rows, ERF); break;
  }
}

/* Writes the first n of 4 sums of a row. */
ALONE void write_some(v128_t sum, int n, float *to, int first, const Finish *last, const float *bias, const float *add) {
  if (!first) sum = ADD(sum, load_up_to4(to, n));
  if (bias) sum = ADD(sum, load_up_to4(bias, n));
  if (add) sum = ADD(sum, load_up_to4(add, n));
  if (last) sum = activate4(sum, last->act);
  if (n == 4) STORE(to, sum);
  else store_some(to, sum, n);
}

/*
 * rows x 8 sums over `depth` of a block of A and a panel of B, at `offset` of C: added to C unless `first`, finished if
 * `last`.
 */
INLINE void tile(int rows, const float *a, const float *b, int depth, float *c, int ldc, int offset, int col, int width,
                 int first, const Finish *last) {
  v128_t s[TILE_ROWS][2];
  for (int i = 0; i < rows; i++) s[i][0] = s[i][1] = ALL(0.f);
  for (int k = 0; k < depth; k++, b += TILE_COLS, a++) {
    v128_t b0 = LOAD(b), b1 = LOAD(b + 4);
    for (int i = 0; i < rows; i++) {
      v128_t x = wasm_v128_load32_splat(a + i * PITCH);
      s[i][0] = MADD(x, b0, s[i][0]);
      s[i][1] = MADD(x, b1, s[i][1]);
    }
  }
  const float *bias = last && last->bias ? last->bias + col : 0, *add = last && last->add ? last->add + offset : 0;
  int act = last ? last->act : LINEAR;
  float *to = c + offset;
  if (width < TILE_COLS) {
    for (int i = 0; i < rows; i++, to += ldc) {
      const float *plus = add ? add + i * ldc : 0;
      write_some(s[i][0], least(4, width), to, first, last, bias, plus);
      if (width > 4) write_some(s[i][1], width - 4, to + 4, first, last, bias ? bias + 4 : 0, plus ? plus + 4 : 0);
    }
    return;
  }
  if (!first) {
    for (int i = 0; i < rows; i++) {
      s[i][0] = ADD(s[i][0], LOAD(to + i * ldc));
      s[i][1] = ADD(s[i][1], LOAD(to + i * ldc + 4));
    }
  }
  if (bias) {
    v128_t b0 = LOAD(bias), b1 = LOAD(bias + 4);
    for (int i = 0; i < rows; i++) {
      s[i][0] = ADD(s[i][0], b0);
      s[i][1] = ADD(s[i][1], b1);
    }
  }
  if (add) {
    for (int i = 0; i < rows; i++) {
      s[i][0] = ADD(s[i][0], LOAD(add + i * ldc));
      s[i][1] = ADD(s[i][1], LOAD(add + i * ldc + 4));
    }
  }
  if (act == RELU) {
    for (int i = 0; i < rows; i++) {
      s[i][0] = AT_LEAST(s[i][0], ALL(0.f));
      s[i][1] = AT_LEAST(s[i][1], ALL(0.f));
    }
  }
  for (int i = 0; i < rows; i++) {
    STORE(to + i * ldc, s[i][0]);
    STORE(to + i * ldc + 4, s[i][1]);
  }
  if (act > RELU) activate_tile(to, ldc, rows, act);
}

#define TILE(n)                                                                                                     \
  ALONE void tile##n(const float *a, const float *b, int depth, float *c, int ldc, int offset, int col, int width,   \
                     int first, const Finish *last) {                                                                \
    tile(n, a, b, depth, c, ldc, offset, col, width, first, last);                                                   \
  }
TILE(1) TILE(2) TILE(3) TILE(4)
#if TILE_ROWS == 6
TILE(5) TILE(6)
#define WHOLE_TILE tile6
#else
#define WHOLE_TILE tile4
#endif

/*
 * A block of A, `rows` by `depth` from column k on, times as much of packed B, into C's rows from `row`, columns from
 * `col` on.
 */
ALONE void tiles(const float *a, int rows, const float *packed, int k, int depth, int fullDepth, float *c, int ldc,
                 int row, int col, int cols, const Finish *finish) {
  int first = k == 0;
  const Finish *last = k + depth == fullDepth ? finish : 0;
  for (int j = 0; j < cols; j += TILE_COLS) {
    const float *b = packed + j * fullDepth + k * TILE_COLS;
    int width = least(TILE_COLS, cols - j), i = 0, offset = row * ldc + col + j;
    for (; i + TILE_ROWS <= rows; i += TILE_ROWS, offset += TILE_ROWS * ldc)
      WHOLE_TILE(a + i * PITCH, b, depth, c, ldc, offset, col + j, width, first, last);
    const float *rest = a + i * PITCH;
    switch (rows - i) {
      case 1: tile1(rest, b, depth, c, ldc, offset, col + j, width, first, last); break;
      case 2: tile2(rest, b, depth, c, ldc, offset, col + j, width, first, last); break;
      case 3: tile3(rest, b, depth, c, ldc, offset, col + j, width, first, last); break;
#if TILE_ROWS == 6
      case 4: tile4(rest, b, depth, c, ldc, offset, col + j, width, first, last); break;
      case 5: tile5(rest, b, depth, c, ldc, offset, col + j, width, first, last); break;
#endif
    }
  }
}

/* An image that is read as the matrix of its windows, [batch * outH * outW, kernelH * kernelW * channels]. */
typedef struct {
  int height, width, channels, kernelH, kernelW, strideH, strideW, top, left, outH, outW;
} Windows;

enum { ROWS, TRANSPOSED, WINDOWS };

typedef struct {
  const float *data;
  int kind, stride;
  const Windows *windows;
} Left;

INLINE void copy(float *to, const float *from, int n) {
  int i = 0;
  for (; i + 4 <= n; i += 4) STORE(to + i, LOAD(from + i));
  for (; i < n; i++) to[i] = from[i];
}

INLINE void clear(float *to, int n) {
  int i = 0;
  for (; i + 4 <= n; i += 4) STORE(to + i, ALL(0.f));
  for (; i < n; i++) to[i] = 0.f;
}

/* Columns k to k + depth of the window of output position `at`. A row of a window lies in one piece of the image. */
ALONE void window_row(const float *image, const Windows *w, int at, int k, int depth, float *to) {
  int area = w->outH * w->outW, span = w->kernelW * w->channels, pitch = w->width * w->channels;
  int n = at / area, y = at % area / w->outW * w->strideH - w->top, x = at % w->outW * w->strideW - w->left;
  const float *from = image + n * w->height * pitch;
  int start = x * w->channels; /* of the window's row within the image's */
  for (int end = k + depth; k < end;) {
    int dy = k / span, offset = k - dy * span, run = least(span - offset, end - k), iy = y + dy;
    if (iy < 0 || iy >= w->height) {
      clear(to, run);
    } else {
      int begin = start + offset;
      int before = begin < 0 ? least(run, -begin) : 0;
      int inside = least(run, pitch - begin);
      if (inside < before) inside = before;
      clear(to, before);
      copy(to + before, from + iy * pitch + begin + before, inside - before);
      clear(to + inside, run - inside);
    }
    to += run;
    k += run;
  }
}

/* Copies rows and columns of A to a block. */
INLINE void fill_block(const Left *a, int row, int rows, int k, int depth, float *block) {
  for (int i = 0; i < rows; i++, block += PITCH) {
    if (a->kind == ROWS) copy(block, a->data + (row + i) * a->stride + k, depth);
    else if (a->kind == WINDOWS) window_row(a->data, a->windows, row + i, k, depth, block);
    else for (int d = 0; d < depth; d++) block[d] = a->data[(k + d) * a->stride + row + i];
  }
}

/* Columns of B that are packed at a time. */
INLINE int packed_cols(int depth, int cols) {
  int most = PACKED_FLOATS / depth & ~(TILE_COLS - 1);
  return least(padded(cols), most < TILE_COLS ? TILE_COLS : most);
}

/* Floats of scratch of a product whose sums are `depth` long. */
int EXPORT(productScratch)(int depth, int cols) {
  return packed_cols(depth, cols) * depth + BLOCK_ROWS * PITCH;
}

/* C [rows, cols] = A [rows, depth] times `cols` columns of packed B, finished. */
INLINE void rows_product(const Left *a, const float *packed, float *c, int ldc, int rows, int depth, int col, int cols,
                         const Finish *finish, float *block) {
  int most = piece(depth);
  for (int row = 0; row < rows; row += BLOCK_ROWS) {
    int height = least(BLOCK_ROWS, rows - row);
    for (int k = 0; k < depth; k += most) {
      int part = least(most, depth - k);
      fill_block(a, row, height, k, part, block);
      tiles(block, height, packed, k, part, depth, c, ldc, row, col, cols, finish);
    }
  }
}

INLINE void product(const Left *a, const float *b, int ldb, int transposedB, float *c, int rows, int depth, int cols,
                    const Finish *finish, float *scratch) {
  float *packed = scratch + BLOCK_ROWS * PITCH;
  int step = packed_cols(depth, cols);
  for (int col = 0; col < cols; col += step) {
    int width = least(step, cols - col);
    pack(transposedB ? b + col * ldb : b + col, ldb, transposedB, depth, width, packed);
    rows_product(a, packed, c, cols, rows, depth, col, width, finish, scratch);
  }
}

/* C [rows, cols] = act(A B + bias + add). A is [rows, depth] or, transposed, [depth, rows]; B alike. */
void EXPORT(matmul)(const float *a, int transposedA, const float *b, int transposedB, const float *bias, const float *add,
                    float *c, int rows, int depth, int cols, int act, float *scratch) {
  Left left = {a, transposedA ? TRANSPOSED : ROWS, transposedA ? rows : depth, 0};
  Finish finish = {bias, add, act};
  product(&left, b, transposedB ? depth : cols, transposedB, c, rows, depth, cols, &finish, scratch);
}

