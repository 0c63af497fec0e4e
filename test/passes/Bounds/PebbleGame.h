//===- PebbleGame.h - Plays schedules word by word --------------*- C++ -*-===//
//
// The machine of docs/bounds/attention.md: slow memory without limit, fast
// memory of so many words, loads and stores that cost, computations that are
// free. A program is a list of computations over words; the game decides what
// is loaded, kept and stored. It throws out the word that is needed last
// (which minimises loads), so a program is played as well as its order allows;
// but any legal play has to respect a lower bound, good or bad.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_PASSES_BOUNDS_PEBBLEGAME_H
#define EINFALL_TEST_PASSES_BOUNDS_PEBBLEGAME_H

#include <cstdint>
#include <functional>
#include <vector>

namespace einfall::pebbles {

/// What is computed, in order. Words are variables: writing one makes a new
/// value of it and forgets the old.
class Program {
public:
  /// `accumulator` groups the words of an output and its partial sums; -1 for
  /// other words.
  int addWord(bool isInput, int accumulator = -1, unsigned size = 1);
  /// Whose last value has to be in slow memory at the end.
  void addOutput(int word) { words[word].isOutput = true; }
  /// Computes `write` from `reads`. A product of the kind that bounds count, if
  /// `isProduct`: into the accumulator that `write` belongs to.
  void compute(const std::vector<int> &reads, int write,
               bool isProduct = false);

  struct Word {
    bool isInput, isOutput = false;
    int accumulator;
    unsigned size;
  };
  struct Step {
    size_t firstRead, numReads;
    int write;
    bool isProduct;
  };
  std::vector<Word> words;
  std::vector<Step> steps;
  std::vector<int> reads;
  int numAccumulators = 0;
  int64_t numProducts = 0;
};

/// A part of a play as Lemma 3 cuts it.
struct Segment {
  int64_t startWords = 0; ///< in fast memory at its start
  int64_t loads = 0, fresh = 0, products = 0;
  int64_t cost() const { return loads + fresh; }
};

struct Play {
  bool legal = true; ///< no computation needed more than fast memory holds
  int64_t loads = 0, stores = 0, accumulatorStores = 0; ///< sizes
  std::vector<Segment> segments;
  int64_t traffic() const { return loads + stores; }
};

/// Plays with `memory` units of fast memory. Segments are cut at cost `segment`
/// beyond the first, which may cost memory + segment; words of size 1 only.
Play play(const Program &program, int64_t memory, int64_t segment);

} // namespace einfall::pebbles

#endif // EINFALL_TEST_PASSES_BOUNDS_PEBBLEGAME_H
