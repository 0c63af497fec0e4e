//===- NvidiaAccess.cpp - ldmatrix plans, banks, choice of swizzle --------===//

#include "dialect/Layout/NvidiaAccess.h"
#include "dialect/Layout/Detail.h"

#include <algorithm>

using namespace einfall::layout;
using namespace einfall::layout::detail;
using namespace einfall::layout::nvidia;

/// A matrix of ldmatrix: eight rows of 16 bytes, four registers each.
static constexpr int64_t matrixRows = 8, rowBytes = 16, registerBytes = 4;

const BankModel &nvidia::sharedMemory() {
  static const BankModel model = [] {
    constexpr int64_t banks = 32, bankBytes = 4;
    BankModel result{banks, bankBytes, {}};
    for (int64_t bytes : {4, 8, 16}) {
      BankModel::Phases phases{bytes, {}};
      int64_t lanes = banks * bankBytes / bytes;
      for (int64_t first = 0; first < warpLanes; first += lanes) {
        std::vector<int64_t> group;
        for (int64_t lane = first; lane < first + lanes; ++lane)
          group.push_back(lane);
        phases.lanes.push_back(std::move(group));
      }
      result.phases.push_back(std::move(phases));
    }
    return result;
  }();
  return model;
}

//===----------------------------------------------------------------------===//
// Plans for ldmatrix and stmatrix
//===----------------------------------------------------------------------===//

namespace {
/// The register and lane that hold the first element of row `row` of matrix
/// `matrix` of a fragment.
struct RowHolder {
  int64_t reg, lane;
};
RowHolder rowHolder(int64_t matrix, int64_t row, int64_t pack,
                    bool transposed) {
  if (transposed)
    return {matrix * pack + row % 2, row / 2};
  return {matrix * pack, row * 4};
}

/// Whether registers `matrix * pack` and following are a matrix of ldmatrix,
/// for the threads with the coordinates `rest`.
bool isMatrix(const Layout &registers, const Layout &memory,
              int64_t elementBytes, int64_t matrix, bool transposed,
              const Steps &rest) {
  int64_t pack = registerBytes / elementBytes;
  auto address = [&](int64_t reg, int64_t lane) {
    Steps x = rest;
    x.push_back({"register", reg});
    x.push_back({"lane", lane});
    return byteAddress(registers, memory, x);
  };
  for (int64_t row = 0; row < matrixRows; ++row) {
    RowHolder holder = rowHolder(matrix, row, pack, transposed);
    int64_t base = address(holder.reg, holder.lane);
    if (base % rowBytes != 0)
      return false;
    for (int64_t offset = 0; offset < rowBytes; offset += elementBytes) {
      int64_t index = offset / elementBytes, reg, lane;
      if (transposed) {
        reg = holder.reg;
        lane = index * 4 + holder.lane;
      } else {
        reg = holder.reg + index % pack;
        lane = holder.lane + index / pack;
      }
      if (address(reg, lane) != base + offset)
        return false;
    }
  }
  return true;
}
} // namespace

OrError<MatrixAccess> nvidia::matrixAccess(const Layout &registers,
                                           const Layout &memory,
                                           int64_t elementBytes) {
  if (elementBytes != 1 && elementBytes != 2 && elementBytes != 4)
    return Failure{"ldmatrix moves no elements of " +
                   std::to_string(elementBytes) + " bytes"};
  int64_t pack = registerBytes / elementBytes;
  int64_t elements = registers.inputExtent("register");
  if (registers.inputExtent("lane") != warpLanes || elements % pack != 0)
    return Failure{"ldmatrix moves whole registers of 32 lanes, not " +
                   std::to_string(elements) + " elements of " +
                   std::to_string(registers.inputExtent("lane"))};
  for (const Dim &dim : registers.outputs())
    if (dim.extent > memory.inputExtent(dim.name))
      return Failure{"the fragment's '" + dim.name + "' has extent " +
                     std::to_string(dim.extent) + ", the tile's " +
                     std::to_string(memory.inputExtent(dim.name))};

  int64_t matrices = elements / pack;
  std::vector<Steps> others = otherCoordinates(registers);
  auto serves = [&](bool transposed) {
    for (int64_t matrix = 0; matrix < matrices; ++matrix)
      for (const Steps &rest : others)
        if (!isMatrix(registers, memory, elementBytes, matrix, transposed,
                      rest))
          return false;
    return true;
  };
  bool transposed = false;
  if (!serves(false)) {
    // Only 16-bit elements can be transposed.
    if (elementBytes != 2 || !serves(true))
      return Failure{"the fragment's rows are not 16 aligned bytes in memory"};
    transposed = true;
  }

  std::vector<Dim> dims{{"row", matrixRows}, {"matrix", matrices}};
  for (const Dim &dim : registers.inputDims())
    if (dim.name != "register" && dim.name != "lane")
      dims.push_back(dim);
  OrError<Layout> rowOf = fit(dims, registers.outputs(), [&](const Point &x) {
    RowHolder holder = rowHolder(x[1], x[0], pack, transposed);
    Steps at{{"register", holder.reg}, {"lane", holder.lane}};
    for (size_t i = 2; i < x.size(); ++i)
      at.push_back({dims[i].name, x[i]});
    return registers.apply(at);
  });
  if (!rowOf)
    return rowOf.failure();

  std::vector<MatrixAccess::Instruction> instructions;
  for (int64_t first = 0, count = 4; first < matrices; first += count) {
    while (first + count > matrices)
      count /= 2;
    instructions.push_back({first, count});
  }
  return MatrixAccess{transposed, pack, std::move(instructions), *rowOf};
}

Steps MatrixAccess::rowOfLane(const Instruction &instruction,
                              int64_t lane) const {
  int64_t matrix = std::min(lane / matrixRows, instruction.count - 1);
  return {{"row", lane % matrixRows},
          {"matrix", instruction.firstMatrix + matrix}};
}

OrError<AccessCost> nvidia::matrixAccessCost(const MatrixAccess &access,
                                             const Layout &memory) {
  std::vector<Dim> threads;
  for (const Dim &dim : access.rowOf.inputDims())
    if (dim.name != "row" && dim.name != "matrix")
      threads.push_back(dim);
  AccessCost worst;
  std::string error;
  forEachPoint(threads, [&](const Point &x) {
    AccessCost sum;
    for (const MatrixAccess::Instruction &instruction : access.instructions) {
      std::vector<int64_t> addresses(warpLanes, noAddress);
      for (int64_t lane = 0; lane < instruction.count * matrixRows; ++lane) {
        Steps at = access.rowOfLane(instruction, lane);
        for (size_t d = 0; d < x.size(); ++d)
          at.push_back({threads[d].name, x[d]});
        addresses[lane] = byteAddress(access.rowOf, memory, at);
      }
      OrError<AccessCost> cost =
          warpAccess(sharedMemory(), addresses, rowBytes);
      if (!cost) {
        error = cost.message();
        return false;
      }
      sum += *cost;
    }
    if (worst.instructions == 0 || sum.wavefronts > worst.wavefronts)
      worst = sum;
    return true;
  });
  if (!error.empty())
    return Failure{error};
  return worst;
}

OrError<AccessCost> nvidia::fragmentCost(const Layout &registers,
                                         const Layout &memory,
                                         int64_t elementBytes) {
  if (OrError<MatrixAccess> access =
          matrixAccess(registers, memory, elementBytes))
    return matrixAccessCost(*access, memory);
  return sharedAccess(sharedMemory(), registers, memory, elementBytes);
}

//===----------------------------------------------------------------------===//
// What the matrix units and the tensor map do
//===----------------------------------------------------------------------===//

OrError<int64_t> nvidia::coreConflicts(const Layout &memory, Major major,
                                       int64_t elementBytes) {
  const char *along = major == Major::K ? "k" : "mn";
  const char *across = major == Major::K ? "mn" : "k";
  int64_t run = rowBytes / elementBytes;
  if (memory.inputExtent(along) % run != 0 ||
      memory.inputExtent(across) % matrixRows != 0)
    return Failure{"an operand of " + std::to_string(memory.inputExtent("mn")) +
                   " x " + std::to_string(memory.inputExtent("k")) +
                   " is not made of cores of 8 x " + std::to_string(run)};
  int64_t worst = 0;
  for (int64_t a = 0; a < memory.inputExtent(along); a += run)
    for (int64_t b = 0; b < memory.inputExtent(across); b += matrixRows) {
      std::vector<int64_t> addresses;
      for (int64_t row = 0; row < matrixRows; ++row) {
        int64_t first = memory.at("byte", {{along, a}, {across, b + row}});
        int64_t last =
            memory.at("byte", {{along, a + run - 1}, {across, b + row}});
        if (last != first + rowBytes - elementBytes)
          return Failure{"the operand has no runs of 16 bytes along " +
                         std::string(along)};
        addresses.push_back(first);
      }
      OrError<AccessCost> cost =
          warpAccess(sharedMemory(), addresses, rowBytes);
      if (!cost)
        return cost.failure();
      worst = std::max(worst, cost->conflicts());
    }
  return worst;
}

OrError<int64_t> nvidia::arrivalConflicts(const Layout &memory,
                                          int64_t elementBytes) {
  int64_t run = rowBytes / elementBytes;
  int64_t columns = memory.inputExtent("column");
  if (columns % run != 0)
    return Failure{"rows of " + std::to_string(columns * elementBytes) +
                   " bytes; a tensor map takes multiples of 16"};
  std::vector<int64_t> chunks;
  for (int64_t row = 0; row < memory.inputExtent("row"); ++row)
    for (int64_t column = 0; column < columns; column += run)
      chunks.push_back(memory.at("byte", {{"row", row}, {"column", column}}));
  int64_t worst = 0;
  for (size_t first = 0; first < chunks.size(); first += matrixRows) {
    std::vector<int64_t> addresses(
        chunks.begin() + first,
        chunks.begin() + std::min(first + matrixRows, chunks.size()));
    OrError<AccessCost> cost = warpAccess(sharedMemory(), addresses, rowBytes);
    if (!cost)
      return cost.failure();
    worst = std::max(worst, cost->conflicts());
  }
  return worst;
}

//===----------------------------------------------------------------------===//
// Choice of a tile
//===----------------------------------------------------------------------===//

OrError<SharedTile> nvidia::chooseTile(int64_t rows, int64_t columns,
                                       int64_t elementBytes,
                                       const std::vector<Layout> &fragments,
                                       bool needsBoxes) {
  int64_t packed = columns * elementBytes;
  struct Candidate {
    OrError<Layout> layout;
    Swizzle swizzle;
    int64_t padBytes;
  };
  std::vector<Candidate> candidates;
  for (Swizzle swizzle : {Swizzle::B128, Swizzle::B64, Swizzle::B32})
    candidates.push_back(
        {boxedTile(rows, columns, elementBytes, swizzle), swizzle, 0});
  if (!needsBoxes || (columns <= 256 && packed % rowBytes == 0))
    candidates.push_back(
        {rowMajor(rows, columns, elementBytes, packed), Swizzle::None, 0});
  candidates.push_back({boxedTile(rows, columns, elementBytes, Swizzle::None),
                        Swizzle::None, 0});
  if (!needsBoxes)
    candidates.push_back(
        {rowMajor(rows, columns, elementBytes, packed + rowBytes),
         Swizzle::None, rowBytes});

  std::optional<SharedTile> best;
  std::string error =
      "no form of tile takes rows of " + std::to_string(packed) + " bytes";
  for (const Candidate &candidate : candidates) {
    if (!candidate.layout)
      continue;
    int64_t conflicts = 0;
    bool serves = true;
    for (const Layout &fragment : fragments) {
      OrError<AccessCost> cost =
          fragmentCost(fragment, *candidate.layout, elementBytes);
      if (!cost) {
        error = cost.message();
        serves = false;
        break;
      }
      conflicts += cost->conflicts();
    }
    if (serves && (!best || conflicts < best->conflicts))
      best =
          SharedTile{*candidate.layout, candidate.swizzle, candidate.padBytes,
                     candidate.layout->outputExtent("byte"), conflicts};
  }
  if (!best)
    return Failure{error};
  return *best;
}
