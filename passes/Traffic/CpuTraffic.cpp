//===- CpuTraffic.cpp - What a CPU program moves, in closed form ----------===//

#include "passes/Traffic/CpuTraffic.h"

#include "passes/Traffic/Count.h"
#include "passes/Traffic/CpuWalk.h"
#include "passes/Traffic/Export.h"

using namespace einfall;
using namespace einfall::traffic;
using certificate::Expression;

bool CpuTraffic::isExact() const {
  return llvm::all_of(asked, [](const CpuTerm &term) { return term.isExact; });
}

int64_t CpuVisits::operator[](llvm::StringRef name) const {
  auto number = touched.getAs<mlir::IntegerAttr>(name);
  return number ? number.getInt() : 0;
}

namespace {
/// Accesses that are summed.
struct Sum {
  /// Bytes of those that happen at the same times.
  std::map<std::pair<std::vector<Ref>, Ref>, std::pair<const Access *, int64_t>>
      alike;
  bool isExact = true;
  std::set<std::string> reads;

  void add(const CpuAccess &entry) {
    const Access &access = entry.access;
    auto [it, isNew] = alike.try_emplace({access.loops, access.active},
                                         std::pair(&access, int64_t(0)));
    it->second.second += entry.bytes;
    isExact &= access.isExact;
    reads.insert(access.reads.begin(), access.reads.end());
  }
  Ref bytes(Pool &pool) const;
};
} // namespace

Ref Sum::bytes(Pool &pool) const {
  std::map<int64_t, std::vector<const Access *>> bySize;
  for (auto &[when, entry] : alike)
    bySize[entry.second].push_back(entry.first);
  Ref total = pool.zero;
  for (auto &[size, accesses] : bySize)
    total = pool.add(total, pool.scale(sectorsOf(accesses, pool), size));
  return total;
}

llvm::Expected<CpuTraffic> einfall::traffic::cpuTrafficOf(
    mlir::ModuleOp module, const cascade::KernelInterface &interface,
    const llvm::StringMap<int64_t> &fixed,
    const llvm::StringMap<int64_t> &numbers, int64_t threads) {
  Pool pool;
  Parameters parameters(pool, interface, fixed, numbers);
  auto walk = walkCpu(module, interface, pool, parameters, threads);
  if (!walk)
    return walk.takeError();

  std::map<std::pair<std::string, Direction>, Sum> sums;
  for (const CpuAccess &entry : walk->accesses)
    sums[{entry.access.what, entry.access.direction}].add(entry);
  CpuTraffic result;
  for (auto &[key, sum] : sums) {
    auto &[what, direction] = key;
    Expression bytes = exported(sum.bytes(pool), pool);
    if (what == "workspace") {
      result.workspaceAsked = result.workspaceAsked + bytes;
      continue;
    }
    if (what == "shared") {
      result.sharedAsked = result.sharedAsked + bytes;
      continue;
    }
    std::string note;
    if (!sum.isExact)
      note = noteOfBound(sum.reads);
    result.asked.push_back(
        {what, direction, std::move(bytes), sum.isExact, std::move(note)});
  }
  for (const CpuVisit &visit : walk->visits) {
    auto times = [&](const Access &access) {
      return exported(sectorsOf({&access}, pool), pool);
    };
    result.visits.push_back({visit.touched, times(visit.tiles),
                             times(visit.rounds), times(visit.keys),
                             times(visit.keysOfRounds)});
  }
  result.items = exported(walk->items, pool);
  result.workspace = exported(walk->workspace, pool);
  result.shared = exported(walk->shared, pool);
  return result;
}
