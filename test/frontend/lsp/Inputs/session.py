"""One session as an editor has it: mistakes, their fixes, questions, the end."""

from client import Client, apply, place

URI = "file:///kernels/attention.ein"
TEXT = """\
// Größe 𝒦: scores of every head.
kernel attention(Q[b,h,p,e]: bf16, K[b,g,m,e]: bf16, V[b,g,m,f]: bf16, scale: f32 = 1/sqrt(|e|))
    -> O[b,h,p,f]: bf16
{
  rank r = 64
  S[b,h,p,m] = scale * Q[b,h,p,e] * K[b, h*|g|/|h|, m, e]
  O[b,h,p,f] = softmax[m](S[b,h,p,m]) * V[b, h*|g|/|h|, m, f]
}
default p = 1024
"""
WRONG = TEXT.replace("scale * Q", "/* 𝒦 */ scall * Q").replace("/* 𝒦 */ ", "")

client = Client()
answer = client.start()
capabilities = answer["capabilities"]
assert capabilities["positionEncoding"] == "utf-16"
assert capabilities["textDocumentSync"]["change"] == 1
for provider in ("hover", "definition", "documentSymbol", "codeAction"):
    assert capabilities[provider + "Provider"], provider
client.notify("initialized", {})

# A mistake, with its rule as code and its notes as places.
found = client.open(URI, WRONG)
assert len(found) == 1, found
error = found[0]
assert error["range"] == place(5, 15, 20), error
assert error["severity"] == 1 and error["code"] == "name.1", error
assert error["source"] == "einfall"
assert error["message"] == ("unknown name `scall`\n"
                            "rule: every name that is used is declared"), error
related = error["relatedInformation"]
assert related == [{"location": {"uri": URI, "range": place(1, 71, 76)},
                    "message": "did you mean `scale`?"}], related

# Its fix makes the text right.
fixes = client.fixes(URI, 5, 16, 16)
assert [fix["title"] for fix in fixes] == ["write `scale`"], fixes
assert fixes[0]["kind"] == "quickfix" and fixes[0]["isPreferred"], fixes
assert fixes[0]["diagnostics"] == [error], fixes
mended = apply(WRONG, fixes[0]["edit"]["changes"][URI])
assert mended == TEXT, mended
assert client.fixes(URI, 0, 0, 4) == []
assert client.change(URI, mended) == []
assert client.fixes(URI, 5, 16, 16) == []

# Hovers: rank, input, intermediate, output, def, kernel, function, type.
hover = client.hover(URI, 5, 8)  # m of S
assert hover is not None and "rank p" in client.hover(URI, 5, 8), hover
hover = client.hover(URI, 5, 10)
assert "rank m" in hover, hover
assert "extent: bound by the shape of `K` (dimension 2), `V` (dimension 2)" in hover
assert "in examples and random runs: 1024" in client.hover(URI, 5, 8)
assert "extent: `64`" in client.hover(URI, 4, 7)
assert "rank p" in client.hover(URI, 8, 8)  # `default` outside of the kernel
hover = client.hover(URI, 5, 23)
assert "Q[b,h,p,e]: bf16" in hover and "an input of `attention`" in hover, hover
assert "scale: f32 = 1/sqrt(|e|)" in client.hover(URI, 5, 16)
hover = client.hover(URI, 5, 2)
assert "S[b,h,p,m] = scale * sum[e](Q[b,h,p,e] * K[b," in hover, hover
assert "// real[" in hover and "implied sums over `e`" in hover, hover
hover = client.hover(URI, 6, 2)
assert "an output of `attention`" in hover and "implied sums over `m`" in hover, hover
hover = client.hover(URI, 6, 18)
assert "def softmax[m](s[m]) -> a[m]" in hover and "of the prelude" in hover, hover
assert "Softmax with the maximum as its reference." in hover, hover
hover = client.hover(URI, 1, 9)
assert "kernel attention(Q[b,h,p,e]: bf16" in hover, hover
assert "Größe 𝒦: scores of every head." in hover, hover
assert "passes over `m`: 3 as written, 1 as derived" in hover, hover
assert "square root" in client.hover(URI, 1, 90)
assert "real in 16 bits" in client.hover(URI, 1, 30)
assert client.hover(URI, 1, 2) is None  # a keyword
assert client.hover(URI, 3, 0) is None  # a brace

# Definitions.
def definition(line, character):
    return client.at("definition", URI, line, character)

assert definition(6, 26) == {"uri": URI, "range": place(5, 2, 3)}  # S
assert definition(5, 15) == {"uri": URI, "range": place(1, 71, 76)}  # scale
assert definition(6, 20)["uri"].endswith("/prelude.ein")  # softmax
assert definition(6, 20)["range"] == place(4, 4, 11)
assert definition(5, 10) == {"uri": URI, "range": place(1, 41, 42)}  # m, in K
assert definition(1, 90) is None  # sqrt has none
with open(definition(6, 20)["uri"].removeprefix("file://"), encoding="utf-8") as prelude:
    assert prelude.read().split("\n")[4].startswith("def softmax[m]")

# Symbols.
symbols = client.ask("textDocument/documentSymbol", {"textDocument": {"uri": URI}})
assert [s["name"] for s in symbols] == ["attention"], symbols
assert symbols[0]["range"] == place(1, 0, 1, last=7), symbols
assert symbols[0]["selectionRange"] == place(1, 7, 16), symbols
assert [s["name"] for s in symbols[0]["children"]] == ["r", "S", "O"], symbols

# Columns are UTF-16: 𝒦 takes two, ö one.
text = "/" + "/ 𝒦ö\nkernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m]) } // 𝒦 ö\n"
strange = text.replace("{ y", "{ 𝒦 y")
found = client.change(URI, strange, 3)
assert found[0]["range"] == place(1, 32, 34), found
assert found[0]["code"] == "lex.1", found

# Several mistakes in one run, each with a fix; a warning.
text = """\
kernel b(Q[p,e]: f32) -> S[p]: f32 {
  S[p] = exp(Q[p,e])
}
kernel c(x[m]: f32) -> y: f32 {
  y = max[m](x[m])
}
kernel d(x[m,e]: f32) -> y[m]: f32 {
  y[m] = x[m,e] * x[m,e] * (1 / |e|)
}
"""
found = client.change(URI, text, 4)
assert [d["code"] for d in found] == ["sum.2", "abs.4", "type.3"], found
for count in (2, 1, 0):
    at = found[0]["range"]["start"]
    fixes = client.fixes(URI, at["line"], at["character"], at["character"])
    text = apply(text, fixes[0]["edit"]["changes"][URI])
    found = client.change(URI, text, 7 - count)
    assert len(found) == count, (text, found)
assert "exp(sum[e](Q[p,e]))" in text and "f32 else -inf {" in text and "1.0 /" in text

# A gradient and a schedule name what another kernel declares.
text = """\
kernel k(x[m]: f32, w: f32) -> y: f32 { y = w * sum[m](x[m] * x[m]) }
kernel g = grad k wrt x saving y
schedule k { tile m = 128 }
def half(x) -> y { y = x / 2 }
"""
assert client.change(URI, text, 8) == []
assert definition(1, 16) == {"uri": URI, "range": place(0, 7, 8)}  # k
assert definition(1, 22) == {"uri": URI, "range": place(0, 9, 10)}  # x
assert definition(2, 9) == {"uri": URI, "range": place(0, 7, 8)}
assert definition(2, 18) == {"uri": URI, "range": place(0, 11, 12)}  # m
assert "a parameter of `half`" in client.hover(URI, 3, 23)

# What goes wrong within the prelude is shown where the text calls it.
found = client.change(URI, "kernel k(c[m]: bool) -> y[m]: f32 {\n  y[m] = silu(c[m])\n}\n", 9)
assert [d["range"] for d in found] == [place(1, 14, 18)], found
calls = [(r["location"]["uri"].rsplit("/", 1)[1], r["message"])
         for r in found[0]["relatedInformation"]]
assert calls == [("prelude.ein", "in the call of `sigmoid` here"),
                 ("attention.ein", "in the call of `silu` here")], calls

# Closing clears; a text without a file is served, too.
client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
assert client.diagnostics(URI) == []
assert client.hover(URI, 0, 0) is None
assert len(client.open("untitled:Untitled-1", "kernel")) == 1
assert client.stop() == 0
