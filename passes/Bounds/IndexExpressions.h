//===- IndexExpressions.h - Indices and masks as expressions ----*- C++ -*-===//
//
// Reads int and bool fields of a cascade as expressions of the certificate's
// language: over coordinates (variables named as their ranks) and extents. What
// is read from memory depends on data and has none.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_BOUNDS_INDEXEXPRESSIONS_H
#define EINFALL_PASSES_BOUNDS_INDEXEXPRESSIONS_H

#include "dialect/Cascade/Cascade.h"
#include "passes/Certificate/Expression.h"

#include "llvm/ADT/StringMap.h"

#include <map>
#include <optional>
#include <string>

namespace einfall::bounds {

using certificate::Expression;

/// What a rank's coordinate stands for where `cascade.at` has put another
/// index; nothing: an index that depends on data. Ranks that are not in it
/// stand for themselves.
using Substitution = std::map<std::string, std::optional<Expression>>;

class IndexExpressions {
public:
  using Extents = decltype(certificate::Environment::extents);

  /// `parameters` are those that a launch is given; others have their defaults.
  /// `extents` are of all ranks, those of states included.
  IndexExpressions(const std::map<std::string, double> &parameters,
                   const Extents &extents)
      : parameters(parameters), extents(extents) {}

  /// An int field, or a bool field that depends on no data.
  std::optional<Expression> of(mlir::Value field, const Substitution &at) const;

  /// A condition that implies the bool field whatever the data are: what
  /// depends on data is false where it would help, true where it would hurt.
  Expression surely(mlir::Value condition, const Substitution &at) const;
  /// A condition that the bool field implies.
  Expression maybe(mlir::Value condition, const Substitution &at) const;

  /// Whether an index of at most one coordinate is at least 0 and below
  /// `extent`, whatever the coordinate; tried one by one.
  bool staysInside(const Expression &index, const Expression &extent) const;

private:
  std::optional<Expression> parameter(cascade::ParamOp param,
                                      const Substitution &at) const;
  Expression bounded(mlir::Value condition, const Substitution &at,
                     bool least) const;

  const std::map<std::string, double> &parameters;
  const Extents &extents;
};

} // namespace einfall::bounds

#endif // EINFALL_PASSES_BOUNDS_INDEXEXPRESSIONS_H
