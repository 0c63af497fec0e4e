//===- Diagnostics.h - Errors with places, numbers and remedies -*- C++ -*-===//
//
// One engine for the whole front end. A diagnostic names a place, what was
// expected and what was found, and carries notes: the rule by its number, the
// declaration, the remedy. Where the remedy is a text, it is carried as edits
// too. Rendering is apart from reporting, so that the same list becomes text
// with carets or JSON for editors.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SYNTAX_DIAGNOSTICS_H
#define EINFALL_FRONTEND_SYNTAX_DIAGNOSTICS_H

#include "frontend/syntax/Source.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
class Twine;
} // namespace llvm

namespace einfall::ein {

enum class Rule : uint8_t {
  None,
#define EIN_RULE(name, number, text) name,
#include "frontend/syntax/Rules.def"
};

/// The number of a rule ("sum.2") and its text; empty for Rule::None.
llvm::StringRef getRuleNumber(Rule rule);
llvm::StringRef getRuleText(Rule rule);

enum class Severity : uint8_t { Error, Warning, Remark };

struct Note {
  SourceRange range; // may be nowhere
  std::string message;
};

/// What replaces the text of `range`; where that is empty, what is inserted.
struct Edit {
  SourceRange range; // begin is valid
  std::string text;
};

/// A change that mends what a diagnostic is about. Its edits do not overlap.
struct Fix {
  std::string title; // "write `sum[e](...)`"
  std::vector<Edit> edits;
};

struct Diagnostic {
  Severity severity = Severity::Error;
  Rule rule = Rule::None;
  SourceRange range; // may be nowhere
  std::string message;
  std::vector<Note> notes;
  std::vector<Fix> fixes = {};
};

/// Collects diagnostics. After `maxErrors` errors further ones are counted but
/// not kept.
class DiagnosticEngine {
public:
  static constexpr unsigned maxErrors = 50;

  /// A handle to add notes to the diagnostic just reported.
  class Builder {
  public:
    Builder &note(SourceRange range, const llvm::Twine &message);
    Builder &note(const llvm::Twine &message) { return note({}, message); }
    /// A note that says what to write instead.
    Builder &remedy(const llvm::Twine &message) { return note({}, message); }
    /// A remedy that an editor can apply.
    Builder &fix(const llvm::Twine &title, std::vector<Edit> edits);
    /// The fix that writes `before` and `after` around `range`.
    Builder &wrap(const llvm::Twine &title, SourceRange range,
                  const llvm::Twine &before, const llvm::Twine &after);
    /// "did you mean `near`?" at `declared`, with the fix that writes it in
    /// place of `name`. Nothing where `near` is empty.
    Builder &didYouMean(SourceRange name, llvm::StringRef near,
                        SourceRange declared = {});

  private:
    friend class DiagnosticEngine;
    Builder(DiagnosticEngine *engine, bool kept) : engine(engine), kept(kept) {}
    DiagnosticEngine *engine;
    bool kept;
  };

  Builder error(SourceRange range, Rule rule, const llvm::Twine &message);
  Builder warning(SourceRange range, Rule rule, const llvm::Twine &message);
  /// Something to know that is not wrong.
  Builder remark(SourceRange range, const llvm::Twine &message);

  bool hasErrors() const { return errorCount != 0; }
  unsigned getErrorCount() const { return errorCount; }
  llvm::ArrayRef<Diagnostic> get() const { return diagnostics; }
  /// Puts what was reported after the first `before` into the order of places.
  void sortByPlace(size_t before);

private:
  Builder add(Severity severity, SourceRange range, Rule rule,
              const llvm::Twine &message);
  std::vector<Diagnostic> diagnostics;
  unsigned errorCount = 0;
};

/// "file:line:col: error: ... [rule]" with the line and a caret, then notes.
void printText(llvm::raw_ostream &os, const SourceManager &sources,
               const DiagnosticEngine &diagnostics, bool colour = false);

/// A JSON array of {severity, rule, ruleText, message, range, notes, fixes};
/// lines and columns start at 1, columns are bytes.
void printJson(llvm::raw_ostream &os, const SourceManager &sources,
               const DiagnosticEngine &diagnostics);

/// Whether text on standard error should be coloured: a terminal, and NO_COLOR
/// is not set.
bool wantsColour();

/// The candidate nearest to `name` in edit distance, if it is near enough to be
/// meant; empty otherwise.
llvm::StringRef nearest(llvm::StringRef name,
                        llvm::ArrayRef<llvm::StringRef> candidates);

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SYNTAX_DIAGNOSTICS_H
