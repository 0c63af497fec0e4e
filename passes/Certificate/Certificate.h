//===- Certificate.h - What is claimed of a kernel's traffic ----*- C++ -*-===//
//
// A certificate says what any schedule of a cascade must move across each
// memory boundary of a machine, what one schedule moves, and why; and, where
// that is known, that its tiles are the least of a space. It is data:
// whoever found the numbers is not trusted, `check` (Check.h) derives them all
// again. Extents are concrete.
//
// Units: capacities, traffic and segments are bytes; word sizes are bits.
// docs/decisions/0009-bounds-and-certificates.md says what is trusted.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_CERTIFICATE_H
#define EINFALL_PASSES_CERTIFICATE_CERTIFICATE_H

#include "passes/Certificate/Choice.h"
#include "passes/Certificate/Expression.h"
#include "passes/Certificate/SizeChoice.h"

#include <optional>
#include <variant>

namespace einfall::certificate {

/// A tensor in slow memory, and which of its elements the outputs need: those
/// at `index` for any coordinates of the ranks that occur, within
/// `dimensions`.
struct Tensor {
  std::string name;
  enum class Direction { Input, Output } direction = Direction::Input;
  unsigned bits = 16; ///< of an element
  std::vector<int64_t> dimensions;
  /// One for each dimension, over coordinates of ranks; nothing where data
  /// chooses (an element is then counted once for all of them).
  std::vector<std::optional<Expression>> index;
  /// A condition that coordinates have to satisfy; empty: none.
  std::string needs;
  /// Claims: how many elements are needed, and the whole tensor's size.
  mpz_class elements;
  mpz_class bytes;
};

/// Which coordinates of some ranks a mask leaves, whatever the data.
struct Condition {
  std::string name;
  std::vector<std::string> ranks;
  Expression condition;
  /// Claims: the tuples, and of each rank the coordinates in any of them.
  mpz_class count;
  std::map<std::string, mpz_class> distinct;
};

/// What outputs need of every input, once, and every output, once.
struct CompulsoryBound {
  mpz_class inputs, outputs; ///< bytes
};

/// A tensor is gone through `barriers.size() + 1` times: after each barrier
/// all of a fibre is needed again, it or an elementwise function of it in at
/// least `bits` an element, and at most what all units hold is inside. Counted
/// with the compulsory traffic of everything.
struct PassesBound {
  std::string tensor;
  std::vector<std::string> fibre;    ///< the ranks that a fibre spans
  std::vector<std::string> barriers; ///< what is reduced, for readers
  unsigned bits = 16;
  mpz_class fibres; ///< how many
  mpz_class length; ///< of one: elements times bits, in bytes
};

/// Products of words of several tensors, summed: (X - s) V / Psi(M + X) + units
/// (M - X), Psi(B) = prod_j (s_j B / (sigma b_j))^s_j with sigma = sum s_j. s
/// is the largest word, or 0 where all are equal and divide X and M.
struct ContractionBound {
  std::vector<std::string> ranks; ///< of a product
  std::string condition;          ///< on some of them; empty: none
  mpz_class products;             ///< V
  struct Operand {
    std::string tensor; ///< of the certificate; at most one is an output
    /// Of a word: at most the tensor's if an input, if an output that of a
    /// partial sum.
    unsigned bits = 16;
    mpq_class exponent; ///< s_j; together a fractional edge cover of the ranks
  };
  std::vector<Operand> operands;
  mpz_class segment; ///< X >= M, bytes
};

/// Theorem 1, 4 or 5 of docs/bounds/attention.md.
struct AttentionBound {
  unsigned theorem = 1;
  /// 'a' to 'd' of theorems 1 and 5; 0 for theorem 4.
  char regime = 0;
  /// The ranks of a (row, column) pair, a condition on some of them or "", and
  /// how many pairs there are.
  std::vector<std::string> pairRanks;
  std::string condition;
  mpz_class pairs;
  /// Scores are sums of products over `over`, added up over all entries.
  struct Score {
    std::string query, key;
    std::vector<std::string> over;
  };
  std::vector<Score> scores;
  std::string value; ///< of theorem 5: a key
  std::vector<std::string> valueRanks;
  std::string output;
  mpz_class keyWidth, valueWidth; ///< E and F
  /// Bits. Theorems 1 and 5 take the least word of the tensors for all; scores,
  /// weights and partial outputs are assumed to be no smaller. Theorem 4 takes
  /// them one by one; `output` is that of partial outputs.
  struct Words {
    unsigned query = 16, key = 16, value = 16, score = 16, output = 16;
  };
  Words words;
};

/// Theorem 10 of docs/bounds/attention.md: the backward pass, whose scores,
/// weights and their gradients are made again.
struct BackwardBound {
  /// As of AttentionBound.
  std::vector<std::string> pairRanks;
  std::string condition;
  mpz_class pairs;
  /// Inputs: queries and the gradient of outputs, of rows; keys and values, of
  /// columns.
  std::string query, key, value, outputGradient;
  /// Outputs.
  std::string queryGradient, keyGradient, valueGradient;
  std::vector<std::string> keyRanks; ///< summed over in the scores
  std::vector<std::string> valueRanks;
  mpz_class width; ///< d, of keys and of values
  /// Of all words: the least of the tensors; what is made inside is assumed to
  /// be no smaller.
  unsigned bits = 16;
};

struct Bound {
  std::variant<CompulsoryBound, PassesBound, ContractionBound, AttentionBound,
               BackwardBound>
      claim;
  mpz_class bytes; ///< rounded down
};

/// Bytes that a schedule moves: the sum of bytes x times.
struct ScheduleTraffic {
  std::string counted; ///< how it is known, for readers: "exact", "modelled"
  struct Term {
    std::string what;
    int64_t bytes = 32;
    Expression times; ///< over extents
    /// Where a model says what moves: the bytes that the program asks for,
    /// which are no less.
    std::optional<Expression> asked;
  };
  std::vector<Term> terms;
  mpz_class total;
  /// Of all terms that say it; only where one does.
  mpz_class asked;
  bool hasAsked() const;
  /// What the model relies on: a memory inside has room for what is to stay
  /// there at one time.
  struct Fit {
    std::string memory;
    struct Kept {
      std::string what;
      int64_t bytes = 0;
    };
    std::vector<Kept> keeps;
    mpz_class bytes; ///< the sum
  };
  std::vector<Fit> fits;
};

/// Between the memories of a unit, all together, and the rest.
struct Boundary {
  std::string name;
  int64_t units = 1;
  struct Memory {
    std::string memory;
    int64_t bytes = 0; ///< in a unit
  };
  std::vector<Memory> inside;
  mpz_class capacity; ///< of a unit: the sum of those inside
  std::vector<Bound> bounds;
  /// The first greatest of them.
  unsigned lowerBound = 0;
  mpz_class lowerBytes;
  std::optional<ScheduleTraffic> schedule;
  /// Total over lower; only with a schedule, and if lower is positive.
  mpq_class ratio;
};

struct Certificate {
  std::string kernel, source, target;
  std::string machineName, machineHash;
  std::map<std::string, int64_t> extents;
  std::vector<Tensor> tensors;
  std::vector<Condition> conditions;
  std::vector<Boundary> boundaries;
  /// That no other tile of the schedule's space takes less.
  std::optional<Choice> choice;
  /// The same of a processor's tiles.
  std::optional<SizeChoice> sizes;

  nlohmann::ordered_json toJSON() const;
  /// Fails with the JSON path of what is wrong: missing, superfluous, of
  /// another type, or out of range.
  static Result<Certificate> fromJSON(const nlohmann::ordered_json &json);
  /// Of text from anywhere: limits its size and depth, refuses names that occur
  /// twice in an object.
  static Result<Certificate> parse(const std::string &text);
};

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_CERTIFICATE_H
