//===- Status.h - Success, or what failed -----------------------*- C++ -*-===//

#ifndef EINFALL_RUNTIME_CORE_STATUS_H
#define EINFALL_RUNTIME_CORE_STATUS_H

#include "runtime/include/einfall/einfall.h"

#include <string>
#include <utility>

namespace einfall::runtime {

class [[nodiscard]] Status {
public:
  static Status success() { return {}; }
  static Status failure(EinfallStatus code, std::string text) {
    Status status;
    status.code = code;
    status.text = std::move(text);
    return status;
  }
  static Status invalid(std::string text) {
    return failure(EINFALL_INVALID_ARGUMENT, std::move(text));
  }

  bool ok() const { return code == EINFALL_OK; }

  EinfallStatus code = EINFALL_OK;
  std::string text;
};

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_STATUS_H
