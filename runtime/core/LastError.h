//===- LastError.h - What went wrong last in this thread --------*- C++ -*-===//

#ifndef EINFALL_RUNTIME_CORE_LASTERROR_H
#define EINFALL_RUNTIME_CORE_LASTERROR_H

#include "runtime/core/Status.h"

#include <exception>
#include <new>

namespace einfall::runtime {

/// For einfall_error_message().
void setLastError(std::string text);

/// Runs `body` and keeps the message of its failure. What the standard library
/// throws becomes a status.
template <typename Body> EinfallStatus guarded(Body body) {
  try {
    Status status = body();
    if (!status.ok())
      setLastError(std::move(status.text));
    return status.code;
  } catch (const std::bad_alloc &) {
    setLastError("no memory");
  } catch (const std::exception &error) {
    setLastError(error.what());
  }
  return EINFALL_SYSTEM_ERROR;
}

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_LASTERROR_H
