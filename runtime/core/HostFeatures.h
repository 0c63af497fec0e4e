//===- HostFeatures.h - Instruction sets of this processor ------*- C++ -*-===//
//
// The instruction sets that packaged code may use, by LLVM's names. Code is
// compiled with these alone, so that a loader that knows nothing of LLVM can
// tell whether a processor runs it. Only x86-64 has any; elsewhere code is
// compiled for the plain architecture.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_HOSTFEATURES_H
#define EINFALL_RUNTIME_CORE_HOSTFEATURES_H

#include <string_view>
#include <vector>

namespace einfall::runtime {

/// "x86_64", "aarch64": what this process is compiled for.
std::string_view hostArchitecture();

struct HostFeature {
  std::string_view name;
  bool present; ///< and enabled by the operating system
};

/// All that are known here.
const std::vector<HostFeature> &hostFeatures();

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_HOSTFEATURES_H
