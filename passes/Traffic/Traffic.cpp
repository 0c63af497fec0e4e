//===- Traffic.cpp - What a device program moves, in closed form ----------===//

#include "passes/Traffic/Traffic.h"

#include "passes/Traffic/Count.h"
#include "passes/Traffic/Export.h"

#include "llvm/ADT/StringExtras.h"

using namespace einfall;
using namespace einfall::traffic;
using certificate::Expression;

Expression Traffic::total(Direction direction) const {
  Expression sum;
  for (const TrafficTerm &term : terms)
    if (term.direction == direction)
      sum = sum + term.sectors;
  return sum;
}

bool Traffic::isExact() const {
  return llvm::all_of(terms,
                      [](const TrafficTerm &term) { return term.isExact; });
}

std::string einfall::traffic::noteOfBound(const std::set<std::string> &reads) {
  std::string what = "numbers that it computes";
  if (!reads.empty())
    what = "what " + llvm::join(reads, ", ") +
           (reads.size() > 1 ? " hold" : " holds");
  return "depends on " + what + ": as if nothing were skipped";
}

llvm::Expected<Traffic>
einfall::traffic::trafficOf(llvm::ArrayRef<device::KernelOp> version,
                            const cascade::KernelInterface &interface,
                            const llvm::StringMap<int64_t> &fixed,
                            const llvm::StringMap<int64_t> &numbers) {
  Pool pool;
  Parameters parameters(pool, interface, fixed, numbers);

  Traffic result;
  struct Sum {
    Ref sectors;
    bool isExact = true;
    std::set<std::string> reads;
    std::vector<const Access *> accesses; ///< of the program at hand
  };
  std::map<std::pair<std::string, Direction>, Sum> sums;
  for (device::KernelOp kernel : version) {
    auto launch = launchOf(kernel, pool, parameters);
    if (!launch)
      return launch.takeError();
    if (kernel == version.front()) {
      result.blocks =
          exported(pool.mul(launch->x, pool.mul(launch->y, launch->z)), pool);
      result.applies = exported(launch->when ? launch->when : pool.yes, pool);
      result.workspace =
          exported(launch->workspace ? launch->workspace : pool.zero, pool);
    }
    pool.splitsVariables = true;
    auto accesses = accessesOf(kernel, pool, parameters);
    if (!accesses)
      return accesses.takeError();
    pool.splitsVariables = false;
    for (const Access &access : *accesses) {
      Sum &sum =
          sums.try_emplace({access.what, access.direction}, Sum{pool.zero})
              .first->second;
      sum.accesses.push_back(&access);
      sum.isExact &= access.isExact;
      sum.reads.insert(access.reads.begin(), access.reads.end());
    }
    for (auto &[key, sum] : sums) {
      sum.sectors = pool.add(sum.sectors, sectorsOf(sum.accesses, pool));
      sum.accesses.clear();
    }
  }
  for (auto &[key, sum] : sums) {
    std::string note;
    if (!sum.isExact)
      note = noteOfBound(sum.reads);
    result.terms.push_back({key.first, key.second, exported(sum.sectors, pool),
                            sum.isExact, std::move(note)});
  }
  return result;
}
