/*
 * 3 x 3 convolutions of stride 1 by Winograd's F(4 x 4, 3 x 3) (Lavin and Gray 2016): a quarter of the multiplications.
 * Input, filter and output are polynomials' coefficients; their products are taken at the points 0, +-3/4, +-3/2 and
 * infinity. These are exact in float32 as are the matrices of input and output, and lose half as much as the usual
 * 0, +-1, +-2: a sum of 2304 products is off by 9e-7 of its size, by 2e-7 without Winograd. Included by kernels.c.
 */

#define SIDE 4           /* of a tile of the output */
#define PATCH 6          /* of the input that it needs */
#define POINTS 36        /* products of a tile and channel */
#define LOW 0.75f        /* points */
#define HIGH 1.5f
#define LOW2 0.5625f     /* their squares and cubes */
#define HIGH2 2.25f
#define LOW3 0.421875f
#define HIGH3 3.375f
/* Floats of transformed input that are kept at a time. */
#define INPUT_FLOATS (3 << 19)
/* Columns of the transformed filter that are kept at a time. */
#define FILTER_COLS 64

/* From the matrix of a point to the next: a power of 2 would put all points into the same few lines of the cache. */
INLINE int apart(int floats) { return floats + 16; }

/* a - b x, or a + b x. */
INLINE v128_t less(v128_t a, float b, v128_t x) { return MADD(ALL(-b), x, a); }
INLINE v128_t plus(v128_t a, float b, v128_t x) { return MADD(ALL(b), x, a); }

/* Values at the points of the polynomial that 6 inputs stand for. */
INLINE void to_points(const v128_t d[PATCH], v128_t v[PATCH]) {
  v128_t even = less(d[4], HIGH2, d[2]), odd = less(d[3], HIGH2, d[1]);
  v[1] = plus(even, LOW, odd);
  v[2] = less(even, LOW, odd);
  even = less(d[4], LOW2, d[2]);
  odd = less(d[3], LOW2, d[1]);
  v[3] = plus(even, HIGH, odd);
  v[4] = less(even, HIGH, odd);
  v[0] = plus(less(d[4], LOW2 + HIGH2, d[2]), LOW2 * HIGH2, d[0]);
  v[5] = plus(less(d[5], LOW2 + HIGH2, d[3]), LOW2 * HIGH2, d[1]);
}

/* Values at the points of a filter, divided by what Lagrange's interpolation divides by. */
INLINE void filter_to_points(const v128_t g[3], v128_t u[PATCH]) {
  const float zero = 1.f / (LOW2 * HIGH2), low = 0.5f / (LOW2 * (LOW2 - HIGH2)), high = 0.5f / (HIGH2 * (HIGH2 - LOW2));
  u[0] = MUL(ALL(zero), g[0]);
  v128_t even = MUL(ALL(low), plus(g[0], LOW2, g[2])), odd = MUL(ALL(low * LOW), g[1]);
  u[1] = ADD(even, odd);
  u[2] = SUB(even, odd);
  even = MUL(ALL(high), plus(g[0], HIGH2, g[2]));
  odd = MUL(ALL(high * HIGH), g[1]);
  u[3] = ADD(even, odd);
  u[4] = SUB(even, odd);
  u[5] = g[2];
}

/* 4 outputs from the products at the points. */
INLINE void from_points(const v128_t m[PATCH], v128_t y[SIDE]) {
  v128_t low = ADD(m[1], m[2]), high = ADD(m[3], m[4]), low1 = SUB(m[1], m[2]), high1 = SUB(m[3], m[4]);
  y[0] = ADD(m[0], ADD(low, high));
  y[1] = plus(MUL(ALL(LOW), low1), HIGH, high1);
  y[2] = plus(MUL(ALL(LOW2), low), HIGH2, high);
  y[3] = ADD(plus(MUL(ALL(LOW3), low1), HIGH3, high1), m[5]);
}

/* Where a tile lies: image, first row and column of its output. */
typedef struct {
  int image, y, x;
} Tile;

INLINE Tile tile_at(int index, const Windows *w) {
  int across = (w->outW + SIDE - 1) / SIDE, down = (w->outH + SIDE - 1) / SIDE, within = index % (across * down);
  Tile tile = {index / (across * down), within / across * SIDE, within % across * SIDE};
  return tile;
}

/* Tiles from `first` on to `to` [36, count, channels]. */
ALONE void transform_input(const float *image, const Windows *w, int first, int count, const float *zeros, float *to) {
  int channels = w->channels;
  for (int t = 0; t < count; t++) {
    Tile at = tile_at(first + t, w);
    const float *from[PATCH * PATCH];
    for (int i = 0; i < PATCH; i++) {
      for (int j = 0; j < PATCH; j++) {
        int y = at.y - w->top + i, x = at.x - w->left + j;
        int inside = y >= 0 && y < w->height && x >= 0 && x < w->width;
        from[i * PATCH + j] = inside ? image + ((at.image * w->height + y) * w->width + x) * channels : zeros;
      }
    }
    for (int c = 0; c < channels; c += 4) {
      v128_t rows[PATCH][PATCH];
      for (int i = 0; i < PATCH; i++) {
        v128_t d[PATCH];
        for (int j = 0; j < PATCH; j++) d[j] = LOAD(from[i * PATCH + j] + c);
        to_points(d, rows[i]);
      }
      float *out = to + t * channels + c;
      for (int j = 0; j < PATCH; j++) {
        v128_t d[PATCH], v[PATCH];
        for (int i = 0; i < PATCH; i++) d[i] = rows[i][j];
        to_points(d, v);
        for (int i = 0; i < PATCH; i++) STORE(out + (i * PATCH + j) * apart(count * channels), v[i]);
      }
    }
  }
}

/* `cols` columns of a filter [3, 3, channels, out] to `to` [36], each packed as a product takes it. */
ALONE void transform_filter(const float *filter, int channels, int out, int cols, float *to) {
  for (int c = 0; c < channels; c++) {
    for (int col = 0; col < cols; col += 4) {
      v128_t rows[3][PATCH];
      for (int i = 0; i < 3; i++) {
        v128_t g[3];
        for (int j = 0; j < 3; j++) g[j] = LOAD(filter + ((i * 3 + j) * channels + c) * out + col);
        filter_to_points(g, rows[i]);
      }
      float *at = to + (col & ~(TILE_COLS - 1)) * channels + c * TILE_COLS + (col & (TILE_COLS - 1));
      for (int j = 0; j < PATCH; j++) {
        v128_t g[3] = {rows[0][j], rows[1][j], rows[2][j]}, u[PATCH];
        filter_to_points(g, u);
        for (int i = 0; i < PATCH; i++) STORE(at + (i * PATCH + j) * apart(channels * cols), u[i]);
      }
    }
  }
}

/* Products [36, count, cols] of tiles from `first` on to columns `col` and on of the output, finished. */
ALONE void transform_output(const float *products, const Windows *w, int first, int count, int col, int cols, int out,
                            const Finish *finish, float *to) {
  for (int t = 0; t < count; t++) {
    Tile at = tile_at(first + t, w);
    int height = least(SIDE, w->outH - at.y), width = least(SIDE, w->outW - at.x);
    int offset = ((at.image * w->outH + at.y) * w->outW + at.x) * out + col;
    for (int c = 0; c < cols; c += 4) {
      const float *from = products + t * cols + c;
      v128_t rows[PATCH][SIDE];
      for (int i = 0; i < PATCH; i++) {
        v128_t m[PATCH];
        for (int j = 0; j < PATCH; j++) m[j] = LOAD(from + (i * PATCH + j) * apart(count * cols));
        from_points(m, rows[i]);
      }
      v128_t bias = finish->bias ? LOAD(finish->bias + col + c) : ALL(0.f);
      for (int j = 0; j < width; j++) {
        v128_t m[PATCH], y[SIDE];
        for (int i = 0; i < PATCH; i++) m[i] = rows[i][j];
        from_points(m, y);
        for (int i = 0; i < height; i++) {
          int place = offset + (i * w->outW + j) * out + c;
          v128_t sum = ADD(y[i], bias);
          if (finish->add) sum = ADD(sum, LOAD(finish->add + place));
          if (finish->act == RELU) sum = AT_LEAST(sum, ALL(0.f));
          STORE(to + place, sum);
        }
      }
    }
  }
}

/* By the image alone, never the batch: whether the tiles save at least half of the multiplications. */
INLINE int winograd_pays(int channels, int outH, int outW, int out) {
  int tiles = (outH + SIDE - 1) / SIDE * ((outW + SIDE - 1) / SIDE);
  return channels >= 16 && channels % 4 == 0 && out >= 16 && out % TILE_COLS == 0 && outH * outW >= 8 * tiles;
}

/* Tiles that are computed at a time. */
INLINE int tiles_at_once(int channels, int tiles) {
  int most = INPUT_FLOATS / (POINTS * channels), blocks;
  if (most < TILE_ROWS) most = TILE_ROWS;
  blocks = (tiles + most - 1) / most;
  return (tiles + blocks - 1) / blocks;
}

INLINE int winograd_scratch(int channels, int tiles, int out) {
  int count = tiles_at_once(channels, tiles), cols = least(FILTER_COLS, out);
  return channels + BLOCK_ROWS * PITCH + POINTS * (apart(count * channels) + apart(count * cols) + apart(channels * cols));
}

ALONE void winograd(const float *x, const float *filter, float *y, int batch, const Windows *w, int out,
                    const Finish *finish, float *scratch) {
  int channels = w->channels;
  int tiles = batch * ((w->outH + SIDE - 1) / SIDE) * ((w->outW + SIDE - 1) / SIDE);
  int step = tiles_at_once(channels, tiles), most = least(FILTER_COLS, out);
  float *zeros = scratch, *block = zeros + channels, *input = block + BLOCK_ROWS * PITCH;
  float *products = input + POINTS * apart(step * channels), *weights = products + POINTS * apart(step * most);
  const Finish none = {0, 0, LINEAR};
  clear(zeros, channels);
  for (int first = 0; first < tiles; first += step) {
    int count = least(step, tiles - first);
    transform_input(x, w, first, count, zeros, input);
    for (int col = 0; col < out; col += most) {
      int cols = least(most, out - col);
      transform_filter(filter + col, channels, out, cols, weights);
      for (int p = 0; p < POINTS; p++) {
        Left a = {input + p * apart(count * channels), ROWS, channels, 0};
        rows_product(&a, weights + p * apart(channels * cols), products + p * apart(count * cols), cols, count, channels,
                     0, cols, &none, block);
      }
      transform_output(products, w, first, count, col, cols, out, finish, y);
    }
  }
  if (finish->act > RELU) activate(y, y, batch * w->outH * w->outW * out, finish->act);
}
