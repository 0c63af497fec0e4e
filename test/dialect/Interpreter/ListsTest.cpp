//===- ListsTest.cpp - topk, select and outputs stored by index -----------===//

#include "Fixture.h"

using namespace einfall;
using namespace einfall::interpreter;

namespace {
class Lists : public InterpreterTest {};
} // namespace

/// Rule abs.5: by value descending, ties to the lower coordinate, NaN last.
TEST_F(Lists, TopKOrdersAsTheRuleSays) {
  input("X", {6}, {2, 5, notANumber, 5, -1, 3});
  auto values = run(R"(
    %x = cascade.input "X" [m] : <f32, 1>
    %four = cascade.const 4 : i64 -> <int[]>
    %none = cascade.const -1 : i64 -> <int[]>
    cascade.rank "j" extent %four : !cascade.field<int[]>
    %m = cascade.coord "m" : <int[m]>
    %v = cascade.read %x[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %p = cascade.topk %v, %four over "m" as "j"
      : <real[m]>, <int[]> -> <int[j]>
    cascade.output "Y" [j] : i32 = %p : <int[j]>
      else %none : !cascade.field<int[]>
  )");
  expectSame(values, {1, 3, 5, 0});
}

TEST_F(Lists, TopKTakesOnlyWhatIsPresentAndNaNLast) {
  input("X", {4}, {notANumber, 1, 2, 9});
  auto values = run(R"(
    %x = cascade.input "X" [m] : <f32, 1>
    %four = cascade.const 4 : i64 -> <int[]>
    %three = cascade.const 3 : i64 -> <int[]>
    %none = cascade.const -1 : i64 -> <int[]>
    cascade.rank "j" extent %four : !cascade.field<int[]>
    %m = cascade.coord "m" : <int[m]>
    %v = cascade.read %x[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %c = cascade.map lt(%m, %three)
      : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
    %w = cascade.where %v, %c : <real[m]>, <bool[m]> -> <real[m]>
    %p = cascade.topk %w, %four over "m" as "j"
      : <real[m]>, <int[]> -> <int[j]>
    cascade.output "Y" [j] : i32 = %p : <int[j]>
      else %none : !cascade.field<int[]>
  )");
  expectSame(values, {2, 1, 0, -1});
}

/// One list for every row, each of its own length.
TEST_F(Lists, SelectIsAscendingAndRagged) {
  input("X", {3, 4}, {1, -1, 2, 3, -1, -1, -1, -1, -1, 4, -1, 5});
  auto values = run(R"(
    %x = cascade.input "X" [q, c] : <f32, 2>
    %n = cascade.extent "c" : <int[]>
    %none = cascade.const -1 : i64 -> <int[]>
    %zero = cascade.const 0.0 : f64 -> <real[]>
    cascade.rank "j" extent %n : !cascade.field<int[]>
    %q = cascade.coord "q" : <int[q]>
    %c = cascade.coord "c" : <int[c]>
    %v = cascade.read %x[%q, %c] : <f32, 2>,
      (!cascade.field<int[q]>, !cascade.field<int[c]>) -> !cascade.field<real[c, q]>
    %b = cascade.map gt(%v, %zero)
      : (!cascade.field<real[c, q]>, !cascade.field<real[]>) -> !cascade.field<bool[c, q]>
    %p = cascade.select %b over "c" as "j" : <bool[c, q]> -> <int[j, q]>
    cascade.output "Y" [q, j] : i32 = %p : <int[j, q]>
      else %none : !cascade.field<int[]>
  )");
  expectSame(values, {0, 2, 3, -1, -1, -1, -1, -1, 1, 3, -1, -1});
}

static constexpr llvm::StringLiteral scatterKernel = R"(
    %x = cascade.input "X" [m] : <f32, 1>
    %at = cascade.input "AT" [m] : <f32, 1>
    %four = cascade.const 4 : i64 -> <int[]>
    %zero = cascade.const 7.0 : f64 -> <real[]>
    cascade.rank "n" extent %four : !cascade.field<int[]>
    %m = cascade.coord "m" : <int[m]>
    %v = cascade.read %x[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %a = cascade.read %at[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %i = cascade.map to_int(%a) : (!cascade.field<real[m]>) -> !cascade.field<int[m]>
    cascade.output "Y" [n] at (%i : !cascade.field<int[m]>) : f32
      = %v : <real[m]> else %zero : !cascade.field<real[]>
)";

/// Rule tensor.3; what lies outside is dropped, what nothing names is filled.
TEST_F(Lists, OutputsAreStoredByIndex) {
  input("X", {3}, {1, 2, 3});
  input("AT", {3}, {2, -1, 0});
  expectSame(run(scatterKernel), {3, 7, 1, 7});
}

TEST_F(Lists, TwoValuesAtOneIndexAreAnError) {
  input("X", {3}, {1, 2, 3});
  input("AT", {3}, {2, 1, 2});
  auto kernel = parse(("cascade.kernel @k {\n" + scatterKernel + "\n}").str());
  auto interpreter = Interpreter::create(kernel, arguments);
  ASSERT_TRUE(succeeded(interpreter)) << messages;
  EXPECT_TRUE(failed(interpreter->evaluateAll(interpreter->getOutput("Y"))));
  EXPECT_NE(messages.find("two values are stored in `Y` at [n = 2]"),
            std::string::npos)
      << messages;
}
