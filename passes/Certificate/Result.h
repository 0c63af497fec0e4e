//===- Result.h - A value, or why there is none -----------------*- C++ -*-===//
//
// What functions of this library return instead of throwing. It knows neither
// LLVM nor MLIR, so it cannot use theirs.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_RESULT_H
#define EINFALL_PASSES_CERTIFICATE_RESULT_H

#include <string>
#include <utility>
#include <variant>

namespace einfall::certificate {

/// Why something failed, as errors are worded: lower case, no full stop.
struct Failure {
  std::string message;
};

template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) : state(std::in_place_index<1>, std::move(failure)) {}

  explicit operator bool() const { return state.index() == 0; }
  T &operator*() { return std::get<0>(state); }
  const T &operator*() const { return std::get<0>(state); }
  T *operator->() { return &std::get<0>(state); }
  const T *operator->() const { return &std::get<0>(state); }
  /// Only where there is no value.
  const std::string &error() const { return std::get<1>(state).message; }
  Failure failure() const { return std::get<1>(state); }

private:
  std::variant<T, Failure> state;
};

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_RESULT_H
