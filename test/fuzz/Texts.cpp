//===- Texts.cpp - Targets: the parser and the analysis -------------------===//

#include "test/fuzz/Target.h"

#include "frontend/sema/Frontend.h"
#include "frontend/syntax/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

using namespace einfall;
using namespace einfall::ein;

/// Renders what was reported, in both ways, and tries every fix.
static void render(const SourceManager &sources,
                   const DiagnosticEngine &diagnostics,
                   std::string_view input) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printText(os, sources, diagnostics);
  printJson(os, sources, diagnostics);
  if (!text.empty() && diagnostics.get().empty() && diagnostics.hasErrors())
    fuzz::fault("errors were counted and none is kept", input);
  for (const Diagnostic &diagnostic : diagnostics.get())
    for (const Fix &fix : diagnostic.fixes)
      for (const Edit &edit : fix.edits)
        if (!edit.range.isValid() || !sources.find(edit.range.begin))
          fuzz::fault("a fix edits no place of the text", input);
}

void fuzz::runSyntax(std::string_view input) {
  SourceManager sources;
  DiagnosticEngine diagnostics;
  unsigned id = sources.add("fuzz.ein", std::string(input));
  if (!parse(sources, id, diagnostics))
    fault("the parser gave no file", input);
  render(sources, diagnostics, input);
}

void fuzz::runAnalysis(std::string_view input) {
  SourceManager sources;
  DiagnosticEngine diagnostics;
  unsigned id = sources.add("fuzz.ein", std::string(input));
  auto program = analyze(sources, id, FrontendOptions(), diagnostics);
  render(sources, diagnostics, input);
  if (failed(program)) {
    if (!diagnostics.hasErrors())
      fault("the analysis failed without an error", input);
    return;
  }
  if (diagnostics.hasErrors())
    fault("the analysis succeeded with an error", input);
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const ElaboratedKernel &kernel : program->kernels)
    printExplicit(os, kernel, /*withTypes=*/true);
}
