#!/usr/bin/env bash
# Compiles src/engine/kernels/kernels.c to the two .wasm files beside it, and src/images/resize.c to the text of
# src/images/resize-wasm.ts; or all three as .wasm files into the folder given.
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
resize=$(mktemp)
trap 'rm -f "$resize"' EXIT
"$clang" "${common[@]}" -Wl,-z,stack-size=4096 "$root/src/images/resize.c" -o "$resize"
if [ $# -gt 0 ]; then
  cp "$resize" "$out/resize.wasm"
else
  {
    echo "/** What scripts/build-kernels.sh makes of resize.c, in base64. */"
    echo "export const RESIZE_WASM ="
    echo "  \"$(base64 -w0 "$resize")\";"
  } >"$root/src/images/resize-wasm.ts"
fi
