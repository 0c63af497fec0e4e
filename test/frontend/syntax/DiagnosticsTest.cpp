//===- DiagnosticsTest.cpp - Rendering of errors --------------------------===//

#include "frontend/syntax/Diagnostics.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>

using namespace einfall::ein;

namespace {
struct Reported {
  SourceManager sources;
  DiagnosticEngine diagnostics;
  Reported() {
    unsigned id = sources.add("a.ein", "kernel k\n\tQ[p,ee] = 1\n");
    uint32_t base = sources.getBase(id);
    diagnostics.error({base + 14, base + 16}, Rule::Name1, "unknown name `ee`")
        .note({base, base + 6}, "declared here")
        .didYouMean({base + 14, base + 16}, "e");
    diagnostics.warning({}, Rule::None, "no place");
  }
};
} // namespace

TEST(Diagnostics, PrintsTextWithCaret) {
  Reported reported;
  std::string text;
  llvm::raw_string_ostream os(text);
  printText(os, reported.sources, reported.diagnostics);
  EXPECT_EQ(text, "a.ein:2:6: error: unknown name `ee`\n"
                  "   2 | \tQ[p,ee] = 1\n"
                  "     | \t    ^~\n"
                  "a.ein:1:1: note: declared here\n"
                  "   1 | kernel k\n"
                  "     | ^~~~~~\n"
                  "note: did you mean `e`?\n"
                  "note: rule [name.1]: every name that is used is declared\n"
                  "warning: no place\n");
}

TEST(Diagnostics, ColoursOnlyWhenAsked) {
  Reported reported;
  std::string plain, coloured;
  llvm::raw_string_ostream a(plain), b(coloured);
  printText(a, reported.sources, reported.diagnostics, false);
  printText(b, reported.sources, reported.diagnostics, true);
  EXPECT_EQ(plain.find('\033'), std::string::npos);
  EXPECT_NE(coloured.find("\033[1;31merror: "), std::string::npos);
}

TEST(Diagnostics, PrintsJson) {
  Reported reported;
  std::string text;
  llvm::raw_string_ostream os(text);
  printJson(os, reported.sources, reported.diagnostics);
  auto value = llvm::json::parse(text);
  ASSERT_TRUE(static_cast<bool>(value)) << text;
  const llvm::json::Array &list = *value->getAsArray();
  ASSERT_EQ(list.size(), 2u);
  const llvm::json::Object &first = *list[0].getAsObject();
  EXPECT_EQ(first.getString("severity"), "error");
  EXPECT_EQ(first.getString("rule"), "name.1");
  const llvm::json::Object &range = *first.getObject("range");
  EXPECT_EQ(range.getObject("start")->getInteger("line"), 2);
  EXPECT_EQ(range.getObject("start")->getInteger("column"), 6);
  EXPECT_EQ(range.getObject("end")->getInteger("column"), 8);
  EXPECT_EQ(first.getArray("notes")->size(), 2u);
  ASSERT_EQ(first.getArray("fixes")->size(), 1u);
  const llvm::json::Object &fix = *(*first.getArray("fixes"))[0].getAsObject();
  EXPECT_EQ(fix.getString("title"), "write `e`");
  ASSERT_EQ(fix.getArray("edits")->size(), 1u);
  const llvm::json::Object &edit = *(*fix.getArray("edits"))[0].getAsObject();
  EXPECT_EQ(edit.getString("text"), "e");
  EXPECT_EQ(*edit.get("range"), *first.get("range"));
  EXPECT_EQ(list[1].getAsObject()->getString("severity"), "warning");
  EXPECT_TRUE(list[1].getAsObject()->getObject("range")->empty());
}

TEST(Diagnostics, CutsLongLines) {
  SourceManager sources;
  DiagnosticEngine diagnostics;
  unsigned id = sources.add("a.ein", std::string(100000, 'x'));
  uint32_t base = sources.getBase(id);
  diagnostics.error({base + 50000, base + 90000}, Rule::None, "here");
  std::string text;
  llvm::raw_string_ostream os(text);
  printText(os, sources, diagnostics);
  EXPECT_LT(text.size(), 600u);
  EXPECT_NE(text.find("a.ein:1:50001: error: here"), std::string::npos);
}

TEST(Diagnostics, ProposesTheNearestName) {
  EXPECT_EQ(nearest("scall", {"scale", "slope"}), "scale");
  EXPECT_EQ(nearest("k", {"K", "q"}), "K");
  EXPECT_EQ(nearest("x", {"y", "z"}), "");
  EXPECT_EQ(nearest("attentoin", {"attention"}), "attention");
  EXPECT_EQ(nearest("banana", {"attention"}), "");
}

TEST(Source, FindsLinesAndColumns) {
  SourceManager sources;
  unsigned a = sources.add("a", "one\ntwo\r\n"), b = sources.add("b", "");
  EXPECT_EQ(sources.find(0), std::nullopt);
  EXPECT_EQ(sources.find(sources.getBase(a) + 5), a);
  EXPECT_EQ(sources.find(sources.getBase(b)), b);
  LineColumn place = sources.getLineColumn(sources.getBase(a) + 5);
  EXPECT_EQ(place.line, 2u);
  EXPECT_EQ(place.column, 2u);
  EXPECT_EQ(sources.getLine(a, 2), "two");
  EXPECT_EQ(sources.getLine(a, 9), "");
}
