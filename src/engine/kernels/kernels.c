/*
 * Kernels of the wasm engine, compiled by scripts/build-kernels.sh. They live in the memory of TF.js's wasm backend:
 * every pointer is an address in it. So there is no static data (it would overwrite the backend's), no allocation
 * (scratch comes from the caller) and a small stack that the caller points at memory of its own.
 *
 * All matrices are float32, row-major. Sums run over k in the same order for every row, whatever the number of rows:
 * the features of an image do not depend on its batch.
 */
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) name
#define INLINE static inline __attribute__((always_inline))
#define ALONE static __attribute__((noinline))
#define ALL(x) wasm_f32x4_splat(x)
#define LOAD(p) wasm_v128_load(p)
#define STORE(p, v) wasm_v128_store(p, v)
#define ADD(a, b) wasm_f32x4_add(a, b)
#define SUB(a, b) wasm_f32x4_sub(a, b)
#define MUL(a, b) wasm_f32x4_mul(a, b)
#ifdef RELAXED
#define MADD(a, b, c) wasm_f32x4_relaxed_madd(a, b, c)
#else
#define MADD(a, b, c) ADD(MUL(a, b), c)
#endif
/* The first argument when it is NaN, which the other order would lose. */
#define AT_LEAST(x, low) wasm_f32x4_pmax(x, low)
#define AT_MOST(x, high) wasm_f32x4_pmin(x, high)

/* A tile is 4 rows by 8 columns: its 8 sums, 2 vectors of B and 1 of A fit the 16 registers of x86. */
#define TILE_ROWS 4
#define TILE_COLS 8
/* Rows and depth of the part of A that stays in the level 2 cache while it meets all of B. */
#define BLOCK_ROWS 96
#define BLOCK_DEPTH 256
/* Floats of B that are packed at a time. */
#define PACKED_FLOATS (1 << 20)
/* Queries that attention computes at a time. */
#define QUERY_ROWS 64

enum { LINEAR, RELU, GELU, QUICK_GELU, SIGMOID, ERF };

INLINE int least(int a, int b) { return a < b ? a : b; }
INLINE int padded(int n) { return (n + TILE_COLS - 1) & ~(TILE_COLS - 1); }
INLINE float sum4(v128_t v) {
  return (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1)) +
         (wasm_f32x4_extract_lane(v, 2) + wasm_f32x4_extract_lane(v, 3));
}

/* ---- Functions of a number ------------------------------------------------------------------------------------- */

/* x p(x^2) / q(x^2), a relative minimax fit to 2e-8 on [-3.92, 3.92], where float32 reaches 1. */
INLINE v128_t erf4(v128_t x) {
  v128_t one = wasm_v128_or(ALL(1.f), wasm_v128_and(x, ALL(-0.f))), flat = wasm_f32x4_gt(wasm_f32x4_abs(x), ALL(3.92f));
  x = AT_MOST(AT_LEAST(x, ALL(-3.92f)), ALL(3.92f));
  v128_t y = MUL(x, x);
  v128_t p = MADD(y, ALL(2.050090947e-06f), ALL(2.848828367e-04f));
  p = MADD(y, p, ALL(3.765615789e-03f));
  p = MADD(y, p, ALL(5.274872097e-02f));
  p = MADD(y, p, ALL(1.904064077e-01f));
  p = MADD(y, p, ALL(1.128379146e+00f));
  v128_t q = MADD(y, ALL(3.809176383e-05f), ALL(1.162535656e-03f));
  q = MADD(y, q, ALL(1.496921431e-02f));
  q = MADD(y, q, ALL(1.141090924e-01f));
  q = MADD(y, q, ALL(5.020760263e-01f));
  q = MADD(y, q, ALL(1.f));
  return wasm_v128_bitselect(one, wasm_f32x4_div(MUL(x, p), q), flat);
}

/* 2^n e^r with |r| <= ln(2) / 2 and e^r = 1 + r + r^2 p(r), fitted to 3e-9. 0 below -87.3; above 88.3 as at 88.3. */
INLINE v128_t exp4(v128_t x) {
  v128_t zero = wasm_f32x4_lt(x, ALL(-87.3f));
  x = AT_MOST(AT_LEAST(x, ALL(-87.3f)), ALL(88.3f));
  v128_t n = wasm_f32x4_nearest(MUL(x, ALL(1.44269504f)));
  v128_t r = ADD(x, MUL(n, ALL(-0.693359375f))); /* this product is exact */
  r = MADD(n, ALL(2.12194440e-4f), r);
  v128_t p = MADD(r, ALL(1.381459852e-03f), ALL(8.368716983e-03f));
  p = MADD(r, p, ALL(4.166838805e-02f));
  p = MADD(r, p, ALL(1.666652063e-01f));
  p = MADD(r, p, ALL(4.999999345e-01f));
  p = ADD(MADD(MUL(r, r), p, r), ALL(1.f));
  v128_t power = wasm_i32x4_shl(wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127)), 23);
  return wasm_v128_andnot(MUL(p, power), zero);
}

INLINE v128_t sigmoid4(v128_t x) {
  return wasm_f32x4_div(ALL(1.f), ADD(ALL(1.f), exp4(wasm_f32x4_neg(x))));
}

/* GELU and QuickGELU are the graph's forms, u (1 + erf u) and u sigmoid(u): the maps around them take the factors. */
INLINE v128_t activate4(v128_t x, int act) {
  switch (act) {
    case RELU: return AT_LEAST(x, ALL(0.f));
    case GELU: return MADD(x, erf4(x), x);
    case QUICK_GELU: return MUL(x, sigmoid4(x));
    case SIGMOID: return sigmoid4(x);
    case ERF: return erf4(x);
    default: return x;
  }
}

INLINE v128_t load_some(const float *x, int n) {
  v128_t v = wasm_v128_load32_zero(x);
  if (n > 1) v = wasm_v128_load32_lane(x + 1, v, 1);
  if (n > 2) v = wasm_v128_load32_lane(x + 2, v, 2);
  return v;
}

INLINE void store_some(float *y, v128_t v, int n) {
  wasm_v128_store32_lane(y, v, 0);
  if (n > 1) wasm_v128_store32_lane(y + 1, v, 1);
  if (n > 2) wasm_v128_store32_lane(y + 2, v, 2);
}

INLINE void map4(const float *x, float *y, int n, int act) {
  int i = 0;
  for (; i + 4 <= n; i += 4) STORE(y + i, activate4(LOAD(x + i), act));
  if (i < n) store_some(y + i, activate4(load_some(x + i, n - i), act), n - i);
}

/* y = act(x), n elements. */
void EXPORT(activate)(const float *x, float *y, int n, int act) {
  switch (act) {
    case RELU: map4(x, y, n, RELU); break;
    case GELU: map4(x, y, n, GELU); break;
    case QUICK_GELU: map4(x, y, n, QUICK_GELU); break;
    case SIGMOID: map4(x, y, n, SIGMOID); break;
    case ERF: map4(x, y, n, ERF); break;
  }
}

/* ---- Functions of a row ---------------------------------------------------------------------------------------- */

INLINE float row_sum(const float *x, int n) {
  v128_t s = ALL(0.f), t = ALL(0.f);
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    s = ADD(s, LOAD(x + i));
    t = ADD(t, LOAD(x + i + 4));
  }
  float sum = sum4(ADD(s, t));
  for (; i < n; i++) sum += x[i];
  return sum;
}

/* Softmax of each row. */
void EXPORT(softmax)(const float *x, float *y, int rows, int n) {
  for (int r = 0; r < rows; r++, x += n, y += n) {
    v128_t most = ALL(x[0]);
    int i = 0;
    for (; i + 4 <= n; i += 4) most = AT_LEAST(most, LOAD(x + i));
    for (int k = i; k < n; k++) most = AT_LEAST(most, ALL(x[k]));
    most = AT_LEAST(most, wasm_i32x4_shuffle(most, most, 2, 3, 0, 1));
    most = AT_LEAST(most, wasm_i32x4_shuffle(most, most, 1, 0, 3, 2));
    v128_t sums = ALL(0.f);
    for (i = 0; i + 4 <= n; i += 4) {
      v128_t e = exp4(SUB(LOAD(x + i), most));
      sums = ADD(sums, e);
      STORE(y + i, e);
    }
    float sum = sum4(sums);
    if (i < n) {
      store_some(y + i, exp4(SUB(load_some(x + i, n - i), most)), n - i);
      for (int k = i; k < n; k++) sum += y[k];
    }
    v128_t factor = ALL(1.f / sum);
    for (i = 0; i + 4 <= n; i += 4) STORE(y + i, MUL(LOAD(y + i), factor));
    for (; i < n; i++) y[i] *= wasm_f32x4_extract_lane(factor, 0);
  }
}

/* Mean of each row. */
void EXPORT(mean)(const float *x, float *y, int rows, int n) {
  for (int r = 0; r < rows; r++) y[r] = row_sum(x + r * n, n) / n;
}

/* Each row to mean 0 and variance 1: (x - mean) / sqrt(variance + eps), the variance from the centred values. */
void EXPORT(normalize)(const float *x, float *y, int rows, int n, float eps) {
  for (int r = 0; r < rows; r++, x += n, y += n) {
    float mean = row_sum(x, n) / n;
    v128_t centre = ALL(mean), s = ALL(0.f);
    int i = 0;
    for (; i + 4 <= n; i += 4) {
      v128_t d = SUB(LOAD(x + i), centre);
      s = MADD(d, d, s);
    }
    float squares = sum4(s);
    for (; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    float factor = 1.f / __builtin_sqrtf(squares / n + eps);
    for (i = 0; i + 4 <= n; i += 4) STORE(y + i, MUL(SUB(LOAD(x + i), centre), ALL(factor)));
    for (; i < n; i++) y[i] = (x[i] - mean) * factor;
  }
}

/* ---- Matrix product -------------------------------------------------------------------------------------------- */

/* What becomes of a sum before it is written: plus bias of its column, plus `add` (laid out as C), activation. */
typedef struct {
  const float *bias, *add;
  int act;
} Finish;

/* Columns j and on of B [depth, cols], or of its transpose [cols, depth], as panels of 8, filled up with zeros. */
ALONE void pack(const float *b, int stride, int transposed, int depth, int cols, float *to) {
  for (int j = 0; j < cols; j += TILE_COLS) {
    int width = least(TILE_COLS, cols - j);
    if (transposed) {
      for (int c = 0; c < TILE_COLS; c++) {
        const float *from = b + (j + c) * stride;
        for (int k = 0; k < depth; k++) to[k * TILE_COLS + c] = c < width ? from[k] : 0.f;
      }
    } else if (width == TILE_COLS) {
      for (int k = 0; k < depth; k++) {
        const float *from = b + k * stride + j;
        STORE(to + k * TILE_COLS, LOAD(from));
        STORE(to + k * TILE_COLS + 4, LOAD(from + 4));
      }
    } else {
      for (int k = 0; k < depth; k++)
        for (int c = 0; c < TILE_COLS; c++) to[k * TILE_COLS + c] = c < width ? b[k * stride + j + c] : 0.f;
    }
    to += depth * TILE_COLS;
  }
}

ALONE void finish_tile(float *c, int ldc, int rows, int row, int col, int width, const Finish *f) {
  for (int i = row; i < row + rows; i++) {
    float *to = c + i * ldc + col;
    const float *bias = f->bias ? f->bias + col : 0, *add = f->add ? f->add + i * ldc + col : 0;
    for (int w = 0; w < width; w += 4) {
      int n = least(4, width - w);
      v128_t sum = n == 4 ? LOAD(to + w) : load_some(to + w, n);
      if (bias) sum = ADD(sum, n == 4 ? LOAD(bias + w) : load_some(bias + w, n));
      if (add) sum = ADD(sum, n == 4 ? LOAD(add + w) : load_some(add + w, n));
      sum = activate4(sum, f->act);
      if (n == 4) STORE(to + w, sum);
      else store_some(to + w, sum, n);
    }
  }
}

/* rows x 8 sums over `depth` of a block of A, added to C unless `first`, finished if `last`. */
INLINE void tile(int rows, const float *a, const float *b, int depth, float *c, int ldc, int width, int first,
                 const Finish *last, int row, int col) {
  v128_t s[TILE_ROWS][2];
  for (int i = 0; i < rows; i++) s[i][0] = s[i][1] = ALL(0.f);
  for (int k = 0; k < depth; k++, b += TILE_COLS, a++) {
    v128_t b0 = LOAD(b), b1 = LOAD(b + 4);
    for (int i = 0; i < rows; i++) {
      v128_t x = wasm_v128_load32_splat(a + i * BLOCK_DEPTH);
      s[i][0] = MADD(x, b0, s[i][0]);
      s[i][1] = MADD(x, b1, s[i][1]);
    }
  }
  for (int i = 0; i < rows; i++) {
    float *to = c + (row + i) * ldc + col;
    if (width == TILE_COLS) {
      STORE(to, first ? s[i][0] : ADD(LOAD(to), s[i][0]));
      STORE(to + 4, first ? s[i][1] : ADD(LOAD(to + 4), s[i][1]));
    } else {
      float part[TILE_COLS];
      STORE(part, s[i][0]);
      STORE(part + 4, s[i][1]);
      for (int w = 0; w < width; w++) to[w] = first ? part[w] : to[w] + part[w];
    }
  }
  if (last && (last->bias || last->add || last->act != LINEAR)) finish_tile(c, ldc, rows, row, col, width, last);
}

#define TILE(n)                                                                                                 \
  ALONE void tile##n(const float *a, const float *b, int depth, float *c, int ldc, int width, int first,        \
                     const Finish *last, int row, int col) {                                                    \
    tile(n, a, b, depth, c, ldc, width, first, last, row, col);                                                 \
  }
TILE(1) TILE(2) TILE(3) TILE(4)

/*
 * A block of A, `rows` by `depth` from column k on, times as much of packed B, into C's rows from `row`, columns from
 * `col` on. The rows of a block are BLOCK_DEPTH apart: addresses then are one register and a constant, 15 % faster.
 */
ALONE void tiles(const float *a, int rows, const float *packed, int k, int depth, int fullDepth, float *c, int ldc,
                 int row, int col, int cols, const Finish *finish) {
  int first = k == 0;
  const Finish *last = k + depth == fullDepth ? finish : 0;
  for (int j = 0; j < cols; j += TILE_COLS) {
    const float *b = packed + j * fullDepth + k * TILE_COLS;
    int width = least(TILE_COLS, cols - j), i = 0;
    for (; i + 4 <= rows; i += 4)
      tile4(a + i * BLOCK_DEPTH, b, depth, c, ldc, width, first, last, row + i, col + j);
    const float *rest = a + i * BLOCK_DEPTH;
    switch (rows - i) {
      case 1: tile1(rest, b, depth, c, ldc, width, first, last, row + i, col + j); break;
      case 2: tile2(rest, b, depth, c, ldc, width, first, last, row + i, col + j); break;
      case 3: tile3(rest, b, depth, c, ldc, width, first, last, row + i, col + j); break;
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
  for (int i = 0; i < rows; i++, block += BLOCK_DEPTH) {
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
  return packed_cols(depth, cols) * depth + BLOCK_ROWS * BLOCK_DEPTH;
}

INLINE void product(const Left *a, const float *b, int ldb, int transposedB, float *c, int rows, int depth, int cols,
                    const Finish *finish, float *scratch) {
  float *packed = scratch + BLOCK_ROWS * BLOCK_DEPTH;
  int step = packed_cols(depth, cols);
  for (int col = 0; col < cols; col += step) {
    int width = least(step, cols - col);
    pack(transposedB ? b + col * ldb : b + col, ldb, transposedB, depth, width, packed);
    for (int row = 0; row < rows; row += BLOCK_ROWS) {
      int height = least(BLOCK_ROWS, rows - row);
      for (int k = 0; k < depth; k += BLOCK_DEPTH) {
        int part = least(BLOCK_DEPTH, depth - k);
        fill_block(a, row, height, k, part, scratch);
        tiles(scratch, height, packed, k, part, depth, c, cols, row, col, width, finish);
      }
    }
  }
}

/* C [rows, cols] = act(A B + bias + add). A is [rows, depth] or, transposed, [depth, rows]; B alike. */
void EXPORT(matmul)(const float *a, int transposedA, const float *b, int transposedB, const float *bias, const float *add,
                    float *c, int rows, int depth, int cols, int act, float *scratch) {
  Left left = {a, transposedA ? TRANSPOSED : ROWS, transposedA ? rows : depth, 0};
  Finish finish = {bias, add, act};
  product(&left, b, transposedB ? depth : cols, transposedB, c, rows, depth, cols, &finish, scratch);
}

/* NHWC convolution with a filter [kernelH, kernelW, channels, out]: the product with the matrix of windows. */
void EXPORT(convolve)(const float *x, const float *filter, const float *bias, const float *add, float *y, int batch,
                      int height, int width, int channels, int kernelH, int kernelW, int strideH, int strideW, int top,
                      int left, int outH, int outW, int out, int act, float *scratch) {
  Windows windows = {height, width, channels, kernelH, kernelW, strideH, strideW, top, left, outH, outW};
  int depth = kernelH * kernelW * channels, rows = batch * outH * outW;
  int direct = kernelH == 1 && kernelW == 1 && strideH == 1 && strideW == 1 && outH == height && outW == width;
  Left a = {x, direct ? ROWS : WINDOWS, depth, &windows};
  Finish finish = {bias, add, act};
  product(&a, filter, out, 0, y, rows, depth, out, &finish, scratch);
}

/* ---- Attention ------------------------------------------------------------------------------------------------- */

/* Floats of scratch of attention. */
int EXPORT(attentionScratch)(int tokens, int size) {
  return QUERY_ROWS * BLOCK_DEPTH + padded(tokens) * size + tokens * padded(size) + QUERY_ROWS * tokens;
}

/* C [rows, cols] = A [rows, depth] times packed B, finished. */
INLINE void rows_product(const float *a, int stride, const float *packed, float *c, int ldc, int rows, int depth, int cols,
                         const Finish *finish, float *block) {
  Left left = {a, ROWS, stride, 0};
  for (int k = 0; k < depth; k += BLOCK_DEPTH) {
    int part = least(BLOCK_DEPTH, depth - k);
    fill_block(&left, 0, rows, k, part, block);
    tiles(block, rows, packed, k, part, depth, c, ldc, 0, 0, cols, finish);
  }
}

/*
 * Softmax(Q K^T + bias) V of each image and head. qkv is [batch * tokens, 3 * heads * size]: queries (scaled already),
 * keys, values, each by head; bias [heads, tokens, tokens] or none; y [batch * tokens, heads * size].
 */
void EXPORT(attend)(const float *qkv, const float *bias, float *y, int batch, int tokens, int heads, int size,
                    float *scratch) {
  int dim = heads * size, pitch = 3 * dim;
  float *keys = scratch + QUERY_ROWS * BLOCK_DEPTH, *values = keys + padded(tokens) * size;
  float *weights = values + tokens * padded(size);
  for (int image = 0; image < batch; image++) {
    for (int head = 0; head < heads; head++) {
      const float *q = qkv + image * tokens * pitch + head * size;
      float *to = y + image * tokens * dim + head * size;
      pack(q + dim, pitch, 1, size, tokens, keys);
      pack(q + 2 * dim, pitch, 0, tokens, size, values);
      for (int row = 0; row < tokens; row += QUERY_ROWS) {
        int rows = least(QUERY_ROWS, tokens - row);
        Finish logits = {0, bias ? bias + (head * tokens + row) * tokens : 0, LINEAR}, mixed = {0, 0, LINEAR};
        rows_product(q + row * pitch, pitch, keys, weights, tokens, rows, size, tokens, &logits, scratch);
        softmax(weights, weights, rows, tokens);
        rows_product(weights, tokens, values, to + row * dim, dim, rows, tokens, size, &mixed, scratch);
      }
    }
  }
}
