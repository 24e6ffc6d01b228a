#!/usr/bin/env bash
# Compiles src/engine/kernels/kernels.c to the two .wasm files beside it, and src/images/resize.c to the text of
# src/images/resize-wasm.ts, src/decompose/kernels/float64.c to that of float64-wasm.ts; or all as .wasm files into the
# folder given.
# Needs clang and lld 19 (apt-get install clang-19 lld-19); CLANG names another. Other versions give other bytes.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/src/engine/kernels
out=${1:-$here}
clang=${CLANG:-clang-19}
common=(
  --target=wasm32 -O3 -std=c11 -Wall -Wextra -Werror -ffreestanding -fno-builtin -nostdlib -msimd128
  -Wl,--no-entry -Wl,--strip-all
)
flags=(
  "${common[@]}"
  # The memory is the backend's: imported, and large. The caller sets the stack pointer.
  -Wl,--import-memory -Wl,--max-memory=4294967296 -Wl,--export=__stack_pointer -Wl,-z,stack-size=16384
)
"$clang" "${flags[@]}" "$here/kernels.c" -o "$out/kernels-simd.wasm"
"$clang" "${flags[@]}" -mrelaxed-simd -DRELAXED "$here/kernels.c" -o "$out/kernels-relaxed.wasm"

# Small enough to be text in a module, which needs no file to be found beside it, in a browser either.
small=("${common[@]}" -Wl,-z,stack-size=4096)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$clang" "${small[@]}" "$root/src/images/resize.c" -o "$work/resize.wasm"
"$clang" "${small[@]}" "$root/src/decompose/kernels/float64.c" -o "$work/float64-simd.wasm"
"$clang" "${small[@]}" -mrelaxed-simd -DRELAXED "$root/src/decompose/kernels/float64.c" -o "$work/float64-relaxed.wasm"
if [ $# -gt 0 ]; then
  cp "$work"/*.wasm "$out/"
else
  text() { # NAME FILE SOURCE
    echo "/** What scripts/build-kernels.sh makes of $3, in base64. */"
    echo "export const $1 ="
    echo "  \"$(base64 -w0 "$work/$2.wasm")\";"
  }
  text RESIZE_WASM resize resize.c >"$root/src/images/resize-wasm.ts"
  {
    text FLOAT64_SIMD float64-simd float64.c
    echo
    text FLOAT64_RELAXED float64-relaxed "float64.c with relaxed SIMD"
  } >"$root/src/decompose/kernels/float64-wasm.ts"
fi
