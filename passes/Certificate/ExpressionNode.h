//===- ExpressionNode.h - What an expression holds --------------*- C++ -*-===//

#ifndef EINFALL_PASSES_CERTIFICATE_EXPRESSIONNODE_H
#define EINFALL_PASSES_CERTIFICATE_EXPRESSIONNODE_H

#include "passes/Certificate/Expression.h"

namespace einfall::certificate {

struct Expression::Node {
  Kind kind = Kind::Number;
  mpz_class value;
  std::string name;
  std::vector<Expression> operands;
  uint64_t size = 1;
  unsigned depth = 1;
  std::vector<std::string> freeNames, extentNames; ///< sorted
};

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_EXPRESSIONNODE_H
