//===- Derive.cpp - Derivation of one-pass folds --------------------------===//

#include "passes/Derive/Derive.h"

#include "passes/Derive/Emit.h"
#include "passes/Derive/Groups.h"
#include "passes/Derive/Obligations.h"
#include "passes/Derive/PassAnalysis.h"
#include "passes/Derive/Substitute.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Verifier.h"

#include <unordered_map>

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

namespace {

void eraseDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        eraseDead(inner);
    if (isOpTriviallyDead(&op))
      op.erase();
  }
}

/// Common subexpressions, block by block: what a step computes for itself stays
/// in the step, also where the kernel has the same value for another purpose.
void mergeEqual(Block &block) {
  std::unordered_multimap<size_t, Operation *> seen;
  for (Operation &op : llvm::make_early_inc_range(block)) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        mergeEqual(inner);
    if (op.getNumRegions() != 0 || !isPure(&op) ||
        op.hasTrait<OpTrait::IsTerminator>())
      continue;
    size_t hash = OperationEquivalence::computeHash(
        &op, OperationEquivalence::directHashValue,
        OperationEquivalence::ignoreHashValue,
        OperationEquivalence::IgnoreLocations);
    Operation *equal = nullptr;
    auto [begin, end] = seen.equal_range(hash);
    for (auto it = begin; it != end && !equal; ++it)
      if (OperationEquivalence::isEquivalentTo(
              &op, it->second, OperationEquivalence::IgnoreLocations))
        equal = it->second;
    if (!equal) {
      seen.insert({hash, &op});
      continue;
    }
    op.replaceAllUsesWith(equal);
    op.erase();
  }
}

void cleanUp(KernelOp kernel) {
  Block &block = kernel.getBody().front();
  eraseDead(block);
  mergeEqual(block);
  eraseDead(block);
}

class Deriver {
public:
  Deriver(KernelOp kernel, DerivationLog &log, const DeriveOptions &options)
      : kernel(kernel), log(log), options(options) {}

  LogicalResult run() {
    if (failed(verify(kernel)))
      return failure();
    pushSubstitutions(kernel);
    cleanUp(kernel);
    pullFactorsOut(kernel);
    cleanUp(kernel);
    std::set<std::vector<std::string>> done;
    while (std::optional<Group> group = next(done))
      derive(*group);
    return success();
  }

private:
  std::optional<Group> next(std::set<std::vector<std::string>> &done) {
    for (Group &group : findGroups(kernel)) {
      std::vector<std::string> key;
      for (StringRef rank : group.ranks)
        key.push_back(rank.str());
      llvm::sort(key);
      if (done.insert(key).second)
        return group;
    }
    return std::nullopt;
  }

  void derive(Group &group);
  void note(DerivationEntry::Kind kind, ReduceOp member, StringRef rules,
            std::string text);
  void notePlan(const Plan &plan, size_t number);

  KernelOp kernel;
  DerivationLog &log;
  const DeriveOptions &options;
};

void Deriver::note(DerivationEntry::Kind kind, ReduceOp member, StringRef rules,
                   std::string text) {
  log.entries.push_back({kind, rules.str(), givenName(member), describe(member),
                         member.getLoc(), std::move(text)});
}

/// In words, how a member is computed now.
void Deriver::notePlan(const Plan &plan, size_t number) {
  const Finish &finish = plan.finishes[number];
  if (finish.rules.empty())
    return;
  std::string rules = llvm::join(finish.rules, ", ");
  note(DerivationEntry::Applied, finish.member, rules,
       rules + " applied to " + describe(finish.member));
}

void Deriver::derive(Group &group) {
  // What goes wrong below is undone as a whole.
  OwningOpRef<KernelOp> backup = kernel.clone();
  size_t entries = log.entries.size(), obligations = log.obligations.size();
  DenseSet<Operation *> asWritten;
  for (;;) {
    Stream stream(group.ranks, group.members);
    Plan plan = makePlan(stream, group.members, asWritten);
    Emission emission = emitPlan(kernel, stream, plan);
    bool retry = false;
    for (auto [finish, value] : llvm::zip(plan.finishes, emission.finishes))
      if (!value && asWritten.insert(finish.member).second) {
        note(DerivationEntry::Refused, finish.member, "R1",
             "the separated form gained a rank that the result lacks");
        retry = true;
      }
    std::vector<Duty> duties;
    if (!retry)
      duties = writeObligations(kernel, stream, plan, emission, *log.terms);
    for (const Duty &duty : duties) {
      if (!options.prove || options.prove(duty.obligation))
        continue;
      for (Operation *op : duty.members)
        if (asWritten.insert(op).second) {
          auto member = cast<ReduceOp>(op);
          note(DerivationEntry::Refused, member, duty.obligation.rule,
               "obligation " + duty.obligation.name + " (" +
                   duty.obligation.rule + ") is not proved");
          retry = true;
        }
      if (retry)
        break;
    }
    if (retry) {
      emission.discard();
      continue;
    }
    for (Duty &duty : duties)
      log.obligations.push_back(std::move(duty.obligation));
    for (size_t i = 0; i < plan.finishes.size(); ++i)
      notePlan(plan, i);
    for (const Miss &miss : plan.misses)
      note(DerivationEntry::Missed, miss.member, miss.rule,
           miss.rule.str() + " does not apply: " + miss.text);
    emission.commit(plan);
    break;
  }
  Block &block = kernel.getBody().front();
  eraseDead(block);
  SmallVector<OutputOp> outputs(block.getOps<OutputOp>());
  if (!sortTopologically(&block) || failed(verify(kernel))) {
    kernel.getBody().takeBody(backup->getBody());
    log.entries.erase(log.entries.begin() + entries, log.entries.end());
    log.obligations.resize(obligations);
    log.entries.push_back({DerivationEntry::Refused, "", "",
                           "reductions over " + llvm::join(group.ranks, ", "),
                           kernel.getLoc(),
                           "left as written: their folds would need each "
                           "other's results"});
    return;
  }
  // Callers number outputs by their order, which sorting may have changed.
  for (OutputOp output : outputs)
    output->moveBefore(&block, block.end());
  cleanUp(kernel);
}

} // namespace

LogicalResult einfall::deriveKernel(KernelOp kernel, DerivationLog &log,
                                    const DeriveOptions &options) {
  if (!log.terms)
    log.terms = std::make_unique<proof::TermContext>();
  return Deriver(kernel, log, options).run();
}

void einfall::emitRemarks(const DerivationLog &log) {
  for (const DerivationEntry &entry : log.entries) {
    remark::RemarkOpts options =
        remark::RemarkOpts::name("derive").category("derive");
    std::string subject = entry.name.empty() ? entry.what : entry.name;
    if (entry.kind == DerivationEntry::Applied)
      remark::passed(entry.loc, options) << subject + ": " + entry.text;
    else
      remark::missed(entry.loc, options) << subject + ": " + entry.text;
  }
}
