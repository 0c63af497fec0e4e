#!/bin/bash
# What a warm launch costs the host, on CUDA devices of both generations, with the
# driver of the tests (test/runtime/cuda/FakeDriver.h), which executes nothing.
#
#   bench/launch.sh [BUILD-FOLDER]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${1:-$root/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/bin/einfall" compile "$root/examples/attention/attention.ein" --no-proofs \
  --target sm_80 --target sm_90a -D e=64 -D f=64 -o "$work/k.efk"
cc -std=c99 -O2 -I"$root/runtime/include" "$root/bench/launch.c" \
  -L"$build/lib" -leinfall_rt -Wl,-rpath,"$build/lib" -o "$work/launch"
for capability in 80 90; do
  printf 'compute capability %s: ' "$capability"
  EINFALL_CUDA_DRIVER=$build/test/lib/libfake_cuda.so \
    FAKE_CUDA=package=$work/k.efk,capability=$capability,execute=0 \
    "$work/launch" "$work/k.efk" "${COUNT:-100000}"
done
