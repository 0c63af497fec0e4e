//===- einfall-lsp.cpp - The language server's program --------------------===//

#include "frontend/lsp/Server.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

static const char usage[] =
    "usage: einfall-lsp [--stdio]\n\n"
    "A language server for Ein: reads messages of the Language Server "
    "Protocol\n"
    "from standard input and answers on standard output. An editor starts it;\n"
    "it exits with 0 after `shutdown` and `exit`, else with 1.\n";

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      llvm::outs() << usage;
      return 0;
    }
    if (argument != "--stdio") {
      llvm::errs() << "error: unknown argument `" << argument << "`\n" << usage;
      return 2;
    }
  }
  return einfall::lsp::serve(stdin, llvm::outs());
}
