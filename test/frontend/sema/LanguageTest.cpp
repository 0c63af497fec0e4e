//===- LanguageTest.cpp - docs/language.md is what the front end does -----===//
//
// Every snippet of the reference that is marked is run: `accepts`, or `rejects`
// with a part of the message. Every rule has one of each and is known to the
// diagnostics under its number.
//
//===----------------------------------------------------------------------===//

#include "Analysed.h"
#include "llvm/Support/MemoryBuffer.h"
#include <gtest/gtest.h>
#include <map>

using namespace einfall::ein;
using llvm::StringRef;

namespace {
struct Snippet {
  std::string rule;
  bool accepts;
  std::string argument, text;
  unsigned line;
};

std::vector<Snippet> readSnippets() {
  auto buffer =
      llvm::MemoryBuffer::getFile(EINFALL_SOURCE_DIR "/docs/language.md");
  std::vector<Snippet> snippets;
  if (!buffer)
    return snippets;
  StringRef rest = (*buffer)->getBuffer();
  std::string rule;
  unsigned number = 0;
  bool inside = false, pending = false;
  Snippet current;
  while (!rest.empty()) {
    auto [line, after] = rest.split('\n');
    rest = after;
    ++number;
    if (inside) {
      if (line == "```") {
        snippets.push_back(current);
        inside = false;
      } else {
        current.text += line.str() + "\n";
      }
      continue;
    }
    if (line.starts_with("### "))
      rule = line.drop_front(4).str();
    else if (line.starts_with("## "))
      rule.clear();
    StringRef mark = line;
    if (mark.consume_front("<!-- check: ") && mark.consume_back(" -->")) {
      current = {rule, mark == "accepts", "", "", number};
      current.argument = mark.split(' ').second.str();
      pending = true;
    } else if (pending && line.starts_with("```")) {
      inside = true;
      pending = false;
    }
  }
  return snippets;
}
} // namespace

TEST(Language, SnippetsAreWhatTheySay) {
  std::vector<Snippet> snippets = readSnippets();
  ASSERT_GE(snippets.size(), 60u);
  for (const Snippet &snippet : snippets) {
    Analysed analysed(snippet.text);
    EXPECT_EQ(analysed.ok(), snippet.accepts)
        << "docs/language.md:" << snippet.line << "\n"
        << snippet.text << analysed.text();
    if (snippet.accepts)
      continue;
    EXPECT_NE(analysed.text().find(snippet.argument), std::string::npos)
        << "docs/language.md:" << snippet.line << "\n"
        << snippet.text << analysed.text();
  }
}

TEST(Language, EveryRuleIsDescribedWithBothKinds) {
  std::map<std::string, std::pair<unsigned, unsigned>> counts;
  for (const Snippet &snippet : readSnippets())
    ++(snippet.accepts ? counts[snippet.rule].first
                       : counts[snippet.rule].second);
  std::vector<StringRef> numbers = {
#define EIN_RULE(name, number, text) number,
#include "frontend/syntax/Rules.def"
  };
  for (StringRef number : numbers) {
    auto it = counts.find(number.str());
    ASSERT_NE(it, counts.end()) << number.str();
    EXPECT_GE(it->second.first, 1u) << number.str();
    EXPECT_GE(it->second.second, 1u) << number.str();
  }
  counts.erase("");
  EXPECT_EQ(counts.size(), numbers.size());
}
