//===- OrError.h - A value or the reason why there is none ------*- C++ -*-===//
//
// The result of an operation that may fail, for a library that knows neither
// LLVM nor exceptions. The message is lower case, without a full stop, with the
// numbers.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_LAYOUT_ORERROR_H
#define EINFALL_DIALECT_LAYOUT_ORERROR_H

#include <optional>
#include <string>
#include <utility>

namespace einfall::layout {

/// The reason of a failure; converts to every OrError.
struct Failure {
  std::string message;
};

template <typename T> class [[nodiscard]] OrError {
public:
  OrError(T value) : value(std::move(value)) {}
  OrError(Failure failure) : text(std::move(failure.message)) {}

  explicit operator bool() const { return value.has_value(); }
  T &operator*() { return *value; }
  const T &operator*() const { return *value; }
  T *operator->() { return &*value; }
  const T *operator->() const { return &*value; }

  /// Why there is no value; empty where there is one.
  const std::string &message() const { return text; }
  Failure failure() const { return {text}; }

private:
  std::optional<T> value;
  std::string text;
};

} // namespace einfall::layout

#endif // EINFALL_DIALECT_LAYOUT_ORERROR_H
