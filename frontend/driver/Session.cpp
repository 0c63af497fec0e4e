//===- Session.cpp - One command's source, context and diagnostics --------===//

#include "frontend/driver/Session.h"
#include "frontend/driver/Usage.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::driver;
using ein::SourceRange;

Session::Session(const Options &options, std::string *text)
    : options(options), context(mlir::MLIRContext::Threading::DISABLED),
      text(text) {
  context.printOpOnDiagnostic(false);
  handler = context.getDiagEngine().registerHandler(
      [this](mlir::Diagnostic &diagnostic) {
        report(diagnostic);
        return mlir::success();
      });
}

Session::~Session() {
  context.getDiagEngine().eraseHandler(handler);
  std::string kept;
  llvm::raw_string_ostream into(text ? *text : kept);
  llvm::raw_ostream &os =
      text ? static_cast<llvm::raw_ostream &>(into) : llvm::errs();
  if (options.diagnostics == Options::Format::Json)
    ein::printJson(os, sources, diagnostics);
  else
    ein::printText(os, sources, diagnostics, !text && ein::wantsColour());
}

std::optional<unsigned> Session::readSource() {
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(options.file, /*IsText=*/true);
  if (!file) {
    auto builder =
        error("cannot read " + options.file + ": " + file.getError().message());
    if (std::string near = nearestPath(options.file); !near.empty())
      builder.remedy("did you mean `" + near + "`?");
    return std::nullopt;
  }
  return addSource(options.file == "-" ? "<stdin>" : options.file,
                   (*file)->getBuffer());
}

std::optional<unsigned> Session::addSource(llvm::StringRef name,
                                           llvm::StringRef text) {
  if (text.size() > ein::SourceManager::maxBytes) {
    error(name + " has " + llvm::Twine(text.size()) +
          " bytes, a source has at most " +
          llvm::Twine(ein::SourceManager::maxBytes));
    return std::nullopt;
  }
  return sources.add(name.str(), text.str());
}

bool Session::succeeded(llvm::Error failure) {
  bool good = true;
  llvm::handleAllErrors(std::move(failure), [&](llvm::ErrorInfoBase &info) {
    error(info.message());
    good = false;
  });
  return good;
}

/// The first place in a source text that `location` holds.
SourceRange Session::rangeOf(mlir::Location location) {
  SourceRange range;
  location->walk([&](mlir::Location inner) {
    auto place = llvm::dyn_cast<mlir::FileLineColRange>(inner);
    if (!place)
      return mlir::WalkResult::advance();
    for (unsigned id = 0; id < sources.size(); ++id) {
      if (sources.getName(id) != place.getFilename().getValue())
        continue;
      llvm::StringRef line = sources.getLine(id, place.getStartLine());
      if (!line.data())
        continue;
      auto offset = [&](llvm::StringRef text, unsigned column) {
        size_t skip = column ? column - 1 : 0;
        return sources.getBase(id) +
               static_cast<uint32_t>(text.data() - sources.getText(id).data() +
                                     std::min(skip, text.size()));
      };
      range.begin = offset(line, place.getStartColumn());
      range.end = place.getEndLine() > place.getStartLine()
                      ? offset(line, line.size() + 1)
                      : offset(line, std::max(place.getEndColumn(),
                                              place.getStartColumn() + 1));
      return mlir::WalkResult::interrupt();
    }
    return mlir::WalkResult::advance();
  });
  return range;
}

void Session::report(mlir::Diagnostic &diagnostic) {
  SourceRange range = rangeOf(diagnostic.getLocation());
  std::string message = diagnostic.str();
  auto add = [&] {
    switch (diagnostic.getSeverity()) {
    case mlir::DiagnosticSeverity::Error:
      return diagnostics.error(range, ein::Rule::None, message);
    case mlir::DiagnosticSeverity::Warning:
      return diagnostics.warning(range, ein::Rule::None, message);
    default:
      return diagnostics.remark(range, message);
    }
  };
  auto builder = add();
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    builder.note(rangeOf(note.getLocation()), note.str());
}
