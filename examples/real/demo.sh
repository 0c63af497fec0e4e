#!/bin/bash
# The main job on real data: derive and prove the one-pass algorithm of plain
# softmax attention, compile it, run it on one layer of a real model, compare
# with the fp64 interpreter, and time it.
#
# demo.sh EINFALL
set -euo pipefail
einfall=$1
here=$(dirname "${BASH_SOURCE[0]}")
kernel=$here/../plain/plain.ein
inputs=(--in "Q=$here/data/Q.npy" --in "K=$here/data/K.npy" --in "V=$here/data/V.npy")

echo "--- derivation and proof"
"$einfall" explain "$kernel"
echo "--- run on layer 0 of all-MiniLM-L6-v2, the first page of Alice, and verify"
"$einfall" run "$kernel" "${inputs[@]}" --verify
echo "--- speed on the same input, and at |p| = |m| = 2048, E = F = 128"
"$einfall" bench "$kernel" "${inputs[@]}"
"$einfall" bench "$kernel" --random -D p=2048 -D m=2048 -D e=128 -D f=128
