//===- BindingTest.cpp - Arguments are checked before anything runs -------===//

#include "Fixture.h"

using namespace einfall::interpreter;
using namespace einfall;

namespace {
class BindingTest : public InterpreterTest {
protected:
  static constexpr const char *text = R"mlir(
    cascade.kernel @k {
      %Q = cascade.input "Q" [p, e] : <f32, 2>
      %K = cascade.input "K" [m, e] : <f32, 2>
      %n = cascade.extent "e" : <int[]>
      %r = cascade.map to_real(%n) : (!cascade.field<int[]>) -> !cascade.field<real[]>
      %scale = cascade.param "scale" : f32 else %r : !cascade.field<real[]> -> <real[]>
      %two = cascade.const 2 : i64 -> <int[]>
      %h = cascade.map floordiv(%n, %two) : (!cascade.field<int[]>, !cascade.field<int[]>) -> !cascade.field<int[]>
      cascade.rank "c" extent %h : !cascade.field<int[]>
      %c = cascade.coord "c" : <int[c]>
      %p = cascade.coord "p" : <int[p]>
      %rc = cascade.map to_real(%c) : (!cascade.field<int[c]>) -> !cascade.field<real[c]>
      %y = cascade.map mul(%rc, %scale) : (!cascade.field<real[c]>, !cascade.field<real[]>) -> !cascade.field<real[c]>
      cascade.output "Y" [c] : f32 = %y : <real[c]>
    })mlir";
  void expectError(std::vector<std::string> parts) {
    EXPECT_TRUE(failed(Interpreter::create(parse(text), arguments)));
    for (const std::string &part : parts)
      EXPECT_NE(messages.find(part), std::string::npos)
          << "no \"" << part << "\" in: " << messages;
  }
  void good() {
    input("Q", {2, 4}, std::vector<float>(8));
    input("K", {3, 4}, std::vector<float>(12));
  }
};

TEST_F(BindingTest, ExtentsAndParameters) {
  good();
  expectSame(run(parse(text), "Y"), {0, 4});
  arguments.params["scale"] = 0.5;
  expectSame(run(parse(text), "Y"), {0, 0.5});
  // Parameters are rounded to their storage.
  arguments.params["scale"] = 0.1;
  expectSame(run(parse(text), "Y"), {0, static_cast<double>(0.1f)});
}

TEST_F(BindingTest, BindsExtentsWithoutData) {
  arguments.extents["p"] = 5;
  arguments.extents["m"] = 6;
  arguments.extents["e"] = 8;
  auto extents = bindExtents(parse(text), arguments);
  ASSERT_TRUE(succeeded(extents)) << messages;
  EXPECT_EQ(extents->lookup("c"), 4);
  EXPECT_EQ(extents->lookup("m"), 6);
}

TEST_F(BindingTest, ExtentsDisagree) {
  good();
  input("K", {3, 128}, std::vector<float>(3 * 128));
  expectError({"rank `e` has extent 4 in Q but 128 in K", "bound first here"});
}

TEST_F(BindingTest, ExtentDisagreesWithDeclaration) {
  good();
  arguments.extents["c"] = 7;
  expectError({"rank `c` has extent 7 as given but 2 as declared"});
}

TEST_F(BindingTest, ExtentsThatNoMemoryHolds) {
  arguments.extents["p"] = int64_t(1) << 41;
  EXPECT_TRUE(failed(bindExtents(parse(text), arguments)));
  EXPECT_NE(messages.find("rank `p` has extent 2199023255552 as given, the "
                          "most is 1099511627776"),
            std::string::npos)
      << messages;
  arguments.extents["p"] = -1;
  EXPECT_TRUE(failed(bindExtents(parse(text), arguments)));
  EXPECT_NE(messages.find("an extent is 0 or more"), std::string::npos);
}

TEST_F(BindingTest, MissingInput) {
  input("Q", {2, 4}, std::vector<float>(8));
  expectError({"input `K` is not given"});
}

TEST_F(BindingTest, UnboundExtent) {
  input("Q", {2, 4}, std::vector<float>(8));
  auto extents = bindExtents(parse(text), arguments);
  EXPECT_TRUE(failed(extents));
  EXPECT_NE(messages.find("nothing binds the extent of rank `m`"),
            std::string::npos);
  EXPECT_NE(messages.find("`-D m=64`"), std::string::npos);
}

TEST_F(BindingTest, WrongNumberOfDimensions) {
  good();
  input("Q", {2, 4, 1}, std::vector<float>(8));
  expectError({"input `Q` has 3 dimensions, the kernel declares 2: [p, e]"});
}

TEST_F(BindingTest, WrongType) {
  good();
  arguments.inputs["Q"].element = Element::F64;
  expectError({"input `Q` holds f64, the kernel declares 'f32'"});
}

TEST_F(BindingTest, UnknownNames) {
  good();
  arguments.params["scales"] = 1;
  expectError({"kernel `k` has no parameter `scales`"});
}

TEST_F(BindingTest, AbsentOutputWithoutFiller) {
  input("X", {3}, {1, 2, 3});
  auto kernel = parse(R"mlir(
    cascade.kernel @k {
      %X = cascade.input "X" [m] : <f32, 1>
      %m = cascade.coord "m" : <int[m]>
      %one = cascade.const 1 : i64 -> <int[]>
      %a = cascade.map sub(%m, %one) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
      %x = cascade.read %X[%a] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
      cascade.output "Y" [m] : f32 = %x : <real[m]>
    })mlir");
  auto interpreter = Interpreter::create(kernel, arguments);
  ASSERT_TRUE(succeeded(interpreter));
  EXPECT_TRUE(failed(interpreter->evaluateAll(interpreter->getOutput("Y"))));
  EXPECT_NE(messages.find("output `Y` is absent at [m = 0] and has no filler"),
            std::string::npos)
      << messages;
}

TEST_F(BindingTest, StepLimitIsAnError) {
  good();
  auto kernel = parse(text);
  auto interpreter = Interpreter::create(kernel, arguments,
                                         {Precision::Double, /*stepLimit=*/2});
  ASSERT_TRUE(succeeded(interpreter));
  EXPECT_TRUE(failed(interpreter->evaluateAll(interpreter->getOutput("Y"))));
  EXPECT_NE(messages.find("takes more steps than its limit"),
            std::string::npos);
}

TEST_F(BindingTest, CountsOperations) {
  good();
  auto interpreter = Interpreter::create(parse(text), arguments);
  ASSERT_TRUE(succeeded(interpreter));
  // Over c: coord, to_real, mul; once: scale.
  auto output = interpreter->getOutput("Y");
  EXPECT_GE(interpreter->countOperations(output), 3 * 2);
  EXPECT_LE(interpreter->countOperations(output), 3 * 2 + 4);
  EXPECT_LT(interpreter->countOperations(output, {0}),
            interpreter->countOperations(output));
}
} // namespace
