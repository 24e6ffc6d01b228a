#!/usr/bin/env bash
# Compiles src/engine/kernels/kernels.c to the two .wasm files beside it, or into the folder given.
# Needs clang and lld 19 (apt-get install clang-19 lld-19); CLANG names another. Other versions give other bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)/src/engine/kernels
out=${1:-$here}
clang=${CLANG:-clang-19}
flags=(
  --target=wasm32 -O3 -std=c11 -Wall -Wextra -Werror -ffreestanding -fno-builtin -nostdlib -msimd128
  # The memory is the backend's: imported, and large. The caller sets the stack pointer.
  -Wl,--no-entry -Wl,--import-memory -Wl,--max-memory=4294967296 -Wl,--export=__stack_pointer -Wl,-z,stack-size=16384
  -Wl,--strip-all
)
"$clang" "${flags[@]}" "$here/kernels.c" -o "$out/kernels-simd.wasm"
"$clang" "${flags[@]}" -mrelaxed-simd -DRELAXED "$here/kernels.c" -o "$out/kernels-relaxed.wasm"
