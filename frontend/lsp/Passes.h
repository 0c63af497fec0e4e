//===- Passes.h - How often a kernel passes its ranks -----------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_LSP_PASSES_H
#define EINFALL_FRONTEND_LSP_PASSES_H

#include "frontend/sema/Frontend.h"

namespace einfall::lsp {

/// "passes over `m`: 3 as written, 1 as derived", a line for every rank that
/// the kernel reduces, in Markdown. What is derived is not proved here (the
/// compiler does before it uses it). Empty where there is nothing to count.
std::string describePasses(const ein::ElaboratedKernel &kernel,
                           const ein::SourceManager &sources);

} // namespace einfall::lsp

#endif // EINFALL_FRONTEND_LSP_PASSES_H
