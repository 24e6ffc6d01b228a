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
