//===- Access.cpp - What it costs to reach memory in a layout -------------===//

#include "dialect/Layout/Access.h"
#include "dialect/Layout/Detail.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <set>

using namespace einfall::layout;
using namespace einfall::layout::detail;

const BankModel::Phases *BankModel::phasesFor(int64_t bytes) const {
  for (const Phases &entry : phases)
    if (entry.bytes >= bytes)
      return &entry;
  return nullptr;
}

AccessCost &AccessCost::operator+=(const AccessCost &other) {
  instructions += other.instructions;
  wavefronts += other.wavefronts;
  leastWavefronts += other.leastWavefronts;
  return *this;
}

OrError<AccessCost>
einfall::layout::warpAccess(const BankModel &model,
                            const std::vector<int64_t> &addresses,
                            int64_t bytes) {
  const BankModel::Phases *phases = model.phasesFor(bytes);
  if (!phases)
    return Failure{"shared memory has no access of " + std::to_string(bytes) +
                   " bytes per lane"};
  AccessCost cost{1, 0, 0};
  for (const std::vector<int64_t> &lanes : phases->lanes) {
    std::map<int64_t, std::set<int64_t>> words; // by bank
    for (int64_t lane : lanes) {
      if (lane >= int64_t(addresses.size()) || addresses[lane] == noAddress)
        continue;
      if (addresses[lane] % bytes != 0)
        return Failure{"lane " + std::to_string(lane) + " accesses " +
                       std::to_string(bytes) + " bytes at byte " +
                       std::to_string(addresses[lane])};
      int64_t first = addresses[lane] / model.bankBytes;
      int64_t last = (addresses[lane] + bytes - 1) / model.bankBytes;
      for (int64_t word = first; word <= last; ++word)
        words[word % model.banks].insert(word);
    }
    size_t busiest = 0;
    for (const auto &[bank, set] : words)
      busiest = std::max(busiest, set.size());
    cost.wavefronts += busiest;
    cost.leastWavefronts += busiest > 0;
  }
  return cost;
}

int64_t einfall::layout::sectorsTouched(const std::vector<int64_t> &addresses,
                                        int64_t bytes, int64_t sectorBytes) {
  std::set<int64_t> sectors;
  for (int64_t address : addresses)
    if (address != noAddress)
      for (int64_t sector = address / sectorBytes;
           sector <= (address + bytes - 1) / sectorBytes; ++sector)
        sectors.insert(sector);
  return sectors.size();
}

int64_t einfall::layout::byteAddress(const Layout &registers,
                                     const Layout &memory, const Steps &x) {
  Point element = registers.apply(x);
  Steps named;
  for (size_t d = 0; d < element.size(); ++d)
    named.push_back({registers.outputs()[d].name, element[d]});
  return memory.at("byte", named);
}

std::vector<Steps> einfall::layout::otherCoordinates(const Layout &registers) {
  std::vector<Dim> dims;
  for (const Dim &dim : registers.inputDims())
    if (dim.name != "register" && dim.name != "lane")
      dims.push_back(dim);
  std::vector<Steps> result;
  forEachPoint(dims, [&](const Point &x) {
    Steps steps;
    for (size_t i = 0; i < x.size(); ++i)
      steps.push_back({dims[i].name, x[i]});
    result.push_back(std::move(steps));
    return true;
  });
  return result;
}

static std::optional<Failure> mismatch(const Layout &registers,
                                       const Layout &memory) {
  if (memory.outputIndex("byte") < 0)
    return Failure{"the memory layout has no output 'byte'"};
  for (const Dim &dim : registers.outputs())
    if (dim.extent > memory.inputExtent(dim.name))
      return Failure{"the registers' '" + dim.name + "' has extent " +
                     std::to_string(dim.extent) + ", the memory's " +
                     std::to_string(memory.inputExtent(dim.name))};
  return std::nullopt;
}

namespace {
/// The address of every register of every thread.
struct Addresses {
  std::vector<std::vector<int64_t>> ofThread; ///< [thread][register]

  Addresses(const Layout &registers, const Layout &memory) {
    for (const Steps &rest : otherCoordinates(registers))
      for (int64_t lane = 0; lane < registers.inputExtent("lane"); ++lane) {
        std::vector<int64_t> bytes;
        Steps x = rest;
        x.push_back({"lane", lane});
        x.push_back({"register", 0});
        for (int64_t i = 0; i < registers.inputExtent("register"); ++i) {
          x.back().second = i;
          bytes.push_back(byteAddress(registers, memory, x));
        }
        ofThread.push_back(std::move(bytes));
      }
  }

  /// Groups of registers that make vectors of `bytes` in every thread.
  std::optional<std::vector<std::vector<int64_t>>>
  vectors(int64_t bytes, int64_t elementBytes) const {
    // The first thread proposes, all must agree.
    std::map<int64_t, std::map<int64_t, int64_t>> slots;
    const std::vector<int64_t> &first = ofThread.front();
    for (size_t i = 0; i < first.size(); ++i)
      slots[first[i] / bytes].insert({first[i] % bytes, int64_t(i)});
    std::vector<std::vector<int64_t>> groups;
    for (const auto &[slot, members] : slots) {
      std::vector<int64_t> group;
      for (const auto &[offset, index] : members)
        group.push_back(index);
      if (int64_t(group.size()) * elementBytes != bytes)
        return std::nullopt;
      groups.push_back(std::move(group));
    }
    for (const std::vector<int64_t> &thread : ofThread)
      for (const std::vector<int64_t> &group : groups)
        for (size_t i = 0; i < group.size(); ++i)
          if (thread[group[0]] % bytes != 0 ||
              thread[group[i]] != thread[group[0]] + int64_t(i) * elementBytes)
            return std::nullopt;
    return groups;
  }
};
} // namespace

OrError<VectorAccess> einfall::layout::widestAccess(const Layout &registers,
                                                    const Layout &memory,
                                                    int64_t elementBytes,
                                                    int64_t maxBytes,
                                                    int64_t baseAlignment) {
  if (auto failure = mismatch(registers, memory))
    return *failure;
  Addresses addresses(registers, memory);
  // Two registers at one address are one access, so they are never a vector;
  // such layouts are read element by element.
  int64_t widest = std::min(maxBytes, baseAlignment);
  for (int64_t bytes = std::bit_floor(uint64_t(std::max<int64_t>(widest, 1)));
       bytes > elementBytes; bytes /= 2)
    if (auto groups = addresses.vectors(bytes, elementBytes)) {
      size_t covered = groups->size() * (bytes / elementBytes);
      if (covered == addresses.ofThread.front().size())
        return VectorAccess{bytes, std::move(*groups)};
    }
  VectorAccess single{elementBytes, {}};
  for (int64_t i = 0; i < registers.inputExtent("register"); ++i)
    single.registers.push_back({i});
  return single;
}

/// Calls `visit` with the lanes' addresses of every instruction of a warp.
template <typename Visit>
static void forEachInstruction(const VectorAccess &access,
                               const Layout &registers, const Layout &memory,
                               const Steps &warp, Visit visit) {
  for (const std::vector<int64_t> &group : access.registers) {
    std::vector<int64_t> lanes;
    for (int64_t lane = 0; lane < registers.inputExtent("lane"); ++lane) {
      Steps x = warp;
      x.push_back({"lane", lane});
      x.push_back({"register", group.front()});
      lanes.push_back(byteAddress(registers, memory, x));
    }
    visit(lanes);
  }
}

OrError<AccessCost> einfall::layout::sharedAccess(const BankModel &model,
                                                  const Layout &registers,
                                                  const Layout &memory,
                                                  int64_t elementBytes) {
  OrError<VectorAccess> access = widestAccess(registers, memory, elementBytes);
  if (!access)
    return access.failure();
  AccessCost worst;
  std::string error;
  for (const Steps &warp : otherCoordinates(registers)) {
    AccessCost sum;
    forEachInstruction(*access, registers, memory, warp,
                       [&](const std::vector<int64_t> &lanes) {
                         auto cost = warpAccess(model, lanes, access->bytes);
                         if (cost)
                           sum += *cost;
                         else
                           error = cost.message();
                       });
    if (!error.empty())
      return Failure{error};
    if (worst.instructions == 0 || sum.wavefronts > worst.wavefronts)
      worst = sum;
  }
  return worst;
}

OrError<GlobalCost> einfall::layout::globalAccess(const Layout &registers,
                                                  const Layout &memory,
                                                  int64_t elementBytes,
                                                  int64_t baseAlignment,
                                                  int64_t sectorBytes) {
  OrError<VectorAccess> access =
      widestAccess(registers, memory, elementBytes, 16, baseAlignment);
  if (!access)
    return access.failure();
  GlobalCost worst;
  for (const Steps &warp : otherCoordinates(registers)) {
    GlobalCost sum;
    std::set<int64_t> vectors;
    forEachInstruction(*access, registers, memory, warp,
                       [&](const std::vector<int64_t> &lanes) {
                         ++sum.instructions;
                         sum.sectors +=
                             sectorsTouched(lanes, access->bytes, sectorBytes);
                         vectors.insert(lanes.begin(), lanes.end());
                       });
    sum.leastSectors =
        (int64_t(vectors.size()) * access->bytes + sectorBytes - 1) /
        sectorBytes;
    if (worst.instructions == 0 || sum.sectors > worst.sectors)
      worst = sum;
  }
  return worst;
}

OrError<Layout> einfall::layout::copyLayout(int64_t rows, int64_t columns,
                                            int64_t vectorElements,
                                            int64_t lanes, int64_t warps) {
  if (rows < 1 || columns < 1 || vectorElements < 1 || lanes < 1 || warps < 1 ||
      columns % vectorElements != 0)
    return Failure{"rows of " + std::to_string(columns) +
                   " elements are no whole vectors of " +
                   std::to_string(vectorElements)};
  int64_t vectors = columns / vectorElements;
  int64_t along = std::gcd(vectors, lanes), across = lanes / along;
  if (rows % (across * warps) != 0)
    return Failure{std::to_string(rows) + " rows are no multiple of the " +
                   std::to_string(across * warps) + " that " +
                   std::to_string(warps) + " warps copy at a time"};
  return LayoutBuilder({{"row", rows}, {"column", columns}})
      .input("register")
      .repeat(vectorElements, {{"column", 1}})
      .repeat(vectors / along, {{"column", along * vectorElements}})
      .repeat(rows / (across * warps), {{"row", across * warps}})
      .input("lane")
      .repeat(along, {{"column", vectorElements}})
      .repeat(across, {{"row", 1}})
      .input("warp")
      .repeat(warps, {{"row", across}})
      .build();
}
