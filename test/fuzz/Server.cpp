//===- Server.cpp - Target: messages to the language server ---------------===//

#include "test/fuzz/Target.h"

#include "frontend/lsp/Server.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace einfall;

/// The input is what a client writes. A line that begins with `{` and is no
/// header is given one, so that mutations need not count bytes.
static std::string framed(std::string_view input) {
  std::string all;
  while (!input.empty()) {
    size_t end = std::min(input.find('\n'), input.size() - 1) + 1;
    std::string_view line = input.substr(0, end);
    if (line.front() == '{')
      all += "Content-Length: " + std::to_string(line.size()) + "\r\n\r\n";
    all += line;
    input.remove_prefix(end);
  }
  return all;
}

void fuzz::runServer(std::string_view input) {
  std::string text = framed(input);
  if (text.empty())
    return;
  std::FILE *file = fmemopen(text.data(), text.size(), "r");
  if (!file)
    std::abort();
  lsp::serve(file, llvm::nulls());
  std::fclose(file);
}
