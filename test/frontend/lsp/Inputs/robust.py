"""Whatever a client sends, the server answers what it can and goes on."""

import json
import random
import sys

from client import Client

URI = "file:///a.ein"
client = Client()
client.start()
text = "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
assert client.open(URI, text) == []

# Positions out of range.
for line in (-5, 0, 1, 2, 7, 2**31 - 1):
    for character in (-1, 0, 51, 2**31 - 1):
        for method in ("hover", "definition"):
            client.at(method, URI, line, character)
        client.fixes(URI, line, character, -character)
answer = client.request("textDocument/hover", {
    "textDocument": {"uri": URI}, "position": {"line": 2**62, "character": 2**62}})
assert answer["jsonrpc"] == "2.0"

# Messages that are none, and requests without what they need.
for body in (b"", b"{", b"null", b"[]", b"7", b'"x"', b"{}", b'{"jsonrpc":"2.0"}',
             b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","method":7}',
             b'{"jsonrpc":"2.0","method":"textDocument/didOpen"}',
             b'{"jsonrpc":"2.0","method":"textDocument/didChange","params":'
             b'{"textDocument":{"uri":"file:///a.ein"},"contentChanges":[]}}',
             b'{"jsonrpc":"2.0","method":"textDocument/didChange","params":'
             b'{"textDocument":{"uri":"file:///none.ein"},"contentChanges":'
             b'[{"text":"kernel"}]}}',
             b'{"jsonrpc":"2.0","method":"textDocument/didClose","params":[1]}',
             b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}',
             b'{"jsonrpc":"2.0","result":7,"id":99}',
             b"\xff\xfe\x00", b"[" * 1000000, b'{"a":' * 1000000):
    client.send_bytes(body)
client.process.stdin.write(b"Nonsense: 1\r\n\r\nContent-Length: x\r\n\r\n\r\n")
for method in ("hover", "definition", "documentSymbol", "codeAction"):
    for params in (None, [], {}, {"textDocument": {}}, {"textDocument": 3},
                   {"textDocument": {"uri": 4}},
                   {"textDocument": {"uri": URI}, "position": "x", "range": []}):
        if method == "documentSymbol" and params and "position" in params:
            continue
        answer = client.request("textDocument/" + method, params)
        assert "code" in answer["error"], (method, params, answer)
assert client.request("no/such/method")["error"]["code"] == -32601
unknown = {"uri": "file:///none.ein"}
assert client.ask("textDocument/documentSymbol", {"textDocument": unknown}) == []

# Texts cut anywhere, mixed and repeated; every one is asked about.
chance = random.Random(7)
with open(sys.argv[1], encoding="utf-8") as file:
    program = file.read()
pieces = program.split(" ") + ["𝒦", "\0", "\r\n", "{", "}", "[", "]", "(", "|", "..",
                               "kernel", "def", "grad", "schedule", "each", "default"]
version = 2
for trial in range(300):
    kind = trial % 3
    if kind == 0:
        text = program[:chance.randrange(len(program))]
    elif kind == 1:
        text = " ".join(chance.choices(pieces, k=chance.randrange(60)))
    else:
        words = program.split(" ")
        for _ in range(3):
            words[chance.randrange(len(words))] = chance.choice(pieces)
        text = " ".join(words)
    version += 1
    for item in client.change(URI, text, version):
        assert item["message"], item
    lines = text.split("\n")
    for _ in range(6):
        line = chance.randrange(len(lines))
        character = chance.randrange(len(lines[line]) + 2)
        client.at("hover", URI, line, character)
        client.at("definition", URI, line, character)
    client.ask("textDocument/documentSymbol", {"textDocument": {"uri": URI}})
    client.fixes(URI, 0, 0, 1000)
client.change(URI, "(" * 100000, version + 1)
client.change(URI, "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
              version + 2)
assert client.stop() == 0

# The ends that are no shutdown.
client = Client()
client.start()
client.notify("exit")
assert client.exit_code() == 1
client = Client()
client.start()
client.process.stdin.close()
assert client.exit_code() == 1
client = Client()
client.process.stdin.write(b"Content-Length: 100\r\n\r\n{")
client.process.stdin.close()
assert client.exit_code() == 1
