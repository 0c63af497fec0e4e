//===- Hover.cpp - What to say of a name, in Markdown ---------------------===//

#include "frontend/lsp/Document.h"
#include "frontend/sema/Elaborate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::lsp;
using llvm::StringRef;
using llvm::Twine;

static std::string codeBlock(const Twine &text) {
  return ("```ein\n" + text + "\n```\n").str();
}

static std::string quoted(StringRef text) { return "`" + text.str() + "`"; }

static StringRef describeFunction(const ein::Builtin &function) {
  bool reduces = function.kind == ein::BuiltinKind::Reduce;
  return llvm::StringSwitch<StringRef>(function.name)
      .Case("exp", "The exponential of x.")
      .Case("log", "The natural logarithm of x.")
      .Case("sqrt", "The square root of x.")
      .Case("tanh", "The hyperbolic tangent of x.")
      .Case("sin", "The sine of x, in radians.")
      .Case("cos", "The cosine of x, in radians.")
      .Case("erf", "The error function of x.")
      .Case("abs", "The absolute value of x.")
      .Case("pow", "x to the power of y.")
      .Case("floor", "The greatest integer that is not above x; exact for a "
                     "quotient of integers.")
      .Case("ceil", "The least integer that is not below x; exact for a "
                    "quotient of integers.")
      .Case("round", "The integer nearest to x.")
      .Case("real", "An integer as a real.")
      .Case("if", "x where the condition holds, else y. Strict: present where "
                  "all three are.")
      .Case("max", reduces ? "The greatest value along the ranks; of nothing "
                             "it is absent."
                           : "The greatest of its arguments.")
      .Case("min", reduces ? "The least value along the ranks; of nothing it "
                             "is absent."
                           : "The least of its arguments.")
      .Case("sum", "The sum along the ranks; of nothing it is 0.")
      .Case("any", "Whether a condition holds somewhere along the ranks; of "
                   "nothing it is false.")
      .Case("all", "Whether a condition holds everywhere along the ranks; of "
                   "nothing it is true.")
      .Case("count", "At how many coordinates along the ranks the operand is "
                     "present.")
      .Case("argmax", "The coordinate of the greatest value, the lower one of "
                      "equals; of nothing it is absent.")
      .Case("or_else", "x where it is present, else v: the only way from "
                       "absence to a number.")
      .Case("topk", "The coordinates of the k greatest values, descending, "
                    "ties to the lower one, NaN last.")
      .Case("select", "The coordinates where the condition holds, ascending.")
      .Default("");
}

/// Comment lines directly above the line of `offset`, without their slashes.
std::string Document::commentBefore(uint32_t offset) const {
  std::optional<unsigned> id = sources.find(offset);
  std::string text;
  if (!id)
    return text;
  unsigned line = sources.getLineColumn(offset).line, first = line;
  auto comment = [&](unsigned number, StringRef &line) {
    line = sources.getLine(*id, number).ltrim();
    return line.consume_front("//");
  };
  for (StringRef above; first > 1 && comment(first - 1, above);)
    --first;
  for (StringRef above; first < line && comment(first, above); ++first)
    text += above.trim().str() + "\n";
  return text.empty() ? text : text + "\n";
}

/// The text from `from` to the end of a header.
std::string Document::header(ein::SourceRange range, uint32_t from) const {
  return sources.getText(ein::SourceRange{from, range.end}).rtrim().str();
}

static void collectSums(const ein::Expr *expr,
                        llvm::SmallSetVector<StringRef, 4> &ranks) {
  if (!expr)
    return;
  for (const ein::ImpliedSum &sum : expr->sums)
    ranks.insert(sum.ranks.begin(), sum.ranks.end());
  for (const ein::Expr *arg : expr->args)
    collectSums(arg, ranks);
}

std::string Document::describeRank(const Meaning &meaning) {
  const ein::RankSymbol &rank = *meaning.scope->findRank(meaning.name);
  StringRef name = meaning.name;
  std::string text = codeBlock("rank " + name);
  auto source = [&](const ein::Expr *expr) {
    return expr ? quoted(sources.getText(expr->range)) : std::string("?");
  };
  switch (rank.origin) {
  case ein::RankOrigin::Shape: {
    text += "extent: bound by the shape of ";
    bool first = true;
    for (auto &[tensor, symbol] : meaning.scope->tensors)
      if (symbol.kind == ein::TensorKind::Input)
        for (auto [dim, candidate] : llvm::enumerate(symbol.dims))
          if (candidate.rank == name) {
            text += (first ? "" : ", ") + quoted(tensor) + " (dimension " +
                    std::to_string(dim);
            if (candidate.offset)
              text +=
                  ", which has " + std::to_string(candidate.offset) + " more";
            text += ")";
            first = false;
          }
    text += "\n";
    break;
  }
  case ein::RankOrigin::Declared:
    text += "extent: " + source(rank.binding ? rank.binding->value : nullptr) +
            "\n";
    break;
  case ein::RankOrigin::Ragged:
    if (rank.binding)
      text += "ragged: for every " + quoted(rank.binding->parent.name) +
              " its coordinates are " + source(rank.binding->low) + " .. " +
              source(rank.binding->high) + "\n";
    break;
  case ein::RankOrigin::Parameter:
    text += "a rank parameter" +
            (meaning.scope->def ? " of " + quoted(meaning.scope->def->name.name)
                                : std::string()) +
            ": the brackets of a call bind it\n";
    break;
  case ein::RankOrigin::Selection:
    text += "numbers the entries of " +
            (rank.selection ? quoted(rank.selection->name.name)
                            : std::string("a selection")) +
            "\n";
    break;
  case ein::RankOrigin::Unbound:
    text += "nothing binds its extent: `-D " + name.str() + "=...` does\n";
    break;
  }
  const ein::Program *analysed = getProgram();
  const ein::ElaboratedKernel *kernel =
      analysed && meaning.scope->kernel
          ? analysed->find(meaning.scope->kernel->name.name)
          : nullptr;
  if (kernel)
    for (const ein::RankInfo &info : kernel->ranks) {
      if (info.name != name)
        continue;
      if (info.constant)
        text +=
            "\nknown at compile time: " + std::to_string(*info.constant) + "\n";
      if (info.defaultSize)
        text += "\nin examples and random runs: " +
                std::to_string(*info.defaultSize) + "\n";
    }
  return text;
}

std::string Document::describeTensor(const Meaning &meaning) {
  ein::TensorSymbol &tensor = *meaning.scope->findTensor(meaning.name);
  std::string text;
  if (const ein::Param *param = tensor.declaration) {
    ein::SourceRange range = param->name.range;
    for (const ein::Expr *dim : param->dims)
      range = range.join(dim->range);
    std::string declared = sources.getText(range).str();
    if (!param->dims.empty())
      declared += "]";
    if (param->type.range.isValid())
      declared += ": " + param->type.name.str();
    if (param->packed.range.isValid())
      declared += " packed " + param->packed.name.str();
    if (param->value)
      declared += " = " + sources.getText(param->value->range).str();
    if (param->filler)
      declared += " else " + sources.getText(param->filler->range).str();
    text += codeBlock(declared);
  }
  bool outer = tensor.kind == ein::TensorKind::Input ||
               tensor.kind == ein::TensorKind::Param;
  if (outer || tensor.isOutput)
    text += outer ? (meaning.scope->kernel ? "an input of " : "a parameter of ")
                  : "an output of ";
  if (outer || tensor.isOutput)
    text += quoted(meaning.scope->kernel ? meaning.scope->kernel->name.name
                                         : meaning.scope->def->name.name) +
            "\n\n";
  if (outer)
    return text;
  // What defines it, with every sum written, where the text has no errors.
  std::string equations;
  const ein::Program *analysed = getProgram();
  if (const ein::ElaboratedKernel *kernel =
          analysed && meaning.scope->kernel
              ? analysed->find(meaning.scope->kernel->name.name)
              : nullptr) {
    std::string all;
    llvm::raw_string_ostream os(all);
    ein::printExplicit(os, *kernel, /*withTypes=*/true);
    llvm::SmallVector<StringRef> lines;
    StringRef(all).split(lines, '\n');
    for (StringRef line : lines) {
      StringRef rest = line;
      if (rest.consume_front("  ") && rest.consume_front(meaning.name) &&
          (rest.starts_with("[") || rest.starts_with(" =")))
        equations += line.drop_front(2).str() + "\n";
    }
  }
  llvm::SmallSetVector<StringRef, 4> sums;
  for (const ein::Equation &equation : tensor.equations)
    collectSums(equation.stmt->value, sums);
  if (equations.empty())
    for (const ein::Equation &equation : tensor.equations)
      equations += sources.getText(equation.stmt->range).rtrim().str() + "\n";
  if (!equations.empty())
    text += codeBlock(StringRef(equations).rtrim());
  if (!sums.empty()) {
    text += "implied sums over ";
    llvm::raw_string_ostream os(text);
    llvm::interleave(
        sums, os, [&](StringRef rank) { os << quoted(rank); }, ", ");
    os << "\n\n";
  }
  if (tensor.kind == ein::TensorKind::Recurrence)
    text += "a recurrence along " + quoted(tensor.iterRank) +
            (tensor.backward ? ", backwards\n" : "\n");
  if (tensor.kind == ein::TensorKind::Scatter)
    text += "stored by index\n";
  return text;
}

std::string Document::describeCallable(const Meaning &meaning) {
  ein::SourceRange range =
      meaning.kernel ? meaning.kernel->range : meaning.def->range;
  std::string text =
      codeBlock(header(range, range.begin)) + commentBefore(range.begin);
  if (meaning.def && meaning.def->isPrelude)
    text += "of the prelude\n";
  return text;
}

std::string Document::describe(const Meaning &meaning) {
  switch (meaning.kind) {
  case Meaning::Rank:
    return describeRank(meaning);
  case Meaning::Tensor:
    return describeTensor(meaning);
  case Meaning::Kernel:
  case Meaning::Def:
    return describeCallable(meaning);
  case Meaning::Function:
    return codeBlock(
               meaning.name +
               (meaning.function->kind == ein::BuiltinKind::Reduce ||
                        meaning.function->kind == ein::BuiltinKind::TopK ||
                        meaning.function->kind == ein::BuiltinKind::Select
                    ? "[...](...)"
                    : "(...)")) +
           describeFunction(*meaning.function).str() + "\n";
  case Meaning::Type:
    if (std::optional<ein::ElementType> type =
            ein::parseElementType(meaning.name))
      return codeBlock(meaning.name) + "stores a" +
             (ein::getValueKind(*type) == ein::ValueKind::Int ? "n " : " ") +
             ein::getName(ein::getValueKind(*type)).str() + " in " +
             std::to_string(ein::getBitWidth(*type)) + " bits\n";
    break;
  }
  return "";
}
