//===- Session.h - One command's source, context and diagnostics -*- C++ -*-==//
//
// What every command needs: the source texts, an MLIR context, and one list of
// diagnostics that the front end, MLIR's passes and the driver itself write to
// and that is printed once, as text or as JSON.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_SESSION_H
#define EINFALL_FRONTEND_DRIVER_SESSION_H

#include "frontend/driver/Options.h"
#include "frontend/syntax/Diagnostics.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Error.h"

namespace einfall::driver {

class Session {
public:
  /// Diagnostics are printed to `text`, or to standard error.
  explicit Session(const Options &options, std::string *text = nullptr);
  /// Prints the diagnostics.
  ~Session();

  /// Reads the file of the options into `sources`. Nothing after an error.
  std::optional<unsigned> readSource();
  /// Takes a text as a source. Nothing after an error.
  std::optional<unsigned> addSource(llvm::StringRef name, llvm::StringRef text);

  /// Reports an error that has no place in the source.
  ein::DiagnosticEngine::Builder error(const llvm::Twine &message) {
    return diagnostics.error({}, ein::Rule::None, message);
  }
  /// Reports a failure, if it is one; true if there was none.
  bool succeeded(llvm::Error failure);

  /// `code` if no error was reported, otherwise exitInput.
  int result(int code = exitSuccess) const {
    return diagnostics.hasErrors() ? exitInput : code;
  }

  const Options &options;
  /// An error that was reported is the want of a tool: exitMissing.
  bool isToolMissing = false;
  ein::SourceManager sources;
  ein::DiagnosticEngine diagnostics;
  mlir::MLIRContext context;

private:
  void report(mlir::Diagnostic &diagnostic);
  ein::SourceRange rangeOf(mlir::Location location);
  mlir::DiagnosticEngine::HandlerID handler;
  std::string *text;
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_SESSION_H
