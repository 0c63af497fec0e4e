//===- SemanticsTest.cpp - What each operation means, by hand -------------===//

#include "Fixture.h"

using namespace einfall::interpreter;

namespace {
/// Bodies here speak of x = X[m] and n = N[m], m = the coordinate.
class Semantics : public InterpreterTest {
protected:
  static constexpr const char *prefix = R"mlir(
    %X = cascade.input "X" [m] : <f32, 1>
    %m = cascade.coord "m" : <int[m]>
    %x = cascade.read %X[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %zero = cascade.const 0 : i64 -> <int[]>
    %one = cascade.const 1 : i64 -> <int[]>
    %two = cascade.const 2 : i64 -> <int[]>
    %three = cascade.const 3 : i64 -> <int[]>
    %r0 = cascade.const 0.0 : f64 -> <real[]>
    %gone = cascade.const -9.0 : f64 -> <real[]>
    %igone = cascade.const -9 : i64 -> <int[]>
  )mlir";
  std::vector<double> with(std::vector<float> values, std::string body) {
    input("X", {static_cast<int64_t>(values.size())}, values);
    return run(prefix + body);
  }
  /// The reduction of X where m >= 2, with -9 for absent.
  std::vector<double> reduced(std::vector<float> values, std::string monoid,
                              std::string kind) {
    bool real = kind == "real";
    return with(
        std::move(values),
        "%c = cascade.map ge(%m, %two) : (!cascade.field<int[m]>, "
        "!cascade.field<int[]>) -> !cascade.field<bool[m]>\n"
        "%w = cascade.where %x, %c : <real[m]>, <bool[m]> -> <real[m]>\n"
        "%r = cascade.reduce " +
            monoid +
            " over [\"m\"] %w : <real[m]>"
            " -> <" +
            kind +
            "[]>\n"
            "cascade.output \"Y\" [] : " +
            (real ? "f32" : "i32") + " = %r : <" + kind + "[]> else " +
            (real ? "%gone" : "%igone") + " : !cascade.field<" + kind + "[]>");
  }
};

TEST_F(Semantics, SumOfPresentOnly) {
  expectSame(reduced({notANumber, 100, 1, 2}, "sum", "real"), {3});
  expectSame(reduced({notANumber, 100}, "sum", "real"), {0});
  expectSame(reduced({}, "sum", "real"), {0});
}

TEST_F(Semantics, MaxAndMinOfNothingAreAbsent) {
  expectSame(reduced({9, 9, 1, 2}, "max", "real"), {2});
  expectSame(reduced({9, 9}, "max", "real"), {-9});
  expectSame(reduced({0, 0, 4, 2}, "min", "real"), {2});
  expectSame(reduced({0, 0}, "min", "real"), {-9});
  expectSame(reduced({0, 0, -inf, -inf}, "max", "real"), {-inf});
  expectSame(reduced({0, 0, 1, notANumber, 2}, "max", "real"), {notANumber});
}

TEST_F(Semantics, CountAndFirst) {
  expectSame(reduced({0, 0, notANumber, 1}, "count", "int"), {2});
  expectSame(reduced({0, 0}, "count", "int"), {0});
  expectSame(reduced({8, 7, 6, 5}, "first", "real"), {6});
  expectSame(reduced({8, 7}, "first", "real"), {-9});
}

TEST_F(Semantics, ArgMaxTakesTheLowerOfEqualsAndNaNAboveAll) {
  expectSame(reduced({9, 9, 1, 5, 5}, "argmax", "int"), {3});
  expectSame(reduced({9, 9, 1, notANumber, inf, notANumber}, "argmax", "int"),
             {3});
  expectSame(reduced({9, 9, -inf}, "argmax", "int"), {2});
  expectSame(reduced({9, 9}, "argmax", "int"), {-9});
}

TEST_F(Semantics, AnyAndAll) {
  auto over = [&](std::vector<float> values, std::string monoid) {
    return with(
        std::move(values),
        "%b = cascade.map gt(%x, %r0) : (!cascade.field<real[m]>, "
        "!cascade.field<real[]>) -> !cascade.field<bool[m]>\n"
        "%r = cascade.reduce " +
            monoid +
            " over [\"m\"] %b : <bool[m]>"
            " -> <bool[]>\ncascade.output \"Y\" [] : i1 = %r : <bool[]>");
  };
  expectSame(over({-1, 1}, "any"), {1});
  expectSame(over({-1, -1}, "any"), {0});
  expectSame(over({}, "any"), {0});
  expectSame(over({1, -1}, "all"), {0});
  expectSame(over({1, 1}, "all"), {1});
  expectSame(over({}, "all"), {1});
}

TEST_F(Semantics, ARankThatTheValueLacksMultiplies) {
  input("X", {3}, {1, 2, 3});
  std::string body = std::string(prefix) + R"mlir(
    %k = cascade.const 5.0 : f64 -> <real[]>
    %s = cascade.reduce sum over ["m"] %k : <real[]> -> <real[]>
    cascade.output "Y" [] : f32 = %s : <real[]>
    %x1 = cascade.reduce max over ["m"] %k : <real[]> -> <real[]>
    cascade.output "M" [] : f32 = %x1 : <real[]> else %gone : !cascade.field<real[]>
  )mlir";
  expectSame(run(body), {15});
  input("X", {0}, {});
  expectSame(run(body), {0});
  expectSame(run(body, "M"), {-9});
}

TEST_F(Semantics, ReadsOutsideDoNotExist) {
  // y[m] = x[m - 1] + x[m + 1], absent at both ends.
  expectSame(with({1, 2, 4, 8}, R"mlir(
    %a = cascade.map sub(%m, %one) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
    %b = cascade.map add(%m, %one) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
    %xa = cascade.read %X[%a] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %xb = cascade.read %X[%b] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %y = cascade.map add(%xa, %xb) : (!cascade.field<real[m]>, !cascade.field<real[m]>) -> !cascade.field<real[m]>
    cascade.output "Y" [m] : f32 = %y : <real[m]> else %gone : !cascade.field<real[]>
  )mlir"),
             {-9, 5, 10, -9});
}

TEST_F(Semantics, AtSubstitutesAndIsAbsentOutside) {
  // y[m] = (2 x)[m + 1]
  std::string body = R"mlir(
    %d = cascade.map add(%x, %x) : (!cascade.field<real[m]>, !cascade.field<real[m]>) -> !cascade.field<real[m]>
    %b = cascade.map add(%m, %one) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
    %y = cascade.at %d ["m"](%b) : <real[m]>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    cascade.output "Y" [m] : f32 = %y : <real[m]> else %gone : !cascade.field<real[]>
  )mlir";
  expectSame(with({1, 2, 4}, body), {4, 8, -9});
  // Gathered: y[m] = (2 x)[m * m mod 3]
  expectSame(with({1, 2, 4}, R"mlir(
    %d = cascade.map add(%x, %x) : (!cascade.field<real[m]>, !cascade.field<real[m]>) -> !cascade.field<real[m]>
    %q = cascade.map mul(%m, %m) : (!cascade.field<int[m]>, !cascade.field<int[m]>) -> !cascade.field<int[m]>
    %b = cascade.map mod(%q, %three) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
    %y = cascade.at %d ["m"](%b) : <real[m]>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    cascade.output "Y" [m] : f32 = %y : <real[m]>
  )mlir"),
             {2, 4, 4});
}

TEST_F(Semantics, AtSubstitutesAllAtOnce) {
  // Swapped: Y[a, b] = X2[b, a]; a and b are each other's index.
  input("A", {2, 3}, {1, 2, 3, 4, 5, 6});
  input("B", {3, 2}, {0, 0, 0, 0, 0, 0});
  arguments.extents["a"] = 3;
  expectSame(run(R"mlir(
    %A = cascade.input "A" [i, j] : <f32, 2>
    %B = cascade.input "B" [a, b] : <f32, 2>
    %a = cascade.coord "a" : <int[a]>
    %b = cascade.coord "b" : <int[b]>
    %v = cascade.read %A[%b, %a] : <f32, 2>, (!cascade.field<int[b]>, !cascade.field<int[a]>) -> !cascade.field<real[a, b]>
    %y = cascade.at %v ["a", "b"](%b, %a) : <real[a, b]>, (!cascade.field<int[b]>, !cascade.field<int[a]>) -> !cascade.field<real[a, b]>
    %z = cascade.const -9.0 : f64 -> <real[]>
    cascade.output "Y" [a, b] : f32 = %y : <real[a, b]> else %z : !cascade.field<real[]>
  )mlir"),
             // Y[a, b] = v[b, a] = A[a, b], where b < 3 and a < 2
             {1, 2, 4, 5, -9, -9});
}

TEST_F(Semantics, OrElsePresentAndStrictness) {
  std::string shifted = R"mlir(
    %b = cascade.map add(%m, %one) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
    %s = cascade.read %X[%b] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  )mlir";
  expectSame(with({1, 2, 3}, shifted + R"mlir(
    %y = cascade.or_else %s, %x : <real[m]>, <real[m]> -> <real[m]>
    cascade.output "Y" [m] : f32 = %y : <real[m]>
  )mlir"),
             {2, 3, 3});
  expectSame(with({1, notANumber, 3}, shifted + R"mlir(
    %y = cascade.present %s : <real[m]> -> <bool[m]>
    cascade.output "Y" [m] : i1 = %y : <bool[m]>
  )mlir"),
             {1, 1, 0});
  // select is strict in the branch that it does not take.
  expectSame(with({1, 2, 3}, shifted + R"mlir(
    %c = cascade.map ge(%m, %zero) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
    %y = cascade.map select(%c, %x, %s) : (!cascade.field<bool[m]>, !cascade.field<real[m]>, !cascade.field<real[m]>) -> !cascade.field<real[m]>
    cascade.output "Y" [m] : f32 = %y : <real[m]> else %gone : !cascade.field<real[]>
  )mlir"),
             {1, 2, -9});
  // A condition that is absent excludes.
  expectSame(with({1, 2, 3}, shifted + R"mlir(
    %c = cascade.map gt(%s, %r0) : (!cascade.field<real[m]>, !cascade.field<real[]>) -> !cascade.field<bool[m]>
    %y = cascade.where %x, %c : <real[m]>, <bool[m]> -> <real[m]>
    cascade.output "Y" [m] : f32 = %y : <real[m]> else %gone : !cascade.field<real[]>
  )mlir"),
             {1, 2, -9});
}

TEST_F(Semantics, IntegerDivisionIsFloor) {
  auto over = [&](std::string function) {
    return with(
        {0, 0, 0, 0, 0, 0, 0},
        R"mlir(
    %a = cascade.map sub(%m, %three) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
    %y = cascade.map )mlir" +
            function +
            R"mlir((%a, %two) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
    cascade.output "Y" [m] : i32 = %y : <int[m]>
  )mlir");
  };
  expectSame(over("floordiv"), {-2, -1, -1, 0, 0, 1, 1});
  expectSame(over("mod"), {1, 0, 1, 0, 1, 0, 1});
  // By zero: no value exists.
  expectSame(with({0, 0}, R"mlir(
    %y = cascade.map floordiv(%one, %m) : (!cascade.field<int[]>, !cascade.field<int[m]>) -> !cascade.field<int[m]>
    cascade.output "Y" [m] : i32 = %y : <int[m]> else %igone : !cascade.field<int[]>
  )mlir"),
             {-9, 1});
}

TEST_F(Semantics, ScalarFunctions) {
  auto apply = [&](std::vector<float> values, std::string function) {
    return with(std::move(values),
                "%y = cascade.map " + function +
                    "(%x) : (!cascade.field<real"
                    "[m]>) -> !cascade.field<real[m]>\n"
                    "cascade.output \"Y\" [m] : f32 = %y : <real[m]>");
  };
  expectSame(apply({0, -inf}, "exp"), {1, 0});
  expectSame(apply({1, 0, -1}, "log"), {0, -inf, notANumber});
  expectSame(apply({4, -1}, "sqrt"), {2, notANumber});
  expectSame(apply({0.5f, 1.5f, 2.5f, -0.5f}, "round"), {0, 2, 2, 0});
  expectSame(apply({-1.5f}, "floor"), {-2});
  expectSame(apply({-1.5f}, "ceil"), {-1});
  expectSame(apply({-2, 3}, "abs"), {2, 3});
  expectSame(apply({2}, "tanh"), {std::tanh(2.0)});
  expectSame(with({1, notANumber}, R"mlir(
    %y = cascade.map max(%x, %r0) : (!cascade.field<real[m]>, !cascade.field<real[]>) -> !cascade.field<real[m]>
    cascade.output "Y" [m] : f32 = %y : <real[m]>
  )mlir"),
             {1, notANumber});
}

TEST_F(Semantics, NaNWhereExcludedIsNeverRead) {
  // 0 * NaN would be NaN: excluded values do not enter products either.
  expectSame(with({1, 2, notANumber, notANumber}, R"mlir(
    %c = cascade.map lt(%m, %two) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
    %w = cascade.where %x, %c : <real[m]>, <bool[m]> -> <real[m]>
    %q = cascade.map mul(%w, %x) : (!cascade.field<real[m]>, !cascade.field<real[m]>) -> !cascade.field<real[m]>
    %s = cascade.reduce sum over ["m"] %q : <real[m]> -> <real[]>
    cascade.output "Y" [] : f32 = %s : <real[]>
  )mlir"),
             {5});
}

TEST_F(Semantics, LongColumnsCrossEveryChunk) {
  // Sums, pages and columns over more than one chunk: prefix sums by a mask.
  int64_t n = 600;
  std::vector<float> values(n);
  for (int64_t i = 0; i < n; ++i)
    values[i] = static_cast<float>(i % 7);
  std::vector<double> expected(n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    expected[i] = sum += values[i];
  std::string body = R"mlir(
    %J = cascade.input "J" [j] : <f32, 1>
    %j = cascade.coord "j" : <int[j]>
    %xj = cascade.read %X[%j] : <f32, 1>, (!cascade.field<int[j]>) -> !cascade.field<real[j]>
    %c = cascade.map le(%j, %m) : (!cascade.field<int[j]>, !cascade.field<int[m]>) -> !cascade.field<bool[j, m]>
    %w = cascade.where %xj, %c : <real[j]>, <bool[j, m]> -> <real[j, m]>
    %s = cascade.reduce sum over ["j"] %w : <real[j, m]> -> <real[m]>
    cascade.output "Y" [m] : f32 = %s : <real[m]>
    %t = cascade.reduce max over ["m"] %s : <real[m]> -> <real[]>
    %u = cascade.map sub(%s, %t) : (!cascade.field<real[m]>, !cascade.field<real[]>) -> !cascade.field<real[m]>
    cascade.output "U" [m] : f32 = %u : <real[m]>
  )mlir";
  input("J", {n}, values);
  expectSame(with(values, body), expected);
  std::vector<double> below;
  for (double value : expected)
    below.push_back(value - sum);
  expectSame(run(prefix + body, "U"), below);
}

TEST_F(Semantics, StorageTypesAndStrides) {
  std::vector<uint16_t> halves = {0x3c00, 0xc000, 0x7c00, 0x0001};
  std::string body = R"mlir(
    %X = cascade.input "X" [m] : <f16, 1>
    %m = cascade.coord "m" : <int[m]>
    %x = cascade.read %X[%m] : <f16, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    cascade.output "Y" [m] : f32 = %x : <real[m]>
  )mlir";
  arguments.inputs["X"] = {halves.data(), Element::F16, {4}, {1}};
  expectSame(run(body), {1, -2, inf, std::ldexp(1.0, -24)});
  arguments.inputs["X"] = {halves.data() + 3, Element::F16, {2}, {-2}};
  expectSame(run(body), {std::ldexp(1.0, -24), -2});
  arguments.inputs["X"] = {halves.data(), Element::F16, {3}, {0}};
  expectSame(run(body), {1, 1, 1});
}

TEST_F(Semantics, PackedElements) {
  std::vector<uint8_t> bytes = {0x21, 0xf3};
  arguments.inputs["X"] = {bytes.data(), Element::U4, {4}, {1}};
  expectSame(run(R"mlir(
    %X = cascade.input "X" [m] packed "m" : <ui4, 1>
    %m = cascade.coord "m" : <int[m]>
    %x = cascade.read %X[%m] : <ui4, 1>, (!cascade.field<int[m]>) -> !cascade.field<int[m]>
    cascade.output "Y" [m] : i32 = %x : <int[m]>
  )mlir"),
             {1, 2, 3, 15});
}

TEST(Elements, RoundToNearestEven) {
  EXPECT_EQ(roundTo(Element::BF16, 1 + 1.0 / 256), 1);
  EXPECT_EQ(roundTo(Element::BF16, 1 + 3.0 / 256), 1 + 4.0 / 256);
  EXPECT_EQ(roundTo(Element::F16, 65520), inf);
  EXPECT_EQ(roundTo(Element::I8, 300), 127);
  EXPECT_EQ(roundTo(Element::U4, -3), 0);
  for (Element element :
       {Element::F16, Element::BF16, Element::F8E4M3, Element::F8E5M2,
        Element::I8, Element::I4, Element::U2, Element::F32, Element::I64}) {
    uint64_t memory = 0;
    storeElement(element, &memory, 0, 1);
    EXPECT_EQ(loadElement(element, &memory, 0), 1);
  }
  for (unsigned bits = 0; bits < 65536; bits += 7)
    if (float value = halfToFloat(bits); value == value) {
      uint16_t back;
      storeElement(Element::F16, &back, 0, value);
      EXPECT_EQ(back, bits);
    }
}
} // namespace
