//===- FixTest.cpp - Remedies that an editor can apply --------------------===//
//
// A wrong program, the title of its fix and the program after it, which is
// accepted.
//
//===----------------------------------------------------------------------===//

#include "Analysed.h"
#include "llvm/ADT/STLExtras.h"
#include <gtest/gtest.h>

using namespace einfall::ein;

namespace {
struct Case {
  const char *name, *wrong, *title, *mended;
};

const Case cases[] = {
    {"Name",
     "kernel k(x[m]: f32, scale: f32) -> y[m]: f32 { y[m] = scall * "
     "x[m] }",
     "write `scale`",
     "kernel k(x[m]: f32, scale: f32) -> y[m]: f32 { y[m] = scale * x[m] }"},
    {"Rank", "kernel k(x[key]: f32) -> y: f32 { y = sum[key](x[kee]) }",
     "write `key`", "kernel k(x[key]: f32) -> y: f32 { y = sum[key](x[key]) }"},
    {"Type", "kernel k(x[m]: bf61) -> y: f32 { y = sum[m](x[m]) }",
     "write `bf16`", "kernel k(x[m]: bf16) -> y: f32 { y = sum[m](x[m]) }"},
    {"OutputType", "kernel k(x[m]: f32) -> y: bf61 { y = sum[m](x[m]) }",
     "write `bf16`", "kernel k(x[m]: f32) -> y: bf16 { y = sum[m](x[m]) }"},
    {"Kernel",
     "kernel first(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
     "schedule fist { stages 2 }",
     "write `first`",
     "kernel first(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
     "schedule first { stages 2 }"},
    {"Exchange",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
     "schedule k { shard m over rings }",
     "write `ring`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
     "schedule k { shard m over ring }"},
    {"Gradient",
     "kernel first(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
     "kernel g = grad fist wrt x",
     "write `first`",
     "kernel first(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
     "kernel g = grad first wrt x"},
    {"Sum", "kernel k(Q[p,e]: f32) -> y[p]: f32 { y[p] = exp(Q[p,e]) }",
     "write `sum[e](...)`",
     "kernel k(Q[p,e]: f32) -> y[p]: f32 { y[p] = exp(sum[e](Q[p,e])) }"},
    {"SumOfQuotient",
     "kernel k(a[p,e]: i32, b[e]: i32) -> y[p]: i32 "
     "{ y[p] = a[p,e] * b[e] / 2 }",
     "write `sum[e](...)`",
     "kernel k(a[p,e]: i32, b[e]: i32) -> y[p]: i32 "
     "{ y[p] = sum[e](a[p,e] * b[e] / 2) }"},
    {"Filler", "kernel k(x[m]: f32) -> y: f32 { y = max[m](x[m]) }",
     "write `else -inf`",
     "kernel k(x[m]: f32) -> y: f32 else -inf { y = max[m](x[m]) }"},
    {"FillerOfLeast", "kernel k(x[m]: f32) -> y: f32 { y = min[m](x[m]) }",
     "write `else inf`",
     "kernel k(x[m]: f32) -> y: f32 else inf { y = min[m](x[m]) }"},
    {"SharedHeads",
     "kernel k(K[g,m]: f32, V[g,m]: f32, x[h]: f32) -> y[h]: f32 {\n"
     "  y[h] = x[h] * K[h*|g|/|h|,m] * V[h,m]\n}",
     "write `h*|g|/|h|`",
     "kernel k(K[g,m]: f32, V[g,m]: f32, x[h]: f32) -> y[h]: f32 {\n"
     "  y[h] = x[h] * K[h*|g|/|h|,m] * V[h*|g|/|h|,m]\n}"},
    {"SharedHeadsByDivision",
     "kernel k(V[g,m]: f32, x[h]: f32) -> y[h,m]: f32 {\n"
     "  y[h,m] = x[h] * V[h/(|h|/|g|),m]\n}",
     "write `h*|g|/|h|`",
     "kernel k(V[g,m]: f32, x[h]: f32) -> y[h,m]: f32 {\n"
     "  y[h,m] = x[h] * V[h*|g|/|h|,m]\n}"},
    {"QuotientOfDivisor",
     "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] * exp(m / 8) }",
     "write `8.0`",
     "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] * exp(m / 8.0) }"},
    {"QuotientElsewhere",
     "kernel k(x[m]: f32) -> y[m]: f32 { n = 1/|m|; y[m] = x[m] * n + n }",
     "write `1.0`",
     "kernel k(x[m]: f32) -> y[m]: f32 { n = 1.0/|m|; y[m] = x[m] * n + n }"},
    {"RanksOfSelection",
     "kernel k(Q[p,e]: f32, K[c,e]: f32) -> i[p,j]: i32 else -1 {\n"
     "  i[p,j] = topk(Q[p,e] * K[c,e], 4)\n}",
     "write `topk[c](...)`",
     "kernel k(Q[p,e]: f32, K[c,e]: f32) -> i[p,j]: i32 else -1 {\n"
     "  i[p,j] = topk[c](Q[p,e] * K[c,e], 4)\n}"},
    {"RanksOfDef",
     "kernel k(s[p,m]: f32) -> a[p]: f32 else 0 { a[p] = mean(s[p,m]) }",
     "write `mean[m](...)`",
     "kernel k(s[p,m]: f32) -> a[p]: f32 else 0 { a[p] = mean[m](s[p,m]) }"},
    {"RanksOfSum",
     "kernel k(Q[e]: f32, K[e]: f32) -> y: f32 "
     "{ y = sum(Q[e] * K[e]) }",
     "write `sum[e](...)`",
     "kernel k(Q[e]: f32, K[e]: f32) -> y: f32 { y = sum[e](Q[e] * K[e]) }"},
    {"ExtentOfDefault",
     "kernel k(x[m]: f32, s: f32 = 1/sqrt(m)) -> y: f32 { y = sum[m](s * x[m]) "
     "}",
     "write `|m|`",
     "kernel k(x[m]: f32, s: f32 = 1/sqrt(|m|)) -> y: f32 { y = sum[m](s * "
     "x[m]) }"},
    {"Quotient", "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] * (1/|m|) }",
     "write `1.0`",
     "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] * (1.0/|m|) }"},
    {"QuotientFirst",
     "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = 1 / |m| * x[m] }",
     "write `1.0`",
     "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = 1.0 / |m| * x[m] }"},
    {"BoolAsNumber", "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] > 0) }",
     "write `if(..., 1, 0)`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](if(x[m] > 0, 1, 0)) }"},
    {"NumberAsCondition",
     "kernel k(x[m]: f32, c[m]: i32) -> y: f32 { y = sum[m](x[m] where c[m]) }",
     "write `... != 0`",
     "kernel k(x[m]: f32, c[m]: i32) -> y: f32 "
     "{ y = sum[m](x[m] where c[m] != 0) }"},
    {"RealAsIndex",
     "kernel k(x[m]: f32, s: f32) -> y[m]: f32 else 0 { y[m] = x[m * s] }",
     "write `floor(...)`",
     "kernel k(x[m]: f32, s: f32) -> y[m]: f32 else 0 "
     "{ y[m] = x[floor(m * s)] }"},
    {"NotPacked", "kernel k(x[m,d]: u4) -> y: f32 { y = sum[m,d](x[m,d]) }",
     "write `u4 packed d`",
     "kernel k(x[m,d]: u4 packed d) -> y: f32 { y = sum[m,d](x[m,d]) }"},
    {"Packed", "kernel k(x[m]: f32 packed m) -> y: f32 { y = sum[m](x[m]) }",
     "drop `packed`", "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }"},
    {"And", "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m>1&&m<3) }",
     "write `and`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m>1 and m<3) }"},
    {"Not",
     "kernel k(x[m]: f32, c[m]: bool) -> y: f32 { y = sum[m](x[m] where "
     "!c[m]) }",
     "write `not`",
     "kernel k(x[m]: f32, c[m]: bool) -> y: f32 { y = sum[m](x[m] where "
     "not c[m]) }"},
    {"LessEqual",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m =< 4) }",
     "write `<=`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m <= 4) }"},
    {"GreaterEqual",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m=>4) }",
     "write `>=`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m>=4) }"},
    {"NotEqual",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m <> 4) }",
     "write `!=`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m != 4) }"},
    {"Typeset",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m \u2264 4) }",
     "write `<=`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m <= 4) }"},
    {"Or",
     "kernel k(x[m]: f32, c: bool) -> y: f32 "
     "{ y = sum[m](x[m] where c || m < 4) }",
     "write `or`",
     "kernel k(x[m]: f32, c: bool) -> y: f32 "
     "{ y = sum[m](x[m] where c or m < 4) }"},
    {"Equal", "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m = 4) }",
     "write `==`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m == 4) }"},
    {"EqualOfEquation",
     "kernel k(x[m]: f32) -> y[m]: f32 else 0 {\n"
     "  y[m] = x[m] where m % 2\n    = 1\n}",
     "write `==`",
     "kernel k(x[m]: f32) -> y[m]: f32 else 0 {\n"
     "  y[m] = x[m] where m % 2\n    == 1\n}"},
    {"Definition", "kernel k(x[m]: f32) -> y[m]: f32 { y[m] == x[m] }",
     "write `=`", "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }"},
    {"Walrus", "kernel k(x[m]: f32) -> y[m]: f32 { y[m] := x[m] }", "write `=`",
     "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }"},
    {"If", "kernel k(x[m]: f32) -> y[m]: f32 else 0 { y[m] = x[m] if m < 4 }",
     "write `where`",
     "kernel k(x[m]: f32) -> y[m]: f32 else 0 { y[m] = x[m] where m < 4 }"},
    {"IfInside", "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] if m < 4) }",
     "write `where`",
     "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m] where m < 4) }"},
    {"Matrix",
     "kernel k(Q[p,e]: f32, K[m,e]: f32) -> S[p,m]: f32 "
     "{ S[p,m] = Q[p,e] @ K[m,e] }",
     "write `*`",
     "kernel k(Q[p,e]: f32, K[m,e]: f32) -> S[p,m]: f32 "
     "{ S[p,m] = Q[p,e] * K[m,e] }"},
    {"Comment", "# why\nkernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }",
     "write `//`", "// why\nkernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }"},
    {"FloorOfPython",
     "kernel k(K[g,m]: f32, x[h]: f32) -> y[h,m]: f32 else 0 {\n"
     "  y[h,m] = x[h] * K[h // 2, m]\n}",
     "write `/`",
     "kernel k(K[g,m]: f32, x[h]: f32) -> y[h,m]: f32 else 0 {\n"
     "  y[h,m] = x[h] * K[h / 2, m]\n}"},
    {"Parenthesis",
     "kernel k(x[m]: f32) -> y[m]: f32, z[m]: f32 {\n"
     "  y[m] = exp(x[m]\n  z[m] = x[m]\n}",
     "write `)`",
     "kernel k(x[m]: f32) -> y[m]: f32, z[m]: f32 {\n"
     "  y[m] = exp(x[m])\n  z[m] = x[m]\n}"},
    {"ParenthesisOfParameters",
     "kernel k(x[m]: f32 -> y[m]: f32 { y[m] = x[m] }", "write `)`",
     "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }"},
    {"Closed", "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = exp(x[m])) }",
     "remove `)`", "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = exp(x[m]) }"},
    {"Brackets", "kernel k(x[p,m]: f32) -> y[p,m]: f32 { y[p,m] = x[p][m] }",
     "write `,`", "kernel k(x[p,m]: f32) -> y[p,m]: f32 { y[p,m] = x[p,m] }"},
    {"SecondWhere",
     "kernel k(x[m]: f32) -> y[m]: f32 else 0 "
     "{ y[m] = x[m] where m > 1 where m < 4 }",
     "write `and`",
     "kernel k(x[m]: f32) -> y[m]: f32 else 0 "
     "{ y[m] = x[m] where m > 1 and m < 4 }"},
    {"Let", "kernel k(x[m]: f32) -> y[m]: f32 { let z = 2.0; y[m] = z * x[m] }",
     "remove `let`",
     "kernel k(x[m]: f32) -> y[m]: f32 { z = 2.0; y[m] = z * x[m] }"},
    {"ArgumentName",
     "kernel k(s[c]: f32) -> i[j]: i32 else -1 { i[j] = topk[c](s[c], k = 4) }",
     "remove `k =`",
     "kernel k(s[c]: f32) -> i[j]: i32 else -1 { i[j] = topk[c](s[c], 4) }"},
    {"Separator",
     "kernel k(x[m]: f32) -> y: f32 { z[m] = x[m] y = sum[m](z[m]) }",
     "write `;`",
     "kernel k(x[m]: f32) -> y: f32 { z[m] = x[m] ; y = sum[m](z[m]) }"},
};

class Fixes : public testing::TestWithParam<Case> {};
} // namespace

/// The text of buffer 0 after the edits.
static std::string edited(const SourceManager &sources, const Fix &fix) {
  std::vector<Edit> edits = fix.edits;
  llvm::stable_sort(edits, [](const Edit &a, const Edit &b) {
    return a.range.begin > b.range.begin;
  });
  std::string text = sources.getText(0).str();
  for (const Edit &edit : edits)
    text.replace(edit.range.begin - sources.getBase(0),
                 edit.range.end - edit.range.begin, edit.text);
  return text;
}

TEST_P(Fixes, MakeTheProgramRight) {
  const Case &test = GetParam();
  Analysed wrong(test.wrong);
  bool found = false;
  for (const Diagnostic &diagnostic : wrong.diagnostics.get())
    for (const Fix &fix : diagnostic.fixes)
      if (fix.title == test.title && !found) {
        found = true;
        EXPECT_EQ(edited(wrong.sources, fix), test.mended);
      }
  EXPECT_TRUE(found) << wrong.text();
  EXPECT_FALSE(wrong.ok());
  // One mistake, one message.
  EXPECT_EQ(wrong.diagnostics.getErrorCount(), 1u) << wrong.text();
  Analysed mended(test.mended);
  EXPECT_TRUE(mended.ok()) << mended.text();
}

INSTANTIATE_TEST_SUITE_P(Diagnostics, Fixes, testing::ValuesIn(cases),
                         [](const auto &info) { return info.param.name; });
