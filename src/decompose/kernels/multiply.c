/*
 * The float64 matrix product of the probes, compiled by scripts/build-kernels.sh. The memory is this module's own: the
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

/* 4 x 4 sums over `depth`, added to C. */
ALONE void tile(const double *a, const double *b, int depth, double *c, int ldc, int rows, int width) {
  v128_t s[TILE][2];
  for (int i = 0; i < TILE; i++) s[i][0] = s[i][1] = wasm_f64x2_splat(0);
  for (int k = 0; k < depth; k++, a += TILE, b += TILE) {
    v128_t b0 = LOAD(b), b1 = LOAD(b + 2);
    for (int i = 0; i < TILE; i++) {
      v128_t x = wasm_v128_load64_splat(a + i);
      s[i][0] = MADD(x, b0, s[i][0]);
      s[i][1] = MADD(x, b1, s[i][1]);
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

/*
 * C [rows, cols] += A B. A holds floats, or doubles if `wide`; its next row is `down` elements on, its next column
 * `across`. B [depth, cols] and C are row-major doubles.
 */
void EXPORT(multiply)(const void *a, int wide, int down, int across, const double *b, double *c, int rows, int depth,
                      int cols, double *scratch) {
  double *block = scratch, *packed = scratch + BLOCK_ROWS * BLOCK_DEPTH;
  for (int k = 0; k < depth; k += BLOCK_DEPTH) {
    int part = least(BLOCK_DEPTH, depth - k);
    pack_b(b + k * cols, cols, part, packed);
    for (int row = 0; row < rows; row += BLOCK_ROWS) {
      int height = least(BLOCK_ROWS, rows - row), from = row * down + k * across;
      if (wide) pack_double((const double *)a + from, down, across, height, part, block);
      else pack_float((const float *)a + from, down, across, height, part, block);
      for (int j = 0; j < cols; j += TILE)
        for (int i = 0; i < height; i += TILE)
          tile(block + i * part, packed + j * part, part, c + (row + i) * cols + j, cols, least(TILE, height - i),
               least(TILE, cols - j));
    }
  }
}
