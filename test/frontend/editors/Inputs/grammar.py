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

# What the rules make of a line: the first that matches at a place has it.
line = "kernel softmax(Q[p,e]: bf16) -> y: f32 else -inf { rank p of s in 0..|m| / 1.5 }  // sum"
order = [rule for pattern in grammar["patterns"]
         for rule in grammar["repository"][pattern["include"][1:]]["patterns"]]
at, seen = 0, []
while at < len(line):
    matches = [(m.start(), i, m) for i, rule in enumerate(order)
               if (m := re.compile(rule["match"]).search(line, at)) and m.group()]
    if not matches:
        break
    _, index, match = min(matches, key=lambda found: found[:2])
    rule = order[index]
    if "name" in rule:
        seen.append((match.group(), rule["name"]))
    for group, capture in rule.get("captures", {}).items():
        seen.append((match.group(int(group)), capture["name"]))
    at = match.end()
for text, scope in (("kernel", "keyword.control"), ("softmax", "entity.name.function"),
                    ("Q", "variable.other"), ("bf16", "storage.type"),
                    ("->", "keyword.operator"), ("else", "keyword.control"),
                    ("inf", "constant.language"), ("rank", "keyword.control"),
                    ("of", "keyword.other"), ("in", "keyword.operator.word"),
                    ("0", "constant.numeric"), ("..", "keyword.operator"),
                    ("m", "variable.parameter"), ("1.5", "constant.numeric"),
                    ("// sum", "comment.line.double-slash")):
    assert (text, scope + ".ein") in seen, (text, scope, seen)
