//===- Passes.cpp - How often a kernel passes its ranks -------------------===//

#include "frontend/lsp/Passes.h"
#include "dialect/Cascade/Cascade.h"
#include "frontend/sema/Emit.h"
#include "passes/Derive/Derive.h"
#include "passes/Derive/PassAnalysis.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

using namespace einfall;

std::string lsp::describePasses(const ein::ElaboratedKernel &kernel,
                                const ein::SourceManager &sources) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<cascade::CascadeDialect>();
  // What cannot be lowered is no error of the text.
  mlir::ScopedDiagnosticHandler quiet(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  ein::DiagnosticEngine ignored;
  if (failed(ein::emitCascade(*module, kernel, sources, ignored)))
    return "";
  auto kernels = module->getOps<cascade::KernelOp>();
  if (kernels.empty())
    return "";
  cascade::KernelOp op = *kernels.begin();
  PassReport written = analysePasses(op);
  DerivationLog log;
  bool derives =
      succeeded(prepareForLowering(op)) && succeeded(deriveKernel(op, log));
  PassReport derived = derives ? analysePasses(op) : PassReport();
  std::string text;
  for (const RankPasses &rank : written.ranks) {
    text += "passes over `" + rank.rank + "`: " + std::to_string(rank.passes) +
            " as written";
    if (derives)
      text += ", " + std::to_string(derived.passes(rank.rank)) + " as derived";
    text += "  \n";
  }
  return text;
}
