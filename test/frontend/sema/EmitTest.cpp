//===- EmitTest.cpp - Elaborated kernels in the cascade dialect -----------===//

#include "frontend/sema/Emit.h"
#include "Analysed.h"
#include "dialect/Cascade/Schedules.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include <gtest/gtest.h>

using namespace einfall;
using namespace einfall::ein;

namespace {
struct Emitted : Analysed {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  explicit Emitted(std::string text) : Analysed(std::move(text)) {
    if (!ok())
      return;
    auto result = emitCascade(context, *program, sources, diagnostics);
    if (succeeded(result))
      module = std::move(*result);
  }
  std::string ir() {
    std::string text;
    llvm::raw_string_ostream os(text);
    if (module)
      module->print(os);
    return text;
  }
  bool verified() { return module && succeeded(mlir::verify(*module)); }
};

constexpr const char *attention = R"(
kernel attention(Q[b,h,p,e]: bf16, K[b,g,m,e]: bf16, V[b,g,m,f]: bf16,
                 scale: f32 = 1/sqrt(|e|))
    -> O[b,h,p,f]: bf16, L[b,h,p]: f32 else -inf
{
  S[b,h,p,m] = scale * Q[b,h,p,e] * K[b, h*|g|/|h|, m, e]  where m - p <= |m| - |p|
  O[b,h,p,f] = softmax[m](S[b,h,p,m]) * V[b, h*|g|/|h|, m, f]
  L[b,h,p]   = logsumexp[m](S[b,h,p,m])
}
)";

bool contains(const std::string &text, const char *part) {
  return text.find(part) != std::string::npos;
}
} // namespace

TEST(Emit, Attention) {
  Emitted emitted(attention);
  ASSERT_TRUE(emitted.verified()) << emitted.text();
  std::string ir = emitted.ir();
  EXPECT_TRUE(contains(ir, "cascade.kernel @attention")) << ir;
  EXPECT_TRUE(contains(ir, "cascade.input \"K\" [b, g, m, e] : <bf16, 4>"));
  EXPECT_TRUE(contains(ir, "cascade.param \"scale\" : f32 else"));
  EXPECT_TRUE(contains(ir, "cascade.reduce sum over [\"e\"]"));
  EXPECT_TRUE(contains(ir, "cascade.reduce max over [\"m\"]"));
  EXPECT_TRUE(contains(ir, "cascade.output \"O\" [b, h, p, f] : bf16"));
  EXPECT_TRUE(contains(ir, "cascade.output \"L\" [b, h, p] : f32"));
}

TEST(Emit, PlacesAndNames) {
  Emitted emitted(attention);
  ASSERT_TRUE(emitted.module);
  bool found = false;
  emitted.module->walk([&](cascade::WhereOp op) {
    auto named = llvm::dyn_cast<mlir::NameLoc>(op.getLoc());
    if (!named || named.getName() != "S")
      return;
    auto place = llvm::dyn_cast<mlir::FileLineColLoc>(named.getChildLoc());
    ASSERT_TRUE(static_cast<bool>(place));
    EXPECT_EQ(place.getFilename(), "test.ein");
    EXPECT_EQ(place.getLine(), 6u);
    found = true;
  });
  EXPECT_TRUE(found) << emitted.ir();
}

TEST(Emit, EveryFunctionAndForm) {
  Emitted emitted(R"(
kernel k(x[m]: f32, c[m]: bool, i[m]: i32, cu[s+1]: i32, w[4]: f32, n: i32)
    -> y[m]: f32 else 0, j[m]: i32, b[m]: bool, z[r]: f32 else 0, a: i32 else -1
{
  require n > 0, monotone(cu)
  default m = 100
  rank r = ceil(|m| / 2)
  t[m] = exp(x[m]) + log(x[m]) - sqrt(x[m]) * tanh(x[m]) / sin(x[m])
  u[m] = pow(cos(x[m]), erf(x[m])) + abs(x[m]) + max(x[m], 1, t[m]) - min(x[m], 2)
  v[m] = if(c[m] and x[m] > 0 or not c[m], t[m], -u[m])
  y[m] = or_else(v[m - 1], x[i[m]]) + w[m % 4] + cu[n] + s0 + real(n)
  s0   = sum[s](cu[s] * 1.0)
  j[m] = floor(x[m]) + ceil(x[m]) + round(x[m]) + m / 3 % 5 + count[m](x[m]) + |s|
  b[m] = any[m](c[m]) == all[m](c[m]) and x[m] != 0 and 0 <= m < n
  z[r] = x[r * 2] - min[m](x[m])
  a    = argmax[m](x[m])
}
)");
  ASSERT_TRUE(emitted.verified()) << emitted.text() << emitted.ir();
  std::string ir = emitted.ir();
  EXPECT_TRUE(contains(ir, "cascade.input \"cu\" [s_plus_1]")) << ir;
  EXPECT_TRUE(contains(ir, "cascade.input \"w\" [extent_4]"));
  EXPECT_TRUE(contains(ir, "cascade.rank \"m\" default 100"));
  EXPECT_TRUE(contains(ir, "cascade.rank \"r\" extent"));
  EXPECT_TRUE(contains(ir, "cascade.require = [\"n > 0\", \"monotone(cu)\"]"));
}

TEST(Emit, RanksThatAValueLacks) {
  // z does not vary along m; the shifted access only has to lie inside.
  Emitted emitted("kernel k(u: f32, x[m]: f32) -> y[m]: f32 else 0 {\n"
                  " z[m] = u\n y[m] = z[m + 1] + x[m] }");
  ASSERT_TRUE(emitted.verified()) << emitted.text();
  EXPECT_TRUE(contains(emitted.ir(), "cascade.where"));
}

TEST(Emit, Schedules) {
  std::string text = "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
                     "schedule k { tile m = 64 }\n";
  Emitted all(text);
  ASSERT_TRUE(all.verified());
  EXPECT_TRUE(contains(all.ir(), "schedule = {tile = {m = 64 : i64}}"))
      << all.ir();
  Emitted some(text + "schedule k for sm_90a { tile m = 176; stages 2 }\n"
                      "schedule k for cpu {}\n");
  ASSERT_TRUE(some.verified());
  auto forTarget = [&](const char *target) {
    mlir::OwningOpRef<mlir::ModuleOp> copy(some.module->clone());
    auto kernel = *copy->getOps<cascade::KernelOp>().begin();
    cascade::chooseSchedule(kernel, target);
    EXPECT_EQ(cascade::schedulesOf(kernel).size(),
              kernel.getScheduleAttr() ? 1u : 0u);
    std::string attribute;
    llvm::raw_string_ostream os(attribute);
    os << mlir::Attribute(kernel.getScheduleAttr());
    return attribute;
  };
  EXPECT_EQ(forTarget("sm_80"), "{tile = {m = 64 : i64}}");
  EXPECT_EQ(forTarget("sm_90a"), "{stages = 2 : i64, tile = {m = 176 : i64}}");
  EXPECT_EQ(forTarget("cpu"), "<<NULL ATTRIBUTE>>");
}

TEST(Emit, RefusesGradientsByNameAndPlace) {
  Emitted emitted("kernel f(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
                  "kernel b = grad f wrt x");
  EXPECT_TRUE(emitted.ok()) << emitted.text();
  EXPECT_FALSE(emitted.module);
  EXPECT_TRUE(contains(emitted.text(), "`grad f` cannot be lowered yet"))
      << emitted.text();
}

/// The IR of a text holds what is listed.
static void expectEmitted(const std::string &text,
                          std::initializer_list<const char *> pieces) {
  Emitted emitted(text);
  ASSERT_TRUE(emitted.verified()) << emitted.text() << emitted.ir();
  for (const char *piece : pieces)
    EXPECT_TRUE(contains(emitted.ir(), piece)) << piece << "\n" << emitted.ir();
}

TEST(Emit, Recurrences) {
  expectEmitted("kernel k(a[t]: f32) -> y: f32 {\n H[0] = 0\n"
                " H[t+1] = H[t] + a[t]\n y = H[|t|] }",
                {"cascade.rank \"t_state\" extent",
                 "cascade.recurrence along \"t\" states \"t_state\" start",
                 "-> !cascade.field<real[t_state]>"});
  // Defined from each other: one operation.
  expectEmitted("kernel k(a[t]: f32) -> y: f32 {\n G[0] = 0\n H[0] = 1\n"
                " G[t+1] = 2 * H[t]\n H[t+1] = G[t+1] + G[t] + a[t]\n"
                " y = H[|t|] }",
                {"(!cascade.field<real[]>, !cascade.field<real[]>)",
                 "^bb0(%arg0: !cascade.field<real[]>, "
                 "%arg1: !cascade.field<real[]>)"});
  // States backwards in time are numbered from 0 too.
  expectEmitted("kernel k(a[t]: f32) -> y: f32 {\n G[|t|-1] = 0\n"
                " G[t-1] = G[t] + a[t]\n y = G[-1] }",
                {"states \"t_state\" backward start"});
}

TEST(Emit, RecurrencesOfDefsCarryRanks) {
  expectEmitted("def total[t](x[t]) -> y[t] {\n H[0] = 0\n"
                " H[t+1] = H[t] + x[t]\n y[t] = H[t+1] }\n"
                "kernel k(x[b,t]: f32) -> y[b,t]: f32 "
                "{ y[b,t] = total[t](x[b,t]) }",
                {"^bb0(%arg0: !cascade.field<real[b]>)"});
}

TEST(Emit, ListsRaggedRanksIndicesAndPackedInputs) {
  expectEmitted(
      "kernel k(s[c]: f32) -> y[j]: i32 else -1 "
      "{ y[j] = topk[c](s[c], 4) }",
      {"cascade.topk", "over \"c\" as \"j\"", "cascade.rank \"j\" extent"});
  expectEmitted("kernel k(s[c]: f32) -> y[j]: i32 else -1 "
                "{ y[j] = select[c](s[c] > 0) }",
                {"cascade.select"});
  expectEmitted("kernel k(n[s]: i32, x[t]: f32) -> y[s]: f32 {\n"
                " rank p of s in 0 .. n[s]\n y[s] = sum[p](x[p]) }",
                {"cascade.reduce max over [\"s\"]", "cascade.where",
                 "cascade.rank \"p\" extent"});
  expectEmitted("kernel k(i[m]: i32, x[m]: f32) -> y[m]: f32 else 0 "
                "{ y[i[m]] = x[m] }",
                {"cascade.output \"y\" [m] at(%"});
  expectEmitted("kernel k(x[m]: u4 packed m) -> y[m]: f32 { y[m] = x[m] }",
                {"cascade.input \"x\" [m] packed \"m\" : <ui4, 1>"});
}

TEST(Emit, PreconditionsAndExchanges) {
  expectEmitted("kernel k(cu[s+1]: i32, o[m]: i32, x[m]: f32) -> y[m]: f32 {\n"
                " require monotone(cu), permutation(o), |s| > 0\n"
                " y[m] = x[o[m]] }\n"
                "schedule k { shard m over ring }",
                {"cascade.require %", "\"monotone(cu)\", \"permutation(o)\"",
                 "cascade.rank \"m_permuted\"",
                 "shard = [{over = \"ring\", ranks = [\"m\"]}]"});
}
