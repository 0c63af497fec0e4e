//===- Analysed.h - A text and what the front end says of it ----*- C++ -*-===//

#ifndef EINFALL_TEST_FRONTEND_SEMA_ANALYSED_H
#define EINFALL_TEST_FRONTEND_SEMA_ANALYSED_H

#include "frontend/sema/Frontend.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace einfall::ein {

struct Analysed {
  SourceManager sources;
  DiagnosticEngine diagnostics;
  llvm::FailureOr<Program> program = llvm::failure();

  explicit Analysed(std::string text, const FrontendOptions &options = {}) {
    unsigned id = sources.add("test.ein", std::move(text));
    program = analyze(sources, id, options, diagnostics);
  }
  bool ok() const { return succeeded(program); }
  /// All diagnostics as text.
  std::string text() const {
    std::string result;
    llvm::raw_string_ostream os(result);
    printText(os, sources, diagnostics);
    return result;
  }
  /// The kernels, elaborated.
  std::string explicitly() const {
    std::string result;
    llvm::raw_string_ostream os(result);
    if (ok())
      for (const ElaboratedKernel &kernel : program->kernels)
        printExplicit(os, kernel);
    return result;
  }
};

} // namespace einfall::ein

#endif // EINFALL_TEST_FRONTEND_SEMA_ANALYSED_H
