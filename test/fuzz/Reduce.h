//===- Reduce.h - The smallest program that still shows a fault -*- C++ -*-===//

#ifndef EINFALL_TEST_FUZZ_REDUCE_H
#define EINFALL_TEST_FUZZ_REDUCE_H

#include <functional>
#include <string>

namespace einfall::fuzz {

/// Takes statements, conditions and operands away from `program`, one after
/// the other, as long as `isFaulty` says yes to what remains.
std::string reduce(std::string program,
                   const std::function<bool(const std::string &)> &isFaulty);

} // namespace einfall::fuzz

#endif // EINFALL_TEST_FUZZ_REDUCE_H
