//===- RecurrenceTest.cpp - States along a rank ---------------------------===//

#include "Fixture.h"

using namespace einfall;
using namespace einfall::interpreter;

namespace {
class Recurrence : public InterpreterTest {
protected:
  /// s' = a s + x along t, all states as output.
  std::string decayed(llvm::StringRef direction) {
    return (R"(
    %a = cascade.input "A" [t] : <f32, 1>
    %x = cascade.input "X" [t, k] : <f32, 2>
    %one = cascade.const 1 : i64 -> <int[]>
    %half = cascade.const 0.5 : f64 -> <real[]>
    %n = cascade.extent "t" : <int[]>
    %n1 = cascade.map add(%n, %one)
      : (!cascade.field<int[]>, !cascade.field<int[]>) -> !cascade.field<int[]>
    cascade.rank "s" extent %n1 : !cascade.field<int[]>
    %t = cascade.coord "t" : <int[t]>
    %k = cascade.coord "k" : <int[k]>
    %av = cascade.read %a[%t] : <f32, 1>, (!cascade.field<int[t]>) -> !cascade.field<real[t]>
    %xv = cascade.read %x[%t, %k] : <f32, 2>,
      (!cascade.field<int[t]>, !cascade.field<int[k]>) -> !cascade.field<real[k, t]>
    %h = cascade.recurrence along "t" states "s" )" +
            direction + R"( start(%half) step {
    ^bb0(%old: !cascade.field<real[k]>):
      %d = cascade.map mul(%av, %old)
        : (!cascade.field<real[t]>, !cascade.field<real[k]>) -> !cascade.field<real[k, t]>
      %new = cascade.map add(%d, %xv)
        : (!cascade.field<real[k, t]>, !cascade.field<real[k, t]>)
          -> !cascade.field<real[k, t]>
      cascade.yield %new : !cascade.field<real[k, t]>
    } : !cascade.field<real[]> -> !cascade.field<real[k, s]>
    cascade.output "Y" [s, k] : f32 = %h : <real[k, s]>
)")
        .str();
  }
};
} // namespace

TEST_F(Recurrence, Forwards) {
  input("A", {3}, {2, 0, 3});
  input("X", {3, 2}, {1, 10, 2, 20, 3, 30});
  expectSame(run(decayed("")), {0.5, 0.5, 2, 11, 2, 20, 9, 90});
}

TEST_F(Recurrence, Backwards) {
  input("A", {3}, {2, 0, 3});
  input("X", {3, 2}, {1, 10, 2, 20, 3, 30});
  // s_3 = 0.5, s_2 = 3 * 0.5 + x_2, s_1 = 0 + x_1, s_0 = 2 s_1 + x_0
  expectSame(run(decayed("backward")), {5, 50, 2, 20, 4.5, 31.5, 0.5, 0.5});
}

TEST_F(Recurrence, OfNoStepsIsItsStart) {
  input("A", {0}, {});
  input("X", {0, 2}, {});
  expectSame(run(decayed("")), {0.5, 0.5});
}

/// Two states defined from each other; one reduces the other over k, so that
/// the state is needed whole. Fibonacci numbers and their sums.
TEST_F(Recurrence, SeveralStatesTogether) {
  input("X", {2}, {1, 1});
  auto values = run(R"(
    %x = cascade.input "X" [k] : <f32, 1>
    %four = cascade.const 4 : i64 -> <int[]>
    %five = cascade.const 5 : i64 -> <int[]>
    cascade.rank "t" extent %four : !cascade.field<int[]>
    cascade.rank "s" extent %five : !cascade.field<int[]>
    %k = cascade.coord "k" : <int[k]>
    %xv = cascade.read %x[%k] : <f32, 1>, (!cascade.field<int[k]>) -> !cascade.field<real[k]>
    %zero = cascade.const 0.0 : f64 -> <real[]>
    %h:2 = cascade.recurrence along "t" states "s" start(%xv, %zero) step {
    ^bb0(%a: !cascade.field<real[k]>, %b: !cascade.field<real[]>):
      %sum = cascade.reduce sum over ["k"] %a : <real[k]> -> <real[]>
      %next = cascade.map add(%a, %b)
        : (!cascade.field<real[k]>, !cascade.field<real[]>) -> !cascade.field<real[k]>
      cascade.yield %next, %sum
        : !cascade.field<real[k]>, !cascade.field<real[]>
    } : !cascade.field<real[k]>, !cascade.field<real[]>
      -> !cascade.field<real[k, s]>, !cascade.field<real[s]>
    %y = cascade.map add(%h#0, %h#1)
      : (!cascade.field<real[k, s]>, !cascade.field<real[s]>) -> !cascade.field<real[k, s]>
    cascade.output "Y" [s, k] : f32 = %y : <real[k, s]>
  )");
  // a: 1 1 3 5 11, b: 0 2 2 6 10
  expectSame(values, {1, 1, 3, 3, 5, 5, 11, 11, 21, 21});
}

TEST_F(Recurrence, OtherCoordinatesOfTheRankAreRefused) {
  EXPECT_FALSE(mlir::parseSourceString<mlir::ModuleOp>(R"(
  cascade.kernel @k {
    %zero = cascade.const 0.0 : f64 -> <real[]>
    %x = cascade.input "X" [t] : <f32, 1>
    %t = cascade.coord "t" : <int[t]>
    %n = cascade.extent "t" : <int[]>
    cascade.rank "s" extent %n : !cascade.field<int[]>
    %xv = cascade.read %x[%t] : <f32, 1>, (!cascade.field<int[t]>) -> !cascade.field<real[t]>
    %h = cascade.recurrence along "t" states "s" start(%zero) step {
    ^bb0(%a: !cascade.field<real[]>):
      %m = cascade.map mul(%a, %xv)
        : (!cascade.field<real[]>, !cascade.field<real[t]>) -> !cascade.field<real[t]>
      %r = cascade.reduce sum over ["t"] %m : <real[t]> -> <real[]>
      cascade.yield %r : !cascade.field<real[]>
    } : !cascade.field<real[]> -> !cascade.field<real[s]>
    cascade.output "Y" [s] : f32 = %h : <real[s]>
  })",
                                                       &context));
  EXPECT_NE(messages.find("at other coordinates of \"t\" than its own"),
            std::string::npos)
      << messages;
}
