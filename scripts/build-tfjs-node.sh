#!/usr/bin/env bash
# Gives a project the native engine: installs @tensorflow/tfjs-node (or -gpu) without its own download step and builds
# its native part against the TensorFlow library of the PyPI wheel. One compiler call: no node-gyp, no Node headers.
#
#   scripts/build-tfjs-node.sh [options]
#     --project DIR      the project whose node_modules get it; ssl-hub must be installed there   (default: .)
#     --gpu              @tensorflow/tfjs-node-gpu on the CUDA build of TensorFlow
#     --tensorflow VER   release of TensorFlow, 2.15 or newer                                      (default: 2.18.1)
#     --cache DIR        where all of it is kept, 1 GB; the project gets one link into it          (default: PROJECT/native)
#     --wheel FILE       a wheel that is here already, instead of pip download
#     --sha256 HEX       what the wheel must hash to; known for the defaults
#     --clean            remove the engine from the project, and the cache
#
# Needs Linux on x86_64 or aarch64, node, npm, g++ (C++17), python3 with pip. Downloads 230 MB (with --gpu 615 MB) once;
# run again after npm has changed node_modules: then it only sets the link anew.
set -euo pipefail

fail() { echo "build-tfjs-node: $*" >&2; exit 1; }
say() { echo "build-tfjs-node: $*" >&2; }

project=. cache='' wheel_file='' sha256='' clean=''
package=@tensorflow/tfjs-node wheel=tensorflow-cpu version=2.18.1
headers=node-api-headers@1.9.0

while [ $# -gt 0 ]; do
  case $1 in
    --gpu) package=@tensorflow/tfjs-node-gpu wheel=tensorflow; shift ;;
    --clean) clean=1; shift ;;
    --project | --cache | --tensorflow | --wheel | --sha256)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --project) project=$2 ;;
        --cache) cache=$2 ;;
        --tensorflow) version=$2 ;;
        --wheel) wheel_file=$(realpath "$2") ;;
        --sha256) sha256=$2 ;;
      esac
      shift 2 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) fail "unknown option $1; see --help" ;;
  esac
done

project=$(cd "$project" && pwd) || fail "there is no folder $project"
cache=$(realpath -m "${cache:-$project/native}")
modules=$project/node_modules

if [ -n "$clean" ]; then
  for link in "$modules"/@tensorflow/tfjs-node{,-gpu}; do [ ! -L "$link" ] || rm "$link"; done
  rm -rf "$cache"/tfjs-node-* "$cache"/tensorflow-* "$cache"/staging "$cache"/.lock
  rmdir "$cache" 2>/dev/null || true # other files are not ours
  say "removed"
  exit 0
fi

[ "$(uname -s)" = Linux ] || fail "only Linux wheels are laid out as this needs; on $(uname -s) use npm install $package"
arch=$(uname -m)
case $arch in
  x86_64 | aarch64) platforms=(--platform "manylinux2014_$arch" --platform "manylinux_2_17_$arch" --platform "manylinux_2_27_$arch") ;;
  *) fail "TensorFlow has no wheel for $arch" ;;
esac
[ "$arch" = x86_64 ] || wheel=tensorflow # there is no tensorflow-cpu for the others, theirs is the plain one
for tool in node npm g++ python3; do
  command -v "$tool" >/dev/null || fail "$tool is missing: install it first"
done
[ -n "$wheel_file" ] || python3 -m pip --version >/dev/null 2>&1 || fail "python3 has no pip: install it, or give --wheel"
[ -d "$modules/@tensorflow/tfjs-core" ] || fail "$modules has no @tensorflow/tfjs-core: run npm install there first"

# Hashes of the default wheels, as the index states them.
if [ -z "$sha256" ]; then
  case $wheel-$version-$arch in
    tensorflow-cpu-2.18.1-x86_64) sha256=810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298 ;;
    tensorflow-2.18.1-x86_64) sha256=c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828 ;;
    tensorflow-2.18.1-aarch64) sha256=8a6485edd2148f70d011dbd1d8dc2c775e91774a5a159466e83d0d1f21580944 ;;
    *) say "no known hash of $wheel $version on $arch: what pip checks is all that is checked. Give --sha256 for more." ;;
  esac
fi

mkdir -p "$cache"
exec 9>"$cache/.lock"
if command -v flock >/dev/null; then flock 9; fi # two builds at once would share the staging folders
staging=$cache/staging
trap 'rm -rf "$staging"' EXIT
rm -rf "$staging" && mkdir -p "$staging"

# 1. The package in a folder of its own, so that npm changes nothing in the project; at the version of the tfjs-core that
#    is there, and with links to it and its siblings, so that a process holds one copy of each.
tfjs=$(node -p 'require(process.argv[1]).version' "$modules/@tensorflow/tfjs-core/package.json")
own=$cache/${package##*/}-$tfjs
module=$own/node_modules/$package
if [ ! -f "$own/installed" ]; then
  say "installing $package@$tfjs"
  rm -rf "$own" && mkdir -p "$own"
  echo '{ "private": true }' >"$own/package.json"
  (cd "$own" && npm install --ignore-scripts --no-audit --no-fund --loglevel=error "$package@$tfjs" "$headers" >&2)
  touch "$own/installed"
fi
for shared in "$own"/node_modules/@tensorflow/*; do
  theirs=$modules/@tensorflow/${shared##*/}
  if [ -d "$theirs" ] && [ "${shared##*/}" != "${package##*/}" ]; then
    rm -rf "$shared"
    ln -s "$(realpath "$theirs")" "$shared"
  fi
done

# 2. TensorFlow's library and C headers, out of the wheel.
library=$cache/$wheel-$version-$arch
if [ ! -d "$library" ]; then
  if [ -z "$wheel_file" ]; then
    say "downloading $wheel $version"
    python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.11 "${platforms[@]}" \
      "$wheel==$version" -d "$staging" >&2 || fail "pip cannot download $wheel $version for $arch"
    wheel_file=$(ls "$staging"/*.whl)
  fi
  python3 - "$wheel_file" "$staging/library" "$sha256" <<'PY'
import hashlib, os, shutil, sys, zipfile

wheel, out, expected = sys.argv[1:]
digest = hashlib.sha256()
with open(wheel, "rb") as file:
    while chunk := file.read(1 << 22):
        digest.update(chunk)
if expected and digest.hexdigest() != expected:
    sys.exit(f"build-tfjs-node: {os.path.basename(wheel)} has sha256 {digest.hexdigest()}, expected {expected}")
LIBRARIES = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")
INCLUDE = "tensorflow/include/"
HEADERS = tuple(INCLUDE + part for part in ("tensorflow/c/", "tensorflow/core/platform/", "tsl/", "xla/tsl/"))
found = set()
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if ".." in name.split("/"):
            sys.exit(f"build-tfjs-node: the wheel holds a path that leaves it: {name}")
        if name in LIBRARIES:
            to = os.path.join(out, "lib", os.path.basename(name))
            found.add(name)
        elif name.startswith(HEADERS + (INCLUDE + "tensorflow/tsl/",)) and name.endswith(".h"):
            to = os.path.join(out, "include", name[len(INCLUDE):])
        else:
            continue
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with archive.open(name) as source, open(to, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 22)
missing = sorted(set(LIBRARIES) - found)
if missing:
    sys.exit(f"build-tfjs-node: the wheel has no {', '.join(missing)}; releases from 2.15 on do")
PY
  ln -s libtensorflow_cc.so.2 "$staging/library/lib/libtensorflow.so.2"
  ln -s libtensorflow_cc.so.2 "$staging/library/lib/libtensorflow.so"
  ln -s libtensorflow_framework.so.2 "$staging/library/lib/libtensorflow_framework.so"
  mv "$staging/library" "$library"
fi

# 3. The binding, compiled once for each version of the package.
binding=$library/${package##*/}-$tfjs.node
if [ ! -f "$binding" ]; then
  say "compiling the binding"
  g++ -O2 -std=c++17 -shared -fPIC -DNAPI_VERSION=8 \
    -I"$own/node_modules/node-api-headers/include" -I"$module" -I"$library/include" \
    "$module/binding/tfjs_backend.cc" "$module/binding/tfjs_binding.cc" \
    -L"$library/lib" -ltensorflow -ltensorflow_framework -Wl,-rpath,'$ORIGIN/../../deps/lib' -o "$staging/binding.node" ||
    fail "the binding does not compile against $wheel $version"
  mv "$staging/binding.node" "$binding"
fi

# 4. All where it is looked for: the library beside the package, the package by a link in the project.
mkdir -p "$module/lib/napi-v8" "$module/deps"
rm -rf "$module/deps/lib"
ln -s "$library/lib" "$module/deps/lib"
cp "$binding" "$module/lib/napi-v8/tfjs_binding.node"
link=$modules/$package
[ ! -e "$link" ] || [ -L "$link" ] || fail "$link is installed by other means; remove it first (npm uninstall $package)"
rm -f "$link"
ln -s "$module" "$link"

# 5. It must compute.
cd "$project"
TF_CPP_MIN_LOG_LEVEL=3 node -e '
  const tf = require(process.argv[1]);
  const y = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).arraySync();
  if (JSON.stringify(y) !== "[[19,22],[43,50]]") throw new Error("matMul gave " + JSON.stringify(y));
  const { binding, isUsingGpuDevice } = tf.backend();
  console.log(`${process.argv[1]} ${tf.version.tfjs}, TensorFlow ${binding.TF_Version}, ${isUsingGpuDevice ? "gpu" : "cpu"}`);
' "$package" || fail "$package was built and does not compute"
