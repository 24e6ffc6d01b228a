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

/* Queries that attention computes at a time. */
#define QUERY_ROWS 66

enum { LINEAR, RELU, GELU, QUICK_GELU, SIGMOID, ERF };

INLINE int least(int a, int b) { return a < b ? a : b; }
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

INLINE v128_t load_up_to4(const float *x, int n) { return n == 4 ? LOAD(x) : load_some(x, n); }

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

/* y = exp(x - the largest of x); its sum. */
INLINE float exp_row(const float *x, float *y, int n) {
  v128_t most = ALL(x[0]);
  int i = 0;
  for (; i + 4 <= n; i += 4) most = AT_LEAST(most, LOAD(x + i));
  for (int k = i; k < n; k++) most = AT_LEAST(most, ALL(x[k]));
  most = AT_LEAST(most, wasm_i32x4_shuffle(most, most, 2, 3, 0, 1));
  most = AT_LEAST(most, wasm_i32x4_shuffle(most, most, 1, 0, 3, 2));
  v128_t sums = ALL(0.f), others = ALL(0.f);
  for (i = 0; i + 8 <= n; i += 8) {
    v128_t e = exp4(SUB(LOAD(x + i), most)), f = exp4(SUB(LOAD(x + i + 4), most));
    sums = ADD(sums, e);
    others = ADD(others, f);
    STORE(y + i, e);
    STORE(y + i + 4, f);
  }
  float sum = sum4(ADD(sums, others));
  for (; i < n; i += 4) {
    int rest = least(4, n - i);
    v128_t e = exp4(SUB(load_up_to4(x + i, rest), most));
    if (rest == 4) STORE(y + i, e);
    else store_some(y + i, e, rest);
    for (int k = i; k < i + rest; k++) sum += y[k];
  }
  return sum;
}

INLINE void scale_row(float *y, int n, float factor) {
  int i = 0;
  for (; i + 4 <= n; i += 4) STORE(y + i, MUL(LOAD(y + i), ALL(factor)));
  for (; i < n; i++) y[i] *= factor;
}

/* Softmax of each row. */
void EXPORT(softmax)(const float *x, float *y, int rows, int n) {
  for (int r = 0; r < rows; r++, x += n, y += n) scale_row(y, n, 1.f / exp_row(x, y, n));
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

#include "product.h"
#include "winograd.h"

/* ---- Convolution ------------------------------------------------------------------------------------------------ */

/* Whether a convolution goes by Winograd. */
INLINE int by_winograd(int kernelH, int kernelW, int strideH, int strideW, int channels, int outH, int outW, int out) {
  return kernelH == 3 && kernelW == 3 && strideH == 1 && strideW == 1 && winograd_pays(channels, outH, outW, out);
}

/* Floats of scratch of a convolution. */
int EXPORT(convolveScratch)(int batch, int channels, int kernelH, int kernelW, int strideH, int strideW, int outH,
                            int outW, int out) {
  int tiles = batch * ((outH + SIDE - 1) / SIDE) * ((outW + SIDE - 1) / SIDE);
  return by_winograd(kernelH, kernelW, strideH, strideW, channels, outH, outW, out)
             ? winograd_scratch(channels, tiles, out)
             : productScratch(kernelH * kernelW * channels, out);
}

/* NHWC convolution with a filter [kernelH, kernelW, channels, out]: the product with the matrix of windows, or Winograd's. */
void EXPORT(convolve)(const float *x, const float *filter, const float *bias, const float *add, float *y, int batch,
                      int height, int width, int channels, int kernelH, int kernelW, int strideH, int strideW, int top,
                      int left, int outH, int outW, int out, int act, float *scratch) {
  Windows windows = {height, width, channels, kernelH, kernelW, strideH, strideW, top, left, outH, outW};
  Finish finish = {bias, add, act};
  if (by_winograd(kernelH, kernelW, strideH, strideW, channels, outH, outW, out)) {
    winograd(x, filter, y, batch, &windows, out, &finish, scratch);
    return;
  }
  int depth = kernelH * kernelW * channels, rows = batch * outH * outW;
  int direct = kernelH == 1 && kernelW == 1 && strideH == 1 && strideW == 1 && outH == height && outW == width;
  Left a = {x, direct ? ROWS : WINDOWS, depth, &windows};
  product(&a, filter, out, 0, y, rows, depth, out, &finish, scratch);
}

/* ---- Attention ------------------------------------------------------------------------------------------------- */

/* Floats of scratch of attention. */
int EXPORT(attentionScratch)(int tokens, int size) {
  return QUERY_ROWS * PITCH + padded(tokens) * size + tokens * padded(size) + QUERY_ROWS * tokens;
}

/*
 * Softmax(Q K^T + bias) V of each image and head. qkv is [batch * tokens, 3 * heads * size]: queries (scaled already),
 * keys, values, each by head; bias [heads, tokens, tokens] or none; y [batch * tokens, heads * size].
 */
void EXPORT(attend)(const float *qkv, const float *bias, float *y, int batch, int tokens, int heads, int size,
                    float *scratch) {
  int dim = heads * size, pitch = 3 * dim;
  float *keys = scratch + QUERY_ROWS * PITCH, *values = keys + padded(tokens) * size;
  float *weights = values + tokens * padded(size), factors[QUERY_ROWS];
  for (int image = 0; image < batch; image++) {
    for (int head = 0; head < heads; head++) {
      const float *q = qkv + image * tokens * pitch + head * size;
      float *to = y + image * tokens * dim + head * size;
      pack(q + dim, pitch, 1, size, tokens, keys);
      pack(q + 2 * dim, pitch, 0, tokens, size, values);
      for (int row = 0; row < tokens; row += QUERY_ROWS) {
        int rows = least(QUERY_ROWS, tokens - row);
        Finish logits = {0, bias ? bias + (head * tokens + row) * tokens : 0, LINEAR}, mixed = {0, 0, LINEAR};
        Left queries = {q + row * pitch, ROWS, pitch, 0}, shares = {weights, ROWS, tokens, 0};
        rows_product(&queries, keys, weights, tokens, rows, size, 0, tokens, &logits, scratch);
        for (int r = 0; r < rows; r++) factors[r] = 1.f / exp_row(weights + r * tokens, weights + r * tokens, tokens);
        rows_product(&shares, values, to + row * dim, dim, rows, tokens, 0, size, &mixed, scratch);
        for (int r = 0; r < rows; r++) scale_row(to + (row + r) * dim, size, factors[r]);
      }
    }
  }
}
