//===- ChoiceReader.h - Claims of choice, read from JSON --------*- C++ -*-===//

#ifndef EINFALL_PASSES_CERTIFICATE_CHOICEREADER_H
#define EINFALL_PASSES_CERTIFICATE_CHOICEREADER_H

#include "passes/Certificate/Choice.h"
#include "passes/Certificate/Reader.h"

namespace einfall::certificate {

void readChoice(const JSON &json, const std::string &path, Errors &errors,
                Choice &out);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_CHOICEREADER_H
