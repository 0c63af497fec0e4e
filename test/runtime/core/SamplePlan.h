//===- SamplePlan.h - A plan for tests --------------------------*- C++ -*-===//

#ifndef EINFALL_TEST_RUNTIME_CORE_SAMPLEPLAN_H
#define EINFALL_TEST_RUNTIME_CORE_SAMPLEPLAN_H

#include "runtime/core/Package.h"

namespace einfall::runtime {

/// X[p, e]: f32, n: i32 without and s: f32 with a default; Y[p, c]: f32 with
/// c = ceil(e / 4). One version for the CPU with e = 8; its image is part 1.
inline KernelPlan sampleKernel() {
  EinfallDataType f32{EINFALL_FLOAT, 32, 1}, i32{EINFALL_INT, 32, 1};
  KernelPlan plan;
  plan.name = "sample";
  plan.ranks = {{"p", {}},
                {"e", {}},
                {"c",
                 {{Step::Extent, 1},
                  {Step::Negate, 0},
                  {Step::Constant, 4},
                  {Step::FloorDiv, 0},
                  {Step::Negate, 0}}}};
  plan.tensors = {{"X", f32, {0, 1}, false}, {"Y", f32, {0, 2}, true}};
  plan.params = {{"n", i32, false}, {"s", f32, true}};
  plan.preconditions = {{"monotone(X)", {}},
                        {"n < 3 * |c|",
                         {{ConditionStep::Param, ValueType::Int, 0},
                          {ConditionStep::Constant, ValueType::Int, 3},
                          {ConditionStep::Extent, ValueType::Int, 2},
                          {ConditionStep::Mul, ValueType::Int, 0},
                          {ConditionStep::Lt, ValueType::Int, 0}}}};
  VersionPlan version;
  version.target = "cpu";
  version.architecture = "sparc";
  version.features = {"vis3"};
  version.fixed = {{1, 8}};
  version.note = "loops";
  version.entry = "sample";
  version.image = 1;
  plan.versions = {version};
  return plan;
}

inline std::string samplePackage() {
  PackageWriter writer;
  writer.add(PartKind::HostLibrary, std::string(70, 'x'));
  return writer.finish({"a test", {sampleKernel()}});
}

} // namespace einfall::runtime

#endif // EINFALL_TEST_RUNTIME_CORE_SAMPLEPLAN_H
