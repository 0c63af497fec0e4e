//===- Engine.h - Evaluates the fields of a program -------------*- C++ -*-===//
//
// Evaluation on demand, a *column* at a time: the values of one field at n
// consecutive coordinates of one rank, all other ranks held fixed by a frame.
// Costs of walking the graph are shared by a column, loops stay tight, and a
// single point is a column of one.
//
//  * A column is asked for under a mask (`need`); elsewhere it is absent.
//    `where` evaluates its condition first, so what it excludes is never
//    computed.
//  * Memoised nodes keep pages of values; `forget` drops the large ones.
//  * A stream, a fold or a recurrence, goes along its ranks in order, one
//    coordinate at a time, exactly as the operation says, for a block of state
//    that shares the outer ranks.
//  * A list (topk, select) is made whole, once for its other coordinates.
//
// Reals have type T: double for the oracle, float for the naive evaluation
// that errors are measured against.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_ENGINE_H
#define EINFALL_DIALECT_INTERPRETER_ENGINE_H

#include "dialect/Interpreter/Interpreter.h"
#include "dialect/Interpreter/Program.h"

#include <map>
#include <memory>
#include <vector>

namespace einfall::interpreter {

/// Columns are at most this long.
constexpr int64_t maxColumn = 256;
/// Pages of remembered values too.
constexpr int64_t maxPage = 256;

/// Values of one field: `real` for reals, `whole` for integers and truth
/// values; only where `present`.
template <typename T> struct Column {
  T *real = nullptr;
  int64_t *whole = nullptr;
  uint8_t *present = nullptr;
};

/// Memory for columns, released in the reverse order of allocation.
class ColumnStack {
public:
  struct Mark {
    ColumnStack &stack;
    size_t block, used;
    explicit Mark(ColumnStack &stack)
        : stack(stack), block(stack.block), used(stack.used) {}
    ~Mark() {
      stack.block = block;
      stack.used = used;
    }
  };
  template <typename Type> Type *allocate(int64_t n) {
    return static_cast<Type *>(bytes((n * sizeof(Type) + 15) & ~size_t(15)));
  }

private:
  void *bytes(size_t size);
  static constexpr size_t blockSize = size_t(1) << 20;
  std::vector<std::unique_ptr<std::byte[]>> blocks;
  size_t block = 0, used = blockSize;
};

template <typename T> class Engine {
public:
  /// `extents` by rank number, -1 where still unknown; `tensors` by input.
  Engine(const Program &program, std::vector<int64_t> &extents,
         const std::vector<Tensor> &tensors, Options options);

  /// Evaluates `n` <= maxColumn coordinates from `low` along `rank`, the others
  /// as in `frame`; a point if `rank` is -1 (then n is 1).
  void evaluate(const Node &node, Column<T> out, int rank, int64_t low,
                int64_t n, const uint8_t *need = nullptr);

  Column<T> allocate(cascade::Kind kind, int64_t n);
  /// Fixes where results are remembered, once extents are known. Returns the
  /// result of a stream with more coordinates than can be numbered, or null.
  const Node *prepare();
  /// Drops large memos if they hold much; call between rows.
  void forget();

  std::vector<int64_t> frame; ///< a coordinate for every rank
  ColumnStack stack;
  bool exhausted = false; ///< the step limit was reached
  int unboundRank = -1;   ///< a rank whose unknown extent was needed

private:
  struct Page {
    std::vector<T> real;
    std::vector<int64_t> whole;
    std::vector<uint8_t> known; // 0 unknown, 1 absent, 2 present
  };
  struct Memo {
    int pageRank = -1;
    llvm::SmallVector<std::pair<int, uint64_t>> key; // rank and its factor
    bool usable = false;
    llvm::DenseMap<uint64_t, std::unique_ptr<Page>> pages;
    uint64_t cells = 0;
    uint64_t epoch = 0;
  };
  struct Cache {
    int rank = -2;
    int64_t low = 0, n = 0;
    uint64_t epoch = 0;
    std::vector<int64_t> at;
    std::vector<T> real;
    std::vector<int64_t> whole;
    std::vector<uint8_t> present;
  };
  /// The values of one component; `best` is what an argmax stands for.
  struct Cells {
    std::vector<T> real, bestReal;
    std::vector<int64_t> whole, bestWhole;
    std::vector<uint8_t> present;
    void assign(cascade::Kind kind, int64_t size) {
      real.assign(kind == cascade::Kind::Real ? size : 0, T(0));
      whole.assign(kind == cascade::Kind::Real ? 0 : size, 0);
      present.assign(size, 0);
    }
    Column<T> column(int64_t offset = 0) {
      return {real.empty() ? nullptr : real.data() + offset,
              whole.empty() ? nullptr : whole.data() + offset,
              present.data() + offset};
    }
    Column<T> best(int64_t offset = 0) {
      return {bestReal.empty() ? nullptr : bestReal.data() + offset,
              bestWhole.empty() ? nullptr : bestWhole.data() + offset, nullptr};
    }
  };
  /// The state of a stream at the frame's outer coordinates: one array per
  /// component over those of its ranks that are held at once.
  struct StreamState {
    using Layout = llvm::SmallVector<std::pair<int, int64_t>>; // rank, stride
    std::vector<Layout> layout; // the last rank has stride 1
    std::vector<int64_t> size;
    std::vector<Cells> now, next, old;
  };
  /// The lists of one node, by the coordinates of its other ranks.
  struct Lists {
    std::map<std::vector<int64_t>, std::vector<int64_t>> known;
    uint64_t entries = 0, epoch = 0;
  };

  void compute(const Node &node, Column<T> out, int rank, int64_t low,
               int64_t n, const uint8_t *need);
  void computeRead(const Node &, Column<T>, int, int64_t, int64_t,
                   const uint8_t *);
  void computeMap(const Node &, Column<T>, int, int64_t, int64_t,
                  const uint8_t *);
  void computeAt(const Node &, Column<T>, int, int64_t, int64_t,
                 const uint8_t *);
  void computeReduce(const Node &, Column<T>, int, int64_t, int64_t,
                     const uint8_t *);
  void computeList(const Node &, Column<T>, int, int64_t, int64_t,
                   const uint8_t *);
  const std::vector<int64_t> &listOf(const Node &node);
  std::vector<int64_t> makeList(const Node &node);
  void computeState(const Node &, Column<T>, int, int64_t, int64_t,
                    const uint8_t *);
  void fromMemo(const Node &, Column<T>, int, int64_t, int64_t,
                const uint8_t *);
  void fromCache(const Node &, Column<T>, int, int64_t, int64_t);
  void prepareStream(const Stream &stream);
  void runStream(const Stream &stream);
  void remember(const Stream &stream);
  void runRecurrence(const Stream &stream);
  void runFold(const Stream &fold);
  void stepFold(const Stream &fold);
  void enter(const Stream &fold, unsigned component);
  /// Visits the cells of a component as columns: (offset, rank, low, n).
  template <typename Visit>
  void forCells(const StreamState &state, unsigned component, Visit visit);

  Page *pageOf(const Node &node, Memo &memo, bool make);
  int64_t pageSize(const Memo &memo) const;

  const Program &program;
  std::vector<int64_t> &extents;
  const std::vector<Tensor> &tensors;
  std::vector<Memo> memos;               // by node
  std::vector<Cache> caches;             // by node
  std::vector<StreamState> states;       // by stream
  llvm::DenseMap<unsigned, Lists> lists; // by node
  Options options;
  uint64_t steps = 0, epoch = 1;
};

extern template class Engine<double>;
extern template class Engine<float>;

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_ENGINE_H
