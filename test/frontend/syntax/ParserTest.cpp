//===- ParserTest.cpp - Trees, recovery and limits ------------------------===//

#include "frontend/syntax/Parser.h"
#include <gtest/gtest.h>

using namespace einfall::ein;

namespace {
struct Parsed {
  SourceManager sources;
  DiagnosticEngine diagnostics;
  std::unique_ptr<File> file;
  explicit Parsed(std::string text) {
    unsigned id = sources.add("test.ein", std::move(text));
    file = parse(sources, id, diagnostics);
  }
  std::string messages() const {
    std::string all;
    for (const Diagnostic &diagnostic : diagnostics.get())
      all += diagnostic.message + "\n";
    return all;
  }
  Expr *value(unsigned statement = 0) const {
    return file->kernels.at(0)->body[statement]->value;
  }
};

Parsed kernel(const std::string &body) {
  return Parsed("kernel k(x[m]: f32) -> y[m]: f32 {\n" + body + "\n}\n");
}
} // namespace

TEST(Parser, ReadsDeclarations) {
  Parsed parsed(R"(
def softmax[m](s[m]) -> a[m] { a[m] = exp(s[m]) }
kernel f(Q[p,e]: bf16, K[m,e]: u4 packed e, n: i32 = 3) -> O[p]: f32 else -inf,
  L[p]: f32 { O[p] = Q[p,e] ; L[p] = 1 }
kernel b = grad f wrt Q, K saving O
schedule f for sm_90a { tile p = 128, m = 176; stages 2; shard p, m over ring }
default p = 1024, m = 2048
)");
  ASSERT_EQ(parsed.messages(), "");
  const File &file = *parsed.file;
  ASSERT_EQ(file.kernels.size(), 2u);
  EXPECT_EQ(file.kernels[0]->inputs[1].packed.name, "e");
  EXPECT_EQ(file.kernels[0]->inputs[2].value->intValue, 3);
  ASSERT_NE(file.kernels[0]->outputs[0].filler, nullptr);
  EXPECT_EQ(file.kernels[0]->body.size(), 2u);
  EXPECT_EQ(file.kernels[1]->gradient->wrt.size(), 2u);
  EXPECT_EQ(file.schedules[0]->target.name, "sm_90a");
  EXPECT_EQ(file.schedules[0]->tiles.size(), 2u);
  EXPECT_EQ(file.schedules[0]->shards[0].over.name, "ring");
  EXPECT_EQ(file.defaults.size(), 2u);
  EXPECT_EQ(file.defs[0]->ranks[0].name, "m");
}

TEST(Parser, ReadsStatements) {
  Parsed parsed = kernel(R"(
  rank r = 64, c = ceil(|m| / 64)
  rank p of s in 0 .. cu[s+1] - cu[s]
  require monotone(cu), page in 0..|n|
  default m = 8
  each b, h { H[t+1,k] = H[t,k] where m <= p and p < 3 })");
  ASSERT_EQ(parsed.messages(), "");
  auto body = parsed.file->kernels[0]->body;
  ASSERT_EQ(body.size(), 5u);
  EXPECT_EQ(body[0]->bindings.size(), 2u);
  EXPECT_EQ(body[1]->bindings[0].parent.name, "s");
  EXPECT_EQ(body[2]->conditions[1]->kind, ExprKind::InRange);
  EXPECT_EQ(body[3]->kind, StmtKind::Default);
  EXPECT_EQ(body[4]->body[0]->condition->kind, ExprKind::And);
}

TEST(Parser, BindsOperators) {
  Parsed parsed = kernel("y[m] = -a + b * c / d - (e - f) * g % 4");
  ASSERT_EQ(parsed.messages(), "");
  Expr *sum = parsed.value();
  ASSERT_EQ(sum->kind, ExprKind::Sum);
  ASSERT_EQ(sum->args.size(), 3u);
  EXPECT_EQ(sum->ops[0], Operator::Subtract);
  EXPECT_EQ(sum->args[1]->kind, ExprKind::Product);
  EXPECT_EQ(sum->args[1]->ops[2], Operator::Divide);
  EXPECT_EQ(sum->args[2]->kind, ExprKind::Remainder);
  EXPECT_TRUE(sum->args[2]->args[0]->args[0]->parenthesised);
}

TEST(Parser, TellsCallsFromAccesses) {
  Parsed parsed = kernel("y[m] = T[i, j] + f[i](T[i, j]) + g[(i, j), k](1)");
  ASSERT_EQ(parsed.messages(), "");
  Expr *sum = parsed.value();
  EXPECT_EQ(sum->args[0]->kind, ExprKind::Index);
  EXPECT_EQ(sum->args[1]->kind, ExprKind::Call);
  ASSERT_EQ(sum->args[2]->ranks.size(), 2u);
  EXPECT_EQ(sum->args[2]->ranks[0].ranks.size(), 2u);
}

TEST(Parser, EveryNodeHasItsPlace) {
  Parsed parsed = kernel("y[m] = (x[m] + 1) * 2");
  Expr *product = parsed.value();
  EXPECT_EQ(parsed.sources.getText(product->range), "(x[m] + 1) * 2");
  EXPECT_EQ(parsed.sources.getText(product->args[0]->range), "(x[m] + 1)");
  EXPECT_EQ(parsed.sources.getText(product->args[0]->args[0]->range), "x[m]");
}

TEST(Parser, ReportsSeveralErrorsAndGoesOn) {
  Parsed parsed(R"(
kernel a(x[m]: f32) -> y[m]: f32 {
  y[m] = x[m +
  z[m] = 3
  w[m] = ) 4
}
kernel b(x[m]) -> y[m]: f32 { y[m] = x[m] }
kernel c(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }
)");
  EXPECT_EQ(parsed.diagnostics.getErrorCount(), 3u) << parsed.messages();
  EXPECT_NE(parsed.messages().find("expected an expression, found `)`"),
            std::string::npos);
  EXPECT_NE(parsed.messages().find("and an element type after `x`"),
            std::string::npos);
  EXPECT_EQ(parsed.file->kernels.back()->name.name, "c");
}

TEST(Parser, SaysWhatItExpected) {
  struct Case {
    const char *text, *message;
  } cases[] = {
      {"kernel", "expected the name of the kernel, found the end of the file"},
      {"kernel where() -> y: f32 {}",
       "expected the name of the kernel, found `where`"},
      {"foo", "expected `kernel`, `def`, `schedule`, `shard` or `default`"},
      {"kernel k(x: f32) y: f32 {}", "expected `->` before the outputs"},
      {"kernel k = gradient f", "expected `grad`, found `gradient`"},
      {"kernel k = grad f", "expected `wrt` and the inputs"},
      {"kernel k(x: f32) -> y: f32 { y = |m }",
       "expected `|` after the rank `m`"},
      {"kernel k(x: f32) -> y: f32 { y = f() }", "expected an argument"},
      {"kernel k(x: f32) -> y: f32 { y = x[] }", "expected an index"},
      {"kernel k(x: f32) -> y: f32 { y = f[1](x) }",
       "the brackets of a call hold ranks"},
      {"kernel k(x: f32) -> y: f32 { y 3 }",
       "expected `=` after the left side of an equation, found `3`"},
      {"kernel k(x: f32) -> y: f32 { y = x z = 3 }",
       "expected an operator or the end of the line, found `z`"},
      {"kernel k(x: f32) -> y: f32 { rank p }", "expected `=` and an extent"},
      {"kernel k(x: f32) -> y: f32 { rank p of s 0 }", "expected `in`"},
      {"kernel k(x: f32) -> y: f32 { rank p of s in 0 }",
       "expected `..` between the bounds"},
      {"kernel k(x: f32) -> y: f32 { y = x", "this `{` is not closed"},
      {"kernel k(x: f32) -> y: f32 { y = 1e999 }", "is out of range"},
      {"kernel k(x: f32) -> y: f32 { y = 99999999999999999999 }",
       "does not fit in 64 bits"},
      {"schedule k { tile }", "expected a rank to tile"},
      {"schedule k { shard p ring }", "expected `over`"},
      {"schedule k { fast }", "expected `tile`, `stages` or `shard`"},
  };
  for (const Case &test : cases) {
    Parsed parsed(test.text);
    EXPECT_NE(parsed.messages().find(test.message), std::string::npos)
        << test.text << "\n"
        << parsed.messages();
  }
}

/// What writers of other languages write first: one error, and its remedy.
TEST(Parser, SaysWhatIsMeant) {
  struct Case {
    const char *statement, *remedy;
  } cases[] = {
      {"y = x if x > 0 else 0", "a choice is written `if(condition, x, y)`"},
      {"y = if x > 0 then x", "a choice is written `if(condition, x, y)`"},
      {"y = x > 0 ? x : 0", "a choice is written `if(condition, x, y)`"},
      {"y = x where x > 0 else 0", "an output declares what is stored"},
      {"y = sum[m] x[m]",
       "what is reduced stands in parentheses: `sum[..](x)`"},
      {"y = sum(x[m] for m)", "a rank that is not on the left is summed"},
      {"y = x[0:4]", "no slice is written"},
      {"y = x[:, m]", "no slice is written"},
      {"y += x", "an equation says the whole value"},
      {"for m { y = x }", "`each b, h { ... }` writes them once"},
      {"return y", "an output is defined by the equation of its name"},
      {"y = x ^ 2", "write `pow(x, y)`"},
      {"y = x ** 2", "write `pow(x, y)`"},
      {"y = Q @ K", "a product of named ranks that are not on the left"},
      {"y = x) + 1", "this `)` closes no bracket"},
      {"y = x[m\n  z = 3", "this bracket is not closed"},
      {"y = 2 x", "a product is written with `*`"},
  };
  for (const Case &test : cases) {
    Parsed parsed = kernel(test.statement);
    ASSERT_FALSE(parsed.diagnostics.get().empty()) << test.statement;
    EXPECT_EQ(parsed.diagnostics.getErrorCount(), 1u) << test.statement << "\n"
                                                      << parsed.messages();
    std::string notes;
    for (const Note &note : parsed.diagnostics.get()[0].notes)
      notes += note.message + "\n";
    EXPECT_NE(notes.find(test.remedy), std::string::npos)
        << test.statement << "\n"
        << parsed.messages() << notes;
  }
}

TEST(Parser, DoesNotTakeTheNextEquationForAComparison) {
  Parsed parsed = kernel("y[m] = x[m] *\n  z[m] = ) 3\n  w[m] = x[m]");
  ASSERT_EQ(parsed.diagnostics.getErrorCount(), 2u) << parsed.messages();
  EXPECT_EQ(parsed.diagnostics.get()[0].message,
            "expected an operand after `*`, found the next equation");
  EXPECT_EQ(parsed.diagnostics.get()[1].message,
            "expected an expression, found `)`");
}

TEST(Parser, SaysWhatDefsDoNotHave) {
  Parsed typed("def f(x: f32) -> y { y = x }");
  EXPECT_EQ(typed.diagnostics.get()[0].message, "a def has no types");
  Parsed given("def f(x, eps = 1e-6) -> y { y = x }");
  EXPECT_EQ(given.diagnostics.get()[0].message, "a parameter has no default");
}

TEST(Parser, LimitsNesting) {
  for (std::string open : {"(", "-", "not ", "f(", "T[", "f[m]("}) {
    std::string text = "y[m] = ";
    for (int i = 0; i < 20000; ++i)
      text += open;
    Parsed parsed = kernel(text + "x");
    EXPECT_NE(parsed.messages().find("the limit is 100"), std::string::npos)
        << open;
  }
  std::string blocks;
  for (int i = 0; i < 20000; ++i)
    blocks += "each m {";
  EXPECT_NE(kernel(blocks).messages().find("the limit is 100"),
            std::string::npos);
}

TEST(Parser, KeepsAtMostFiftyErrors) {
  std::string body;
  for (int i = 0; i < 200; ++i)
    body += "  y[m] = )\n";
  Parsed parsed = kernel(body);
  EXPECT_EQ(parsed.diagnostics.get().size(), DiagnosticEngine::maxErrors);
  EXPECT_EQ(parsed.diagnostics.getErrorCount(), 200u);
}
