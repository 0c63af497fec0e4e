"""The editor's grammar knows the words that the front end knows, and no others."""

import json
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
folder = root / "frontend" / "editors" / "vscode"


def read(path):
    return (root / "frontend" / path).read_text(encoding="utf-8")


def words(pattern, text):
    found = set(re.findall(pattern, text))
    assert found, pattern
    return found


def same(what, ours, theirs):
    assert ours == theirs, f"{what}: only in the grammar {ours - theirs}, " \
                           f"only in the front end {theirs - ours}"


package = json.loads((folder / "package.json").read_text())
configuration = json.loads((folder / "language-configuration.json").read_text())
contributes = package["contributes"]
for path in (package["main"], contributes["languages"][0]["configuration"],
             contributes["grammars"][0]["path"]):
    assert (folder / path).is_file(), path
assert contributes["languages"][0]["extensions"] == [".ein"]
assert configuration["comments"]["lineComment"] == "//"
re.compile(configuration["wordPattern"])
for pattern in configuration["indentationRules"].values():
    re.compile(pattern)

grammar = json.loads((folder / contributes["grammars"][0]["path"]).read_text())
assert grammar["scopeName"] == contributes["grammars"][0]["scopeName"]
rules = [rule for group in grammar["repository"].values() for rule in group["patterns"]]
included = {pattern["include"] for pattern in grammar["patterns"]}
assert included == {"#" + name for name in grammar["repository"]}
for rule in rules:
    compiled = re.compile(rule["match"])
    for group in rule.get("captures", {}):
        assert int(group) <= compiled.groups, rule


def listed(scope):
    """The words of the alternatives of the rules with this scope."""
    found = set()
    for rule in rules:
        scopes = {rule.get("name")} | {c["name"] for c in rule.get("captures", {}).values()}
        if scope + ".ein" in scopes:
            for group in re.findall(r"\(([a-z0-9_]+(?:\|[a-z0-9_]+)*)\)", rule["match"]):
                found |= set(group.split("|"))
    return found


same("keywords",
     listed("keyword.control") | listed("keyword.operator.word") | listed("constant.language"),
     words(r'\.Case\("(\w+)", TokenKind::Kw', read("syntax/Lexer.cpp")))
same("words that are no keywords", listed("keyword.other"),
     words(r'(?:acceptWord|isWord)\("(\w+)"\)', read("syntax/Parser.cpp")))
same("functions", listed("support.function"),
     words(r'(?:map|reduce|other)\("(\w+)"', read("sema/Builtins.cpp")))
grammar_types = listed("storage.type")
line = re.search(r"^type +=(.*?);", (root / "docs/language.md").read_text(), re.M | re.S)
same("types", grammar_types, words(r'"(\w+)"', line.group(1)))

order = [rule for pattern in grammar["patterns"]
         for rule in grammar["repository"][pattern["include"][1:]]["patterns"]]
compiled = [re.compile(rule["match"]) for rule in order]
used = set()


def scoped(line):
    """What the rules make of a line: (from, text, scope), where the first rule that
    matches earliest has a place."""
    at, seen = 0, []
    while at < len(line):
        matches = [(m.start(), i, m) for i, rule in enumerate(compiled)
                   if (m := rule.search(line, at)) and m.group()]
        if not matches:
            break
        _, index, match = min(matches, key=lambda found: found[:2])
        used.add(index)
        rule = order[index]
        if "name" in rule:
            seen.append((match.start(), match.group(), rule["name"]))
        for group, capture in rule.get("captures", {}).items():
            seen.append((match.start(int(group)), match.group(int(group)), capture["name"]))
        at = match.end()
    return seen


line = "kernel softmax(Q[p,e]: bf16) -> y: f32 else -inf { rank p of s in 0..|m| / 1.5 }  // sum"
seen = {(text, scope) for _, text, scope in scoped(line)}
for text, scope in (("kernel", "keyword.control"), ("softmax", "entity.name.function"),
                    ("Q", "variable.other"), ("bf16", "storage.type"),
                    ("->", "keyword.operator"), ("else", "keyword.control"),
                    ("inf", "constant.language"), ("rank", "keyword.control"),
                    ("of", "keyword.other"), ("in", "keyword.operator.word"),
                    ("0", "constant.numeric"), ("..", "keyword.operator"),
                    ("m", "variable.parameter"), ("1.5", "constant.numeric"),
                    ("// sum", "comment.line.double-slash")):
    assert (text, scope + ".ein") in seen, (text, scope, seen)

# All that is written in Ein here: every word has the scope of its kind, by a reading
# of the text that does not look at the rules.
KEYWORDS = listed("keyword.control") | listed("keyword.operator.word")
CONSTANTS = listed("constant.language")
FUNCTIONS = listed("support.function")
KINDS = {"keyword": KEYWORDS, "constant": CONSTANTS, "function": FUNCTIONS,
         "type": grammar_types, "word": listed("keyword.other")}
met = {kind: set() for kind in KINDS}


def expected(line):
    """(from, text, start of the scope) of what a line must give; and its comment."""
    comment = line.find("//")
    if comment >= 0:
        yield comment, line[comment:], "comment"
        line = line[:comment]
    token = r"[A-Za-z_]\w*|[0-9]+(?:\.(?!\.)[0-9]*)?(?:[eE][-+]?[0-9]+)?"
    for match in re.finditer(token, line):
        word, before, after = match.group(), line[:match.start()], line[match.end():]
        calls = re.match(r"\s*(\[[^\]]*\]\s*)?\(", after)
        if word[0].isdigit():
            yield match.start(), word, "constant.numeric"
        elif word in KEYWORDS:
            met["keyword"].add(word)
            yield match.start(), word, "keyword"
        elif word in CONSTANTS:
            met["constant"].add(word)
            yield match.start(), word, "constant.language"
        elif word in grammar_types and re.search(r":\s*$", before):
            met["type"].add(word)
            yield match.start(), word, "storage.type"
        elif re.search(r"\b(kernel|def)\s+$", before):
            yield match.start(), word, "entity.name.function"
        elif calls and word in FUNCTIONS:
            met["function"].add(word)
            yield match.start(), word, "support.function"
        elif calls:
            yield match.start(), word, "entity.name.function.call"
        elif re.match(r"\s*\[", after):
            yield match.start(), word, "variable.other"


def sources():
    for path in sorted((root / "examples").glob("*/*.ein")):
        yield path, path.read_text(encoding="utf-8")
    yield root / "frontend/prelude/prelude.ein", read("prelude/prelude.ein")
    for path in sorted((root / "test" / "frontend").glob("*/*.ein")):
        yield path, path.read_text(encoding="utf-8")
    reference = root / "docs" / "language.md"
    for block in re.findall(r"^```ein\n(.*?)^```", reference.read_text(encoding="utf-8"),
                            re.M | re.S):
        yield reference, block
    yield "what is used nowhere yet", (
        "kernel k(a[m]: f8e4m3, b[m]: f8e5m2, c[m]: i4 packed m, d[m]: f16) -> y: bool {\n"
        "  y = all[m](or_else(a[m] > 0, true)) and not false\n}\n")


lines = 0
for path, text in sources():
    for line in text.split("\n"):
        lines += 1
        seen = {(at, found): scope for at, found, scope in scoped(line)}
        for at, found, scope in expected(line):
            got = seen.get((at, found), "nothing")
            assert got.startswith(scope), f"{path}: {line}\n`{found}` is {got}, not {scope}"
        met["word"] |= {found for (_, found), scope in seen.items()
                        if scope == "keyword.other.ein"}
for kind, words_of_kind in KINDS.items():
    same(f"{kind}s that are met", words_of_kind, met[kind])
assert used == set(range(len(order))), [order[i] for i in set(range(len(order))) - used]
print(f"{lines} lines of Ein have the scopes that they should")
