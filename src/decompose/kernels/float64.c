/*
 * Float64 arithmetic of the probes, compiled by scripts/build-kernels.sh. The memory is this module's own: the
 * caller lays it out from heapBase() on and passes addresses; there is no static data.
 *
 * Sums run over the depth in blocks, in the same order for every row and column, whatever their numbers.
 */
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) name
#define INLINE static inline __attribute__((always_inline))
#define ALONE static __attribute__((noinline))
#define LOAD(p) wasm_v128_load(p)
#define STORE(p, v) wasm_v128_store(p, v)
#define ADD(a, b) wasm_f64x2_add(a, b)
#ifdef RELAXED
#define MADD(a, b, c) wasm_f64x2_relaxed_madd(a, b, c)
#else
#define MADD(a, b, c) ADD(wasm_f64x2_mul(a, b), c)
#endif

/* A tile is 4 rows by 4 columns: 8 sums, 2 vectors of B and 1 of A fit the 16 registers of x86. */
#define TILE 4
/* Rows and depth of the part of A that stays in the level 2 cache while it meets all of B; multiples of TILE. */
#define BLOCK_ROWS 96
#define BLOCK_DEPTH 256

INLINE int least(int a, int b) { return a < b ? a : b; }
INLINE int padded(int n) { return (n + TILE - 1) & ~(TILE - 1); }

extern unsigned char __heap_base;
/* First address that is free. */
int EXPORT(heapBase)(void) { return ((int)&__heap_base + 63) & ~63; }

/* Bytes of scratch of a product with so many columns. */
int EXPORT(scratchBytes)(int cols) { return (BLOCK_ROWS + padded(cols)) * BLOCK_DEPTH * sizeof(double); }

/* Both operands are laid out as panels: 4 values of A's column, or of B's row, lie together. Missing ones are zero. */
ALONE void pack_b(const double *b, int cols, int depth, double *to) {
  for (int j = 0; j < cols; j += TILE) {
    int width = least(TILE, cols - j);
    const double *from = b + j;
    if (width == TILE) {
      for (int k = 0; k < depth; k++, from += cols, to += TILE) {
        STORE(to, LOAD(from));
        STORE(to + 2, LOAD(from + 2));
      }
    } else {
      for (int k = 0; k < depth; k++, from += cols, to += TILE)
        for (int c = 0; c < TILE; c++) to[c] = c < width ? from[c] : 0;
    }
  }
}

#define PACK_A(type)                                                                                           \
  ALONE void pack_##type(const type *a, int down, int across, int rows, int depth, double *to) {              \
    for (int i = 0; i < rows; i += TILE, a += TILE * down) {                                                   \
      int height = least(TILE, rows - i);                                                                      \
      const type *from = a;                                                                                    \
      if (height == TILE) {                                                                                    \
        const type *b = a + down, *c = b + down, *d = c + down;                                                \
        for (int k = 0, at = 0; k < depth; k++, at += across, to += TILE) {                                    \
          to[0] = from[at];                                                                                    \
          to[1] = b[at];                                                                                       \
          to[2] = c[at];                                                                                       \
          to[3] = d[at];                                                                                       \
        }                                                                                                      \
      } else {                                                                                                 \
        for (int k = 0; k < depth; k++, from += across, to += TILE)                                            \
          for (int r = 0; r < TILE; r++) to[r] = r < height ? from[r * down] : 0;                              \
      }                                                                                                        \
    }                                                                                                          \
  }
PACK_A(float)
PACK_A(double)

/* 4 x 4 sums over `depth`, added to C; half of them where the other columns are not there. */
ALONE void tile(const double *a, const double *b, int depth, double *c, int ldc, int rows, int width) {
  v128_t s[TILE][2];
  for (int i = 0; i < TILE; i++) s[i][0] = s[i][1] = wasm_f64x2_splat(0);
  if (width > 2) {
    for (int k = 0; k < depth; k++, a += TILE, b += TILE) {
      v128_t b0 = LOAD(b), b1 = LOAD(b + 2);
      for (int i = 0; i < TILE; i++) {
        v128_t x = wasm_v128_load64_splat(a + i);
        s[i][0] = MADD(x, b0, s[i][0]);
        s[i][1] = MADD(x, b1, s[i][1]);
      }
    }
  } else {
    for (int k = 0; k < depth; k++, a += TILE, b += TILE) {
      v128_t b0 = LOAD(b);
      for (int i = 0; i < TILE; i++) s[i][0] = MADD(wasm_v128_load64_splat(a + i), b0, s[i][0]);
    }
  }
  if (rows == TILE && width == TILE) {
    for (int i = 0; i < TILE; i++, c += ldc) {
      STORE(c, ADD(LOAD(c), s[i][0]));
      STORE(c + 2, ADD(LOAD(c + 2), s[i][1]));
    }
    return;
  }
  double part[TILE][TILE];
  for (int i = 0; i < TILE; i++) {
    STORE(part[i], s[i][0]);
    STORE(part[i] + 2, s[i][1]);
  }
  for (int i = 0; i < rows; i++, c += ldc)
    for (int w = 0; w < width; w++) c[w] += part[i][w];
}

/* A row-major or transposed matrix of floats, or of doubles if `wide`: row and column are `down` and `across` elements on. */
typedef struct {
  const void *data;
  int wide, down, across;
} Matrix;

ALONE void pack_a(const Matrix *a, int row, int rows, int k, int depth, double *to) {
  int from = row * a->down + k * a->across;
  if (a->wide) pack_double((const double *)a->data + from, a->down, a->across, rows, depth, to);
  else pack_float((const float *)a->data + from, a->down, a->across, rows, depth, to);
}

/* Bytes of A, packed whole. */
int EXPORT(packedBytes)(int rows, int depth) { return padded(rows) * depth * sizeof(double); }

/* A, packed whole: for products with many B. */
void EXPORT(pack)(const void *data, int wide, int down, int across, int rows, int depth, double *to) {
  Matrix a = {data, wide, down, across};
  for (int k = 0; k < depth; k += BLOCK_DEPTH) {
    int part = least(BLOCK_DEPTH, depth - k);
    pack_a(&a, 0, rows, k, part, to);
    to += padded(rows) * part;
  }
}

/* `ready` is A packed whole, or else `a` says where it is. */
INLINE void product(const double *ready, const Matrix *a, const double *b, double *c, int rows, int depth, int cols,
                    double *scratch) {
  double *packed = scratch + BLOCK_ROWS * BLOCK_DEPTH;
  for (int k = 0; k < depth; k += BLOCK_DEPTH) {
    int part = least(BLOCK_DEPTH, depth - k);
    pack_b(b + k * cols, cols, part, packed);
    for (int row = 0; row < rows; row += BLOCK_ROWS) {
      int height = least(BLOCK_ROWS, rows - row);
      const double *block = ready ? ready + k * padded(rows) + row * part : scratch;
      if (!ready) pack_a(a, row, height, k, part, scratch);
      for (int j = 0; j < cols; j += TILE)
        for (int i = 0; i < height; i += TILE)
          tile(block + i * part, packed + j * part, part, c + (row + i) * cols + j, cols, least(TILE, height - i),
               least(TILE, cols - j));
    }
  }
}

/* C [rows, cols] += A B, where B [depth, cols] and C are row-major doubles. */
void EXPORT(multiply)(const void *data, int wide, int down, int across, const double *b, double *c, int rows, int depth,
                      int cols, double *scratch) {
  Matrix a = {data, wide, down, across};
  product(0, &a, b, c, rows, depth, cols, scratch);
}

void EXPORT(multiplyPacked)(const double *packed, const double *b, double *c, int rows, int depth, int cols,
                            double *scratch) {
  product(packed, 0, b, c, rows, depth, cols, scratch);
}

/* ---- Vectors --------------------------------------------------------------------------------------------------- */

double EXPORT(dot)(const double *a, const double *b, int n) {
  v128_t s[4];
  for (int j = 0; j < 4; j++) s[j] = wasm_f64x2_splat(0);
  int i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 4; j++) s[j] = MADD(LOAD(a + i + 2 * j), LOAD(b + i + 2 * j), s[j]);
  v128_t all = ADD(ADD(s[0], s[1]), ADD(s[2], s[3]));
  double sum = wasm_f64x2_extract_lane(all, 0) + wasm_f64x2_extract_lane(all, 1);
  for (; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* a = alpha a + beta b */
void EXPORT(combine)(double alpha, double *a, double beta, const double *b, int n) {
  v128_t f = wasm_f64x2_splat(alpha), g = wasm_f64x2_splat(beta);
  int i = 0;
  for (; i + 2 <= n; i += 2) STORE(a + i, MADD(g, LOAD(b + i), wasm_f64x2_mul(f, LOAD(a + i))));
  for (; i < n; i++) a[i] = alpha * a[i] + beta * b[i];
}

/* Sum of the rows of a [rows, n]. */
void EXPORT(sumRows)(const double *a, double *sum, int rows, int n) {
  for (int i = 0; i < n; i++) sum[i] = 0;
  for (int r = 0; r < rows; r++, a += n) {
    int i = 0;
    for (; i + 2 <= n; i += 2) STORE(sum + i, ADD(LOAD(sum + i), LOAD(a + i)));
    if (i < n) sum[i] += a[i];
  }
}

/* Rows of t [rows, n] become p * (t - sum(p * t)) with the rows of p. */
void EXPORT(curve)(const double *p, double *t, int rows, int n) {
  for (int r = 0; r < rows; r++, p += n, t += n) {
    v128_t s = wasm_f64x2_splat(0);
    int i = 0;
    for (; i + 2 <= n; i += 2) s = MADD(LOAD(p + i), LOAD(t + i), s);
    double mean = wasm_f64x2_extract_lane(s, 0) + wasm_f64x2_extract_lane(s, 1);
    if (i < n) mean += p[i] * t[i];
    v128_t m = wasm_f64x2_splat(mean);
    for (i = 0; i + 2 <= n; i += 2) STORE(t + i, wasm_f64x2_mul(LOAD(p + i), wasm_f64x2_sub(LOAD(t + i), m)));
    if (i < n) t[i] = p[i] * (t[i] - mean);
  }
}

/* ---- Softmax --------------------------------------------------------------------------------------------------- */

/*
 * e^x of x <= 0, as 2^n e^r with |r| <= ln(2) / 2 and e^r by its series to r^13: within two units of the last place. 0
 * below -708. ln(2) in two parts, of which the product of the first with n is exact.
 */
INLINE v128_t exponential(v128_t x) {
  v128_t lost = wasm_f64x2_lt(x, wasm_f64x2_splat(-708));
  x = wasm_f64x2_pmax(x, wasm_f64x2_splat(-708));
  v128_t n = wasm_f64x2_nearest(wasm_f64x2_mul(x, wasm_f64x2_splat(1.4426950408889634)));
  v128_t r = ADD(x, wasm_f64x2_mul(n, wasm_f64x2_splat(-6.93147180369123816490e-01)));
  r = ADD(r, wasm_f64x2_mul(n, wasm_f64x2_splat(-1.90821492927058770002e-10)));
  v128_t sum = wasm_f64x2_splat(1. / 6227020800);
#define TERM(factorial) sum = MADD(sum, r, wasm_f64x2_splat(1. / factorial))
  TERM(479001600);
  TERM(39916800);
  TERM(3628800);
  TERM(362880);
  TERM(40320);
  TERM(5040);
  TERM(720);
  TERM(120);
  TERM(24);
  TERM(6);
  TERM(2);
  TERM(1);
  TERM(1);
#undef TERM
  /* n in the low bits of a number near 1.5 * 2^52; the shift leaves n + 1023 as the exponent. */
  v128_t bits = wasm_i64x2_add(ADD(n, wasm_f64x2_splat(0x1.8p52)), wasm_i64x2_splat(1023));
  return wasm_v128_andnot(wasm_f64x2_mul(sum, wasm_i64x2_shl(bits, 52)), lost);
}

/* Two numbers, or the last one of a row twice. */
INLINE v128_t load2(const double *a, int left) { return left > 1 ? LOAD(a) : wasm_v128_load64_splat(a); }
INLINE double sum2(v128_t s) { return wasm_f64x2_extract_lane(s, 0) + wasm_f64x2_extract_lane(s, 1); }

/* Probabilities of scores [rows, n]. */
void EXPORT(softmax)(const double *scores, double *p, int rows, int n) {
  for (int r = 0; r < rows; r++, scores += n, p += n) {
    double top = scores[0], sum = 0;
    for (int i = 1; i < n; i++) top = scores[i] > top ? scores[i] : top;
    for (int i = 0; i < n; i += 2) {
      v128_t e = exponential(wasm_f64x2_sub(load2(scores + i, n - i), wasm_f64x2_splat(top)));
      if (n - i > 1) {
        STORE(p + i, e);
        sum += sum2(e);
      } else {
        p[i] = wasm_f64x2_extract_lane(e, 0);
        sum += p[i];
      }
    }
    for (int i = 0; i < n; i++) p[i] /= sum;
  }
}

/* Derivative of the sum of cross-entropies with labels y at scores + along * d, by `along`. */
double EXPORT(slope)(const double *scores, const double *d, double along, const int *y, int rows, int n) {
  double total = 0;
  v128_t step = wasm_f64x2_splat(along);
  for (int r = 0; r < rows; r++, scores += n, d += n) {
    double top = scores[0] + along * d[0], sum = 0, weighted = 0, own = d[y[r]];
    for (int i = 1; i < n; i++) {
      double x = scores[i] + along * d[i];
      top = x > top ? x : top;
    }
    for (int i = 0; i < n; i += 2) {
      v128_t change = load2(d + i, n - i);
      v128_t x = ADD(load2(scores + i, n - i), wasm_f64x2_mul(step, change));
      v128_t e = exponential(wasm_f64x2_pmin(wasm_f64x2_sub(x, wasm_f64x2_splat(top)), wasm_f64x2_splat(0)));
      /* Against the own class, whose probability near 1 would hide what the others are. */
      v128_t w = wasm_f64x2_mul(e, wasm_f64x2_sub(change, wasm_f64x2_splat(own)));
      if (n - i > 1) {
        sum += sum2(e);
        weighted += sum2(w);
      } else {
        sum += wasm_f64x2_extract_lane(e, 0);
        weighted += wasm_f64x2_extract_lane(w, 0);
      }
    }
    total += weighted / sum;
  }
  return total;
}
