// PIL's 8-bit resampling of RGB, two passes of fixed-point sums, on 128-bit lanes. Compiled by scripts/build-kernels.sh.
//
// A weight of 22 fractional bits is split into high * 4096 + low, so that two taps of two bytes each are one 16-bit dot
// product. Sums are exact modulo 2^32, as PIL's are; so the bytes are the same.
#include <wasm_simd128.h>

typedef unsigned char u8;
#define EXPORT(name) __attribute__((export_name(#name)))
#define BITS 22
#define LOW_BITS 12

extern u8 __heap_base;

// Where the caller may put its buffers.
EXPORT(heapBase) unsigned heapBase(void) { return (unsigned)&__heap_base; }

static inline v128_t rounded(v128_t high, v128_t low) {
  v128_t sum = wasm_i32x4_add(wasm_i32x4_shl(high, LOW_BITS), low);
  return wasm_i32x4_shr(wasm_i32x4_add(sum, wasm_i32x4_splat(1 << (BITS - 1))), BITS);
}

static inline v128_t accumulate(v128_t sum, v128_t pairs, v128_t weights) {
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(pairs, weights));
}

// Rows from -> to. Output pixel x reads groups[x] * 4 input pixels from offsets[x] on (a byte offset in the row); each
// group has four words of weights in turn: high and low of taps 0 and 1, high and low of taps 2 and 3. Up to 16 bytes
// after a row may be read, and one after it written.
EXPORT(horizontal)
void horizontal(const u8 *from, int stride, u8 *to, int outStride, int width, int rows, const int *offsets,
                const int *groups, const int *weights) {
  for (int y = 0; y < rows; y++, from += stride, to += outStride) {
    const int *w = weights;
    for (int x = 0; x < width; x++) {
      const u8 *p = from + offsets[x];
      v128_t high = wasm_i32x4_splat(0), low = high;
      for (int n = groups[x]; n > 0; n--, p += 12, w += 4) {
        v128_t v = wasm_v128_load(p);
        // r0 r1 g0 g1 b0 b1 . . r2 r3 g2 g3 b2 b3 . .
        v = wasm_i8x16_shuffle(v, v, 0, 3, 1, 4, 2, 5, 0, 3, 6, 9, 7, 10, 8, 11, 6, 9);
        v128_t first = wasm_u16x8_extend_low_u8x16(v), second = wasm_u16x8_extend_high_u8x16(v);
        high = accumulate(high, first, wasm_v128_load32_splat(w));
        low = accumulate(low, first, wasm_v128_load32_splat(w + 1));
        high = accumulate(high, second, wasm_v128_load32_splat(w + 2));
        low = accumulate(low, second, wasm_v128_load32_splat(w + 3));
      }
      v128_t words = wasm_i16x8_narrow_i32x4(rounded(high, low), wasm_i32x4_splat(0));
      wasm_v128_store32_lane(to + x * 3, wasm_u8x16_narrow_i16x8(words, words), 0);
    }
  }
}

// Output row y sums pairs[y] * 2 input rows from row starts[y] on; each pair has two words of weights, high and low. Rows
// are of `stride` bytes, of which `bytes` count; the output is packed. Up to 15 bytes after it may be written.
EXPORT(vertical)
void vertical(const u8 *from, int stride, u8 *to, int bytes, int height, const int *starts, const int *pairs,
              const int *weights) {
  for (int y = 0; y < height; y++, to += bytes) {
    for (int x = 0; x < bytes; x += 16) {
      const u8 *p = from + (long)starts[y] * stride + x;
      const int *w = weights;
      v128_t zero = wasm_i32x4_splat(0);
      v128_t high0 = zero, high1 = zero, high2 = zero, high3 = zero, low0 = zero, low1 = zero, low2 = zero, low3 = zero;
      for (int n = pairs[y]; n > 0; n--, p += 2 * stride, w += 2) {
        v128_t a = wasm_v128_load(p), b = wasm_v128_load(p + stride);
        v128_t highs = wasm_v128_load32_splat(w), lows = wasm_v128_load32_splat(w + 1);
        v128_t left = wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        v128_t right = wasm_i8x16_shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        v128_t v = wasm_u16x8_extend_low_u8x16(left);
        high0 = accumulate(high0, v, highs), low0 = accumulate(low0, v, lows);
        v = wasm_u16x8_extend_high_u8x16(left);
        high1 = accumulate(high1, v, highs), low1 = accumulate(low1, v, lows);
        v = wasm_u16x8_extend_low_u8x16(right);
        high2 = accumulate(high2, v, highs), low2 = accumulate(low2, v, lows);
        v = wasm_u16x8_extend_high_u8x16(right);
        high3 = accumulate(high3, v, highs), low3 = accumulate(low3, v, lows);
      }
      v128_t left = wasm_i16x8_narrow_i32x4(rounded(high0, low0), rounded(high1, low1));
      v128_t right = wasm_i16x8_narrow_i32x4(rounded(high2, low2), rounded(high3, low3));
      wasm_v128_store(to + x, wasm_u8x16_narrow_i16x8(left, right));
    }
    weights += pairs[y] * 2;
  }
}
