//===- Server.h - The language server ---------------------------*- C++ -*-===//
//
// The part of the Language Server Protocol that Ein needs, over LLVM's
// transport: whole texts are synchronised, diagnostics are published after
// every change; hovers, definitions, symbols and quick fixes are answered from
// the last text. One request at a time.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_LSP_SERVER_H
#define EINFALL_FRONTEND_LSP_SERVER_H

#include <cstdio>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace einfall::lsp {

/// Serves messages from `in` until `exit` or the end of the input. The exit
/// code of the protocol: 0 if `shutdown` came before, else 1.
int serve(std::FILE *in, llvm::raw_ostream &out);

} // namespace einfall::lsp

#endif // EINFALL_FRONTEND_LSP_SERVER_H
