//===- Statements.h - The sums of products of a cascade ---------*- C++ -*-===//
//
// What bounds on data movement are about: sums of products whose factors are
// words of inputs, and pairs of such sums that make attention (scores of
// queries and keys, their weights times values), whatever stands between.
//
// A factor is a *word* of an input if it is made of one element of it, and of
// any amount of other things, coordinate by coordinate: scaled, cast, rotated,
// normalised. A factor that sums over a rank itself (a projection in the
// kernel, a latent that is decompressed) is none, and no claim is made of it.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_BOUNDS_STATEMENTS_H
#define EINFALL_PASSES_BOUNDS_STATEMENTS_H

#include "passes/Bounds/Needs.h"

namespace einfall::bounds {

/// A word of an input for every coordinate of the ranks that its index names.
struct Words {
  std::string tensor;
  llvm::SmallVector<Expression> index;
  unsigned bits = 0;
};

/// `sum over reduced of product of arrays`, where `surely` holds.
struct ProductSum {
  std::string name; ///< as the source calls it, or "sum over m"
  mlir::Location loc;
  llvm::SmallVector<std::string> ranks; ///< of the products: summed and others
  llvm::SmallVector<std::string> summed;
  std::vector<Words> arrays;
  /// The output that the sums are stored to, one by one, or null: they may
  /// stay inside.
  cascade::OutputOp output;
  Expression surely;
};

/// One of the products that scores are sums of.
struct ScoreSum {
  Words query, key;
  llvm::SmallVector<std::string> summed;
};

/// O[row, f] = sum over columns of weight(score[row, column]) V[column, f].
struct Attention {
  std::string name;
  mlir::Location loc;
  std::vector<ScoreSum> scores;
  Words value;
  llvm::SmallVector<std::string> pairs;    ///< ranks of a score
  llvm::SmallVector<std::string> features; ///< of the values
  /// Values are keys: the same words, those of the features.
  bool isShared = false;
  cascade::OutputOp output;
  Expression surely;
};

/// The backward pass: sums over pairs that make the gradients of queries, keys
/// and values from weights and gradients of weights, both functions of scores.
struct Backward {
  std::string name;
  Words query, key, value, outputGradient;
  llvm::SmallVector<std::string> pairs, keyRanks, valueRanks;
  cascade::OutputOp queryGradient, keyGradient, valueGradient;
  Expression surely;
};

struct Statements {
  std::vector<ProductSum> sums;
  std::vector<Attention> attentions;
  std::vector<Backward> backwards;
  /// Why a sum of weighted values is no attention in the sense of the theorem.
  std::vector<std::string> refusals;
};

/// The backward passes that three of `sums` make, which are any sums over
/// columns of weights and words: scores are still of words of any rows.
/// `isPart[i]` is set if it is one of those.
std::vector<Backward> backwardsOf(llvm::ArrayRef<Attention> sums,
                                  llvm::SmallVectorImpl<bool> &isPart);

Statements statementsOf(cascade::KernelOp kernel,
                        const IndexExpressions &expressions);

} // namespace einfall::bounds

#endif // EINFALL_PASSES_BOUNDS_STATEMENTS_H
