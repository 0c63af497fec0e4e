//===- Schedules.cpp - Orders of attention and of matrix products ---------===//

#include "test/passes/Bounds/Schedules.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace einfall::pebbles {

int64_t Shape::pairs() const {
  return mask.empty() ? int64_t(rows) * columns
                      : std::count(mask.begin(), mask.end(), true);
}

Shape dense(int rows, int columns, int e, int f) {
  return {rows, columns, e, f, {}};
}

template <typename Function>
static Shape masked(int rows, int columns, int e, int f, Function has) {
  Shape shape = dense(rows, columns, e, f);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j)
      shape.mask.push_back(has(i, j));
  return shape;
}

Shape causal(int n, int e, int f) {
  return masked(n, n, e, f, [](int i, int j) { return j <= i; });
}
Shape band(int n, int width, int e, int f) {
  return masked(n, n, e, f,
                [=](int i, int j) { return std::abs(i - j) <= width; });
}
Shape blockDiagonal(int n, int block, int e, int f) {
  return masked(n, n, e, f,
                [=](int i, int j) { return i / block == j / block; });
}
Shape scattered(int rows, int columns, int e, int f, double density,
                std::mt19937 &random) {
  std::bernoulli_distribution has(density);
  return masked(rows, columns, e, f, [&](int, int) { return has(random); });
}

namespace {

/// Writes the computations of pairs.
class Writer {
public:
  Writer(const Shape &shape, int numPartials, bool statistics)
      : shape(shape), statistics(statistics) {
    auto addAll = [&](int count, bool isInput) {
      int first = program.words.size();
      for (int i = 0; i < count; ++i)
        program.addWord(isInput);
      return first;
    };
    q = addAll(shape.rows * shape.e, true);
    k = addAll(shape.columns * shape.e, true);
    v = shape.sharedLatent ? -1 : addAll(shape.columns * shape.f, true);
    sums = addAll(statistics ? shape.rows : 0, false);
    outputs = program.words.size();
    this->numPartials = numPartials;
    for (int i = 0; i < shape.rows; ++i)
      for (int f = 0; f < shape.f; ++f)
        for (int part = 0; part < numPartials; ++part)
          program.addWord(false, i * shape.f + f, shape.outputSize);
    started.resize(program.words.size(), false);
  }

  int query(int i, int e) const { return q + i * shape.e + e; }
  int key(int j, int e) const { return k + j * shape.e + e; }
  int value(int j, int f) const {
    return shape.sharedLatent ? key(j, f) : v + j * shape.f + f;
  }
  int output(int i, int f, int part) const {
    return outputs + (i * shape.f + f) * numPartials + part;
  }

  /// A new word with the score of a pair, made of the words of e in one go.
  int score(int i, int j) {
    std::vector<int> reads;
    for (int e = 0; e < shape.e; ++e) {
      reads.push_back(query(i, e));
      reads.push_back(key(j, e));
    }
    int word = program.addWord(false);
    program.compute(reads, word);
    if (statistics) {
      accumulate({word}, sums + i, false);
    }
    return word;
  }
  void products(int i, int j, int score, int part, int begin, int end) {
    for (int f = begin; f < end; ++f)
      accumulate({score, value(j, f)}, output(i, f, part), true);
  }
  /// Adds partial outputs up, in the first of a row's that was begun.
  Program finish() {
    for (int i = 0; i < shape.rows; ++i)
      for (int f = 0; f < shape.f; ++f) {
        int total = -1;
        for (int part = 0; part < numPartials; ++part) {
          int word = output(i, f, part);
          if (!isStarted(word))
            continue;
          if (total >= 0)
            program.compute({total, word}, total);
          else
            total = word;
        }
        if (total >= 0)
          program.addOutput(total);
      }
    return std::move(program);
  }

  const Shape &shape;

private:
  bool isStarted(int word) const { return started[word]; }
  void accumulate(std::vector<int> reads, int word, bool isProduct) {
    if (isStarted(word))
      reads.push_back(word);
    started[word] = true;
    program.compute(reads, word, isProduct);
  }

  Program program;
  bool statistics;
  int q, k, v, sums, outputs, numPartials;
  std::vector<bool> started; ///< of words that accumulate
};

} // namespace

static void spillTiles(Writer &writer, int block) {
  const Shape &shape = writer.shape;
  for (int i0 = 0; i0 < shape.rows; i0 += block)
    for (int j0 = 0; j0 < shape.columns; j0 += block) {
      std::vector<std::pair<std::pair<int, int>, int>> scores;
      for (int i = i0; i < std::min(i0 + block, shape.rows); ++i)
        for (int j = j0; j < std::min(j0 + block, shape.columns); ++j)
          if (shape.has(i, j))
            scores.push_back({{i, j}, writer.score(i, j)});
      for (int f = 0; f < shape.f; ++f)
        for (const auto &[pair, score] : scores)
          writer.products(pair.first, pair.second, score, 0, f, f + 1);
    }
}

static void randomTiles(Writer &writer, int block, int parts,
                        std::mt19937 &random) {
  const Shape &shape = writer.shape;
  auto pick = [&](int n) {
    return std::uniform_int_distribution<int>(0, n - 1)(random);
  };
  std::vector<int> rows(shape.rows), columns(shape.columns);
  std::iota(rows.begin(), rows.end(), 0);
  std::iota(columns.begin(), columns.end(), 0);
  if (pick(2))
    std::shuffle(rows.begin(), rows.end(), random);
  if (pick(2))
    std::shuffle(columns.begin(), columns.end(), random);
  int height = 1 + pick(2 * block), width = 1 + pick(2 * block);
  std::vector<std::pair<int, int>> tiles;
  for (int i = 0; i < shape.rows; i += height)
    for (int j = 0; j < shape.columns; j += width)
      tiles.emplace_back(i, j);
  std::shuffle(tiles.begin(), tiles.end(), random);
  bool columnsFirst = pick(2);
  for (auto [i0, j0] : tiles) {
    int part = pick(parts);
    int h = std::min(height, shape.rows - i0);
    int w = std::min(width, shape.columns - j0);
    for (int at = 0; at < h * w; ++at) {
      int i = rows[i0 + (columnsFirst ? at % h : at / w)];
      int j = columns[j0 + (columnsFirst ? at / h : at % w)];
      if (shape.has(i, j))
        writer.products(i, j, writer.score(i, j), part, 0, shape.f);
    }
  }
}

Program attention(const Shape &shape, Order order, int block, int parts,
                  bool statistics, std::mt19937 &random) {
  bool partial = order == Order::SplitColumns || order == Order::Random;
  Writer writer(shape, partial ? parts : 1, statistics);
  auto pair = [&](int i, int j, int part, int begin, int end) {
    if (shape.has(i, j))
      writer.products(i, j, writer.score(i, j), part, begin, end);
  };
  // Rows of a block resident, columns from `from` to `to` stream.
  auto rowsResident = [&](int from, int to, int part, int begin, int end) {
    for (int i0 = 0; i0 < shape.rows; i0 += block)
      for (int j = from; j < to; ++j)
        for (int i = i0; i < std::min(i0 + block, shape.rows); ++i)
          pair(i, j, part, begin, end);
  };
  switch (order) {
  case Order::RowsResident:
    rowsResident(0, shape.columns, 0, 0, shape.f);
    break;
  case Order::ColumnsResident:
    for (int j0 = 0; j0 < shape.columns; j0 += block)
      for (int i = 0; i < shape.rows; ++i)
        for (int j = j0; j < std::min(j0 + block, shape.columns); ++j)
          pair(i, j, 0, 0, shape.f);
    break;
  case Order::SplitColumns:
    for (int part = 0; part < parts; ++part)
      rowsResident(shape.columns * part / parts,
                   shape.columns * (part + 1) / parts, part, 0, shape.f);
    break;
  case Order::ValueBlocks:
    for (int part = 0; part < parts; ++part)
      rowsResident(0, shape.columns, 0, shape.f * part / parts,
                   shape.f * (part + 1) / parts);
    break;
  case Order::SpilledScores:
    spillTiles(writer, block);
    break;
  case Order::Random:
    randomTiles(writer, block, parts, random);
    break;
  }
  return writer.finish();
}

namespace {
/// Writes the gradients of pairs.
class BackwardWriter {
public:
  explicit BackwardWriter(const Shape &shape) : shape(shape), d(shape.e) {
    auto addAll = [&](int count, bool isInput) {
      int first = program.words.size();
      for (int i = 0; i < count; ++i)
        program.addWord(isInput, isInput ? -1 : numAccumulators++);
      return first;
    };
    q = addAll(shape.rows * d, true);
    outputGradient = addAll(shape.rows * d, true);
    k = addAll(shape.columns * d, true);
    v = addAll(shape.columns * d, true);
    queryGradient = addAll(shape.rows * d, false);
    keyGradient = addAll(shape.columns * d, false);
    valueGradient = addAll(shape.columns * d, false);
    started.resize(program.words.size(), false);
  }

  void pair(int i, int j) {
    if (!shape.has(i, j))
      return;
    int weight = inner(q + i * d, k + j * d);
    int gradient = inner(outputGradient + i * d, v + j * d);
    for (int f = 0; f < d; ++f)
      add({weight, outputGradient + i * d + f}, valueGradient + j * d + f);
    int scoreGradient = program.addWord(false);
    program.compute({weight, gradient}, scoreGradient);
    for (int e = 0; e < d; ++e)
      add({scoreGradient, q + i * d + e}, keyGradient + j * d + e);
    for (int e = 0; e < d; ++e)
      add({scoreGradient, k + j * d + e}, queryGradient + i * d + e);
  }
  Program finish() {
    for (size_t word = 0; word < started.size(); ++word)
      if (started[word])
        program.addOutput(word);
    return std::move(program);
  }

private:
  int inner(int a, int b) {
    std::vector<int> reads;
    for (int e = 0; e < d; ++e) {
      reads.push_back(a + e);
      reads.push_back(b + e);
    }
    int word = program.addWord(false);
    program.compute(reads, word);
    return word;
  }
  void add(std::vector<int> reads, int word) {
    if (started[word])
      reads.push_back(word);
    started[word] = true;
    program.compute(reads, word, /*isProduct=*/true);
  }

  const Shape &shape;
  const int d;
  Program program;
  int numAccumulators = 0;
  int q, k, v, outputGradient, queryGradient, keyGradient, valueGradient;
  std::vector<bool> started;
};
} // namespace

Program backward(const Shape &shape, Order order, int block,
                 std::mt19937 &random) {
  BackwardWriter writer(shape);
  std::vector<std::pair<int, int>> tiles;
  int height = order == Order::ColumnsResident ? shape.rows : block;
  int width = order == Order::RowsResident ? shape.columns : block;
  for (int i0 = 0; i0 < shape.rows; i0 += height)
    for (int j0 = 0; j0 < shape.columns; j0 += width)
      tiles.emplace_back(i0, j0);
  if (order == Order::Random)
    std::shuffle(tiles.begin(), tiles.end(), random);
  for (auto [i0, j0] : tiles) {
    int h = std::min(height, shape.rows - i0);
    int w = std::min(width, shape.columns - j0);
    for (int at = 0; at < h * w; ++at) {
      // What is resident is gone over for each of what streams.
      bool rowsFirst = order == Order::RowsResident;
      writer.pair(i0 + (rowsFirst ? at % h : at / w),
                  j0 + (rowsFirst ? at / h : at % w));
    }
  }
  return writer.finish();
}

Program matmul(int i, int j, int k, int ti, int tj, bool randomly,
               std::mt19937 &random) {
  Program program;
  for (int word = 0; word < i * k + k * j; ++word)
    program.addWord(true);
  int c = program.words.size();
  for (int word = 0; word < i * j; ++word) {
    program.addWord(false, word);
    program.addOutput(c + word);
  }
  std::vector<bool> started(i * j, false);
  auto product = [&](int y, int x, int z) {
    std::vector<int> reads = {y * k + z, i * k + z * j + x};
    if (started[y * j + x])
      reads.push_back(c + y * j + x);
    started[y * j + x] = true;
    program.compute(reads, c + y * j + x, /*isProduct=*/true);
  };
  if (randomly) {
    std::vector<int> order(i * j * k);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    for (int at : order)
      product(at / (j * k), at / k % j, at % k);
    return program;
  }
  for (int y0 = 0; y0 < i; y0 += ti)
    for (int x0 = 0; x0 < j; x0 += tj)
      for (int z = 0; z < k; ++z)
        for (int y = y0; y < std::min(y0 + ti, i); ++y)
          for (int x = x0; x < std::min(x0 + tj, j); ++x)
            product(y, x, z);
  return program;
}

} // namespace einfall::pebbles
