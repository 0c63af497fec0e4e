//===- PebbleGame.cpp - Plays schedules word by word ----------------------===//

#include "test/passes/Bounds/PebbleGame.h"

#include <algorithm>
#include <queue>

namespace einfall::pebbles {

int Program::addWord(bool isInput, int accumulator, unsigned size) {
  words.push_back({isInput, false, accumulator, size});
  numAccumulators = std::max(numAccumulators, accumulator + 1);
  return words.size() - 1;
}

void Program::compute(const std::vector<int> &operands, int write,
                      bool isProduct) {
  steps.push_back({reads.size(), operands.size(), write, isProduct});
  reads.insert(reads.end(), operands.begin(), operands.end());
  numProducts += isProduct;
}

namespace {

/// Cuts a play into segments while it runs.
class Cutter {
public:
  Cutter(int numAccumulators, int64_t memory, int64_t segment)
      : touched(numAccumulators, 0), entered(numAccumulators, 0),
        limit(memory + segment), segment(segment) {}

  /// Before the first move: nothing is in fast memory.
  std::vector<Segment> segments{Segment()};

  /// A move that costs: a new segment begins with it if it is too much.
  /// `present` calls back with the accumulator of every word there.
  template <typename Present> void load(int accumulator, Present present) {
    bool pays = accumulator >= 0 && touched[accumulator] == epoch &&
                entered[accumulator] != epoch; // the charge turns into a load
    if (!pays && segments.back().cost() == limit)
      begin(present);
    ++segments.back().loads;
    if (accumulator < 0)
      return;
    if (touched[accumulator] == epoch && entered[accumulator] != epoch)
      --segments.back().fresh;
    entered[accumulator] = epoch;
  }
  template <typename Present> void product(int accumulator, Present present) {
    bool fresh = touched[accumulator] != epoch && entered[accumulator] != epoch;
    if (fresh && segments.back().cost() == limit) {
      begin(present);
      fresh = entered[accumulator] != epoch;
    }
    touched[accumulator] = epoch;
    segments.back().fresh += fresh;
    ++segments.back().products;
  }

private:
  template <typename Present> void begin(Present present) {
    ++epoch;
    limit = segment;
    Segment next;
    present([&](int accumulator) {
      ++next.startWords;
      if (accumulator >= 0)
        entered[accumulator] = epoch;
    });
    segments.push_back(next);
  }

  int epoch = 1;
  std::vector<int> touched, entered; ///< in which segment last
  int64_t limit, segment;
};

class Player {
public:
  Player(const Program &program, int64_t memory, int64_t segment)
      : program(program), memory(memory),
        cutter(program.numAccumulators, memory, segment),
        state(program.words.size()) {
    findUses();
  }

  Play run() {
    for (size_t at = 0; at < program.steps.size() && result.legal; ++at)
      step(at);
    result.segments = std::move(cutter.segments);
    return std::move(result);
  }

private:
  static constexpr int64_t never = INT64_MAX;
  struct State {
    bool isFast = false, isSlow = false;
    size_t nextUse = 0, endUse = 0; ///< into `uses`
    int64_t pinned = -1;            ///< by which step
    int place = -1;                 ///< in `present`
  };
  /// At which steps a word is used; twice the step, plus 1 if only written.
  void findUses() {
    std::vector<size_t> counts(program.words.size() + 1, 0);
    auto forUses = [&](auto function) {
      for (size_t at = 0; at < program.steps.size(); ++at) {
        const Program::Step &step = program.steps[at];
        bool isRead = false;
        for (size_t i = 0; i < step.numReads; ++i) {
          int word = program.reads[step.firstRead + i];
          isRead |= word == step.write;
          function(word, 2 * at);
        }
        if (!isRead)
          function(step.write, 2 * at + 1);
      }
    };
    forUses([&](int word, size_t) { ++counts[word + 1]; });
    for (size_t i = 1; i < counts.size(); ++i)
      counts[i] += counts[i - 1];
    uses.resize(counts.back());
    for (size_t i = 0; i < state.size(); ++i) {
      state[i].nextUse = state[i].endUse = counts[i];
      state[i].isSlow = program.words[i].isInput;
    }
    forUses([&](int word, size_t use) { uses[state[word].endUse++] = use; });
  }

  int64_t nextUse(int word) const {
    const State &s = state[word];
    return s.nextUse < s.endUse ? static_cast<int64_t>(uses[s.nextUse]) : never;
  }
  void enter(int word) {
    state[word].isFast = true;
    state[word].place = present.size();
    present.push_back(word);
    used += program.words[word].size;
  }
  void leave(int word) {
    State &s = state[word];
    present[s.place] = present.back();
    state[present.back()].place = s.place;
    present.pop_back();
    s.isFast = false;
    used -= program.words[word].size;
  }
  void store(int word) {
    if (state[word].isSlow)
      return;
    state[word].isSlow = true;
    result.stores += program.words[word].size;
    if (program.words[word].accumulator >= 0)
      result.accumulatorStores += program.words[word].size;
  }
  void makeRoom(int64_t size, int64_t at) {
    std::vector<std::pair<int64_t, int>> kept;
    while (used + size > memory) {
      if (queue.empty()) {
        result.legal = false;
        return;
      }
      auto [use, word] = queue.top();
      queue.pop();
      if (!state[word].isFast || use != nextUse(word))
        continue; // out of date
      if (state[word].pinned == at) {
        kept.emplace_back(use, word);
        continue;
      }
      if (use % 2 == 0) // it will be read
        store(word);
      leave(word);
    }
    for (const auto &entry : kept)
      queue.push(entry);
  }
  auto eachPresent() {
    return [this](auto function) {
      for (int word : present)
        function(program.words[word].accumulator);
    };
  }

  void step(size_t at) {
    const Program::Step &step = program.steps[at];
    const int *operands = program.reads.data() + step.firstRead;
    for (size_t i = 0; i < step.numReads; ++i)
      state[operands[i]].pinned = at;
    state[step.write].pinned = at;
    for (size_t i = 0; i < step.numReads; ++i) {
      int word = operands[i];
      if (state[word].isFast)
        continue;
      makeRoom(program.words[word].size, at);
      if (!result.legal || !state[word].isSlow) {
        result.legal = false;
        return;
      }
      cutter.load(program.words[word].accumulator, eachPresent());
      result.loads += program.words[word].size;
      enter(word);
    }
    if (!state[step.write].isFast) {
      makeRoom(program.words[step.write].size, at);
      if (!result.legal)
        return;
    }
    if (step.isProduct)
      cutter.product(program.words[step.write].accumulator, eachPresent());
    if (!state[step.write].isFast)
      enter(step.write);
    state[step.write].isSlow = false;
    for (size_t i = 0; i < step.numReads; ++i)
      finishUse(operands[i], at);
    finishUse(step.write, at);
  }

  /// Moves on to a word's next use; words without any are deleted.
  void finishUse(int word, size_t at) {
    State &s = state[word];
    while (s.nextUse < s.endUse && uses[s.nextUse] / 2 <= at)
      ++s.nextUse;
    if (!s.isFast)
      return;
    int64_t next = nextUse(word);
    if (next != never)
      return queue.push({next, word});
    if (program.words[word].isOutput)
      store(word);
    leave(word);
  }

  const Program &program;
  int64_t memory, used = 0;
  Cutter cutter;
  Play result;
  std::vector<State> state;
  std::vector<size_t> uses;
  std::vector<int> present;
  /// Furthest use first; entries out of date are skipped.
  std::priority_queue<std::pair<int64_t, int>> queue;
};

} // namespace

Play play(const Program &program, int64_t memory, int64_t segment) {
  return Player(program, memory, segment).run();
}

} // namespace einfall::pebbles
