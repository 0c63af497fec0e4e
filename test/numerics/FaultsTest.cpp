//===- FaultsTest.cpp - The comparison sees every known mistake -----------===//

#include "test/numerics/Faults.h"
#include "test/numerics/Support.h"

#include "mlir/IR/Verifier.h"

using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::numerics;

namespace {
class FaultsTest : public NumericsTest,
                   public ::testing::WithParamInterface<Fault> {};

TEST_P(FaultsTest, IsRejected) {
  // Long rows, where a single key matters least; all in single precision.
  cascade::KernelOp right = parse(attention);
  auto keep = std::move(module);
  cascade::KernelOp wrong = parse(attention);
  ASSERT_TRUE(inject(wrong, GetParam()));
  ASSERT_TRUE(succeeded(mlir::verify(*module))) << messages;
  for (Pattern pattern : {Pattern::Normal, Pattern::Peaky, Pattern::Coded}) {
    auto made =
        randomArguments(right, {{"p", 129}, {"m", 140}, {"e", 16}, {"f", 5}},
                        {3, pattern, Layout::Padded});
    auto checker = Checker::create(right, made.arguments);
    ASSERT_TRUE(succeeded(checker)) << messages;
    auto good = outputOf(right, made.arguments, "O", {Precision::Single});
    auto report = checker->check("O", good.view);
    ASSERT_TRUE(succeeded(report)) << messages;
    EXPECT_TRUE(report->accepted) << report->text();
    auto bad = outputOf(wrong, made.arguments, "O", {Precision::Single});
    report = checker->check("O", bad.view);
    ASSERT_TRUE(succeeded(report)) << messages;
    // Subtracting nothing is the same mathematics as long as nothing overflows,
    // and then act must not rescale: only the pair is right.
    EXPECT_FALSE(report->accepted)
        << name(GetParam()).str() << ": " << report->text();
  }
}

INSTANTIATE_TEST_SUITE_P(All, FaultsTest,
                         ::testing::ValuesIn(allFaults().begin(),
                                             allFaults().end()),
                         [](const auto &info) {
                           std::string label = name(info.param).str();
                           std::replace(label.begin(), label.end(), ' ', '_');
                           return label;
                         });

class FaultPlaces : public NumericsTest {};

TEST_F(FaultPlaces, NoPlaceIsSaid) {
  cascade::KernelOp kernel = parse(R"mlir(
    cascade.kernel @k {
      %X = cascade.input "X" [m] : <f32, 1>
      %m = cascade.coord "m" : <int[m]>
      %x = cascade.read %X[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
      %s = cascade.reduce sum over ["m"] %x : <real[m]> -> <real[]>
      cascade.output "Y" [] : f32 = %s : <real[]>
    })mlir");
  for (Fault fault : allFaults())
    EXPECT_FALSE(inject(kernel, fault));
}
} // namespace
