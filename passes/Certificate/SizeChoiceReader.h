//===- SizeChoiceReader.h - Claims of sizes, read from JSON -----*- C++ -*-===//

#ifndef EINFALL_PASSES_CERTIFICATE_SIZECHOICEREADER_H
#define EINFALL_PASSES_CERTIFICATE_SIZECHOICEREADER_H

#include "passes/Certificate/Reader.h"
#include "passes/Certificate/SizeChoice.h"

namespace einfall::certificate {

/// Candidates of a space, at most.
constexpr int64_t maxSizes = 1024;

void readSizes(const JSON &json, const std::string &path, Errors &errors,
               SizeChoice &out);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_SIZECHOICEREADER_H
