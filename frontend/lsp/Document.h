//===- Document.h - One open text and what is known of it -------*- C++ -*-===//
//
// A version of a text with its diagnostics, the meaning of its names, hovers
// and symbols. Places are offsets of its SourceManager; the protocol's lines
// and UTF-16 columns are Positions.h's matter. Every text and every offset is
// answered; where the text does not parse, only its declarations are known.
//
// A name is understood from its tokens: followed by `(`, or by brackets and
// `(`, it is called; otherwise it is what the kernel or def around it declares
// under that name (rule name.2: a name means one thing there).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_LSP_DOCUMENT_H
#define EINFALL_FRONTEND_LSP_DOCUMENT_H

#include "frontend/sema/Frontend.h"
#include "frontend/sema/Scope.h"
#include "frontend/syntax/Lexer.h"

namespace einfall::lsp {

/// What a name in the text stands for.
struct Meaning {
  enum Kind : uint8_t { Rank, Tensor, Kernel, Def, Function, Type } kind;
  ein::SourceRange at;         ///< the name under the cursor
  llvm::StringRef name;        ///< its text
  ein::Scope *scope = nullptr; ///< Rank, Tensor: what declares it
  const ein::Kernel *kernel = nullptr;
  const ein::Def *def = nullptr;
  const ein::Builtin *function = nullptr;
};

struct Symbol {
  enum Kind : uint8_t { Kernel, Def, Rank, Tensor } kind;
  std::string name;
  ein::SourceRange nameRange, range; ///< of the name; of the whole
  std::vector<Symbol> children;
};

class Document {
public:
  explicit Document(std::string name, std::string text);

  const ein::SourceManager &getSources() const { return sources; }
  llvm::ArrayRef<ein::Diagnostic> getDiagnostics() const {
    return diagnostics.get();
  }
  /// The kernels, if the text has no errors.
  const ein::Program *getProgram() const {
    return succeeded(program) ? &*program : nullptr;
  }
  /// The text itself and the prelude, as buffers of the sources.
  static constexpr unsigned own = 0;
  unsigned getPrelude() const { return prelude; }

  /// The name that holds `offset` or ends there, if it means anything.
  std::optional<Meaning> meaningAt(uint32_t offset);
  /// Where that is declared; nowhere for what the language itself has.
  ein::SourceRange definition(const Meaning &meaning) const;
  /// What to say of it, in Markdown.
  std::string describe(const Meaning &meaning);
  std::vector<Symbol> symbols();

private:
  /// A kernel or def with its scope, or a schedule.
  struct Part {
    uint32_t begin = 0;
    const ein::Kernel *kernel = nullptr;
    const ein::Def *def = nullptr;
    const ein::Schedule *schedule = nullptr;
    std::unique_ptr<ein::Scope> scope;
  };
  void index();
  Part *partAt(uint32_t offset);
  Part *partOf(llvm::StringRef kernel);
  bool isCalled(size_t token) const;
  std::optional<Meaning> inScope(Meaning meaning, ein::Scope *scope);
  ein::SourceRange wholeOf(const Part &part) const;
  std::string header(ein::SourceRange range, uint32_t from) const;
  std::string commentBefore(uint32_t offset) const;
  std::string describeRank(const Meaning &meaning);
  std::string describeTensor(const Meaning &meaning);
  std::string describeCallable(const Meaning &meaning);

  ein::SourceManager sources;
  ein::DiagnosticEngine diagnostics;
  unsigned prelude = 0;
  llvm::FailureOr<ein::Program> program = llvm::failure();
  std::vector<ein::Token> tokens;
  // Made at the first question.
  bool indexed = false;
  std::unique_ptr<ein::File> file, preludeFile;
  ein::DefTable defs;
  std::vector<Part> parts; // in order of appearance
};

} // namespace einfall::lsp

#endif // EINFALL_FRONTEND_LSP_DOCUMENT_H
