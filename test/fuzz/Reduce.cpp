//===- Reduce.cpp - The smallest program that still shows a fault ---------===//

#include "test/fuzz/Reduce.h"

#include "frontend/syntax/Parser.h"

#include <vector>

using namespace einfall;
using namespace einfall::ein;

/// All programs that are `text` with one thing taken away, large things first.
static std::vector<std::string> smaller(const std::string &text) {
  SourceManager sources;
  DiagnosticEngine diagnostics;
  unsigned id = sources.add("reduced.ein", text);
  std::unique_ptr<File> file = parse(sources, id, diagnostics);
  uint32_t base = sources.getBase(id);
  std::vector<std::string> statements, expressions;
  auto replace = [&](std::vector<std::string> &into, uint32_t begin,
                     uint32_t end, const std::string &by) {
    std::string changed = text;
    changed.replace(begin - base, end - begin, by);
    into.push_back(std::move(changed));
  };
  std::function<void(Expr *)> visit = [&](Expr *expr) {
    if (!expr)
      return;
    if (expr->kind > ExprKind::Extent) {
      for (const char *value : {"1", "0.5", "true"})
        replace(expressions, expr->range.begin, expr->range.end, value);
      for (Expr *arg : expr->args) {
        replace(expressions, expr->range.begin, expr->range.end,
                sources.getText(arg->range).str());
        visit(arg);
      }
    }
  };
  auto visitParams = [&](llvm::MutableArrayRef<Param> params) {
    // Each but the last, up to the next one.
    for (size_t i = 0; i + 1 < params.size(); ++i)
      replace(statements, params[i].name.range.begin,
              params[i + 1].name.range.begin, "");
  };
  for (Kernel *kernel : file->kernels) {
    visitParams(kernel->inputs);
    visitParams(kernel->outputs);
    for (Stmt *stmt : kernel->body) {
      replace(statements, stmt->range.begin, stmt->range.end, "");
      if (stmt->condition && stmt->value)
        replace(statements, stmt->value->range.end, stmt->condition->range.end,
                "");
      visit(stmt->value);
      visit(stmt->condition);
    }
  }
  statements.insert(statements.end(), expressions.begin(), expressions.end());
  return statements;
}

std::string
fuzz::reduce(std::string program,
             const std::function<bool(const std::string &)> &isFaulty) {
  for (bool found = true; found;) {
    found = false;
    for (std::string &candidate : smaller(program))
      if (candidate.size() < program.size() && isFaulty(candidate)) {
        program = std::move(candidate);
        found = true;
        break;
      }
  }
  return program;
}
