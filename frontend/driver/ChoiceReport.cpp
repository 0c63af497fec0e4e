//===- ChoiceReport.cpp - Why tiles are what they are ---------------------===//

#include "frontend/driver/KernelCompiler.h"

#include "codegen/targets/Machine.h"
#include "passes/Schedule/Candidates.h"
#include "passes/Schedule/LaunchWays.h"
#include "passes/Schedule/TileSizes.h"

using namespace einfall;
using namespace einfall::driver;
using llvm::StringRef;

/// The sizes that `--why-not` asks about, by rank or by name.
static llvm::StringMap<int64_t> askedSizes(const Options &options,
                                           std::string &name) {
  llvm::StringMap<int64_t> asked;
  name = "why not";
  for (const auto &[what, size] : options.whyNot) {
    StringRef rank = what;
    rank.consume_front("tile.");
    asked[rank] = size;
    name += " " + what + "=" + std::to_string(size);
  }
  return asked;
}

/// Why the sizes of the CPU's tiles are what they are.
void KernelCompiler::reportSizes() {
  auto &entries = result.report.plan;
  const llvm::StringMap<int64_t> &extents = options.fixedExtents;
  std::vector<SizedTile> space = sizesOf(*plan, machine, extents, plan->asked);
  std::vector<SizedTile> fitting = ranked(space);
  if (fitting.empty()) {
    entries.push_back(
        {"chosen", llvm::formatv("of {0} sizes none fits, as {1}", space.size(),
                                 space.front().rejection)
                       .str()});
  } else {
    std::string certified =
        "not certified: what its mask leaves is too long to be listed";
    if (auto claim = claimOf(*plan, machine, extents)) {
      std::map<std::string, int64_t> named;
      for (const auto &entry : extents)
        named[entry.first().str()] = entry.second;
      auto wrong = certificate::checkSizes(*claim, named);
      certified = wrong.empty() ? "certified"
                                : "not certified: " + wrong.front().path +
                                      ": " + wrong.front().message;
      if (wrong.empty())
        result.report.sizes = std::move(*claim);
    }
    const TileClocks &clocks = *fitting.front().clocks;
    entries.push_back(
        {"chosen", llvm::formatv("the least of {0} sizes that fit, of {1}, "
                                 "{2}: {3:f1} clocks of a core a row, most of "
                                 "them {4} (modelled)",
                                 fitting.size(), space.size(), certified,
                                 clocks.total().get_d(), clocks.limit())
                       .str()});
  }
  StringRef name = session.options.machine;
  result.report.choice =
      sizesToJson(*plan, machine, extents, name.empty() ? "x86-64" : name);
  if (session.options.whyNot.empty())
    return;
  std::string question;
  llvm::StringMap<int64_t> asked = askedSizes(session.options, question);
  entries.push_back({question, whyNotSizes(*plan, machine, extents, asked)});
}

/// How many contractions of a program go to matrix units, and what the others
/// would need.
static std::string onMatrixUnits(const BlockPlan &blocks) {
  unsigned all = 0, there = 0;
  for (const BlockFold &fold : blocks.folds) {
    for (const BlockContraction &contraction : fold.contractions)
      ++all, there += contraction.rows.pair.has_value();
    for (const BlockMatrix &matrix : fold.matrices)
      ++all, there += matrix.panel.pair.has_value();
  }
  if (all == 0)
    return "nothing to contract";
  if (there == all || blocks.tf32)
    return "all " + std::to_string(all) + " contractions";
  return (there ? std::to_string(there) : "none") + " of " +
         std::to_string(all) +
         " contractions: they take factors that are one input of bf16 or f16 "
         "each, or, with --tf32, f32 rounded to tf32";
}

/// The plan of a version, for people.
void KernelCompiler::reportPlan(const BlockPlan &blocks,
                                const DeviceMachine &gpu) {
  bool hasBoxes = blocks.staging == Staging::Boxes;
  result.report.planKind = hasBoxes ? "warpgroups" : "blocks";
  auto &plan = result.report.plan;
  plan = {{"target", gpu.target},
          {"rows", std::to_string(blocks.rows())},
          {"keys", std::to_string(blocks.keys)},
          {"stages", std::to_string(blocks.stages)},
          {"threads", std::to_string(blocks.threads())},
          {"shared bytes", std::to_string(blocks.shared)},
          {"items", llvm::join(blocks.tiles.items, ", ")},
          {"matrix units", onMatrixUnits(blocks)}};
  if (blocks.packed)
    plan.push_back({"rows of a block", blocks.packed->rank.str() + " and " +
                                           blocks.tiles.row.str() +
                                           ", which read the same keys"});
  std::string whyNot = whyNotSplit(blocks);
  if (blocks.splits)
    plan.push_back(
        {"parts of the stream",
         (blocks.splitCount
              ? std::to_string(*blocks.splitCount)
              : "as many as make " + std::to_string(blocks.slots) + " blocks") +
             ", merged by a second launch"});
  else if (!whyNot.empty())
    plan.push_back({"not split", whyNot});
  // Some assemblers move writes of a product's registers before a wait that
  // leaves others in flight (docs/decisions/0006).
  if (hasBoxes)
    plan.push_back(
        {"operands in registers", "written after all products have landed"});
  if (blocks.tf32)
    plan.push_back({"f32 factors",
                    "rounded to tf32: each by at most 2^-11 of itself, a sum "
                    "of products x y by (2^-10 + 2^-22) sum |x y|"});
}

/// Why the tiles are what they are, and what others would break or cost.
void KernelCompiler::reportChoice(const DeviceMachine &gpu) {
  auto &plan = result.report.plan;
  const llvm::StringMap<int64_t> &extents = options.fixedExtents;
  std::string reason, notShared;
  Staging staging = preferredStaging(kernel(), gpu, extents);
  std::optional<CandidateSpace> space =
      candidatesOf(kernel(), gpu, extents, staging, reason);
  std::optional<LaunchWays> ways =
      waysOf(kernel(), gpu, extents, staging, notShared);
  if (space)
    result.report.choice = einfall::toJson(*space, gpu.description);
  if (space && space->chosen) {
    certificate::Choice claim = claimOf(*space, gpu.description);
    if (ways)
      claim.launch = claimOf(*ways, gpu.description);
    std::vector<certificate::ChoiceProblem> wrong =
        certificate::checkChoice(claim);
    const BlockCost &cost = space->candidates[*space->chosen].cost;
    plan.push_back(
        {"chosen",
         llvm::formatv(
             "the least of {0} shapes that fit, of {1}, {2}: {3:f4} clocks of "
             "an {4} for a row and a key, limited by {5} (modelled)",
             space->fitting(), space->candidates.size(),
             wrong.empty() ? "certified"
                           : "not certified: " + wrong.front().path + ": " +
                                 wrong.front().message,
             cost.perScore.get_d(), gpu.description.unit,
             cost.folds.back().limit)
             .str()});
    if (wrong.empty())
      result.report.claim = std::move(claim);
  } else if (space) {
    plan.push_back(
        {"chosen",
         llvm::formatv("of {0} shapes, none of which has registers "
                       "enough, the one that takes fewest, {1}",
                       space->candidates.size(), space->plan.registers)
             .str()});
  }
  if (ways)
    plan.push_back({"launch", textOf(*ways)});
  if (session.options.whyNot.empty())
    return;
  std::string name;
  llvm::StringMap<int64_t> asked = askedSizes(session.options, name);
  auto take = [&](const char *what) {
    auto it = asked.find(what);
    auto value = it == asked.end() ? std::nullopt : std::optional(it->second);
    asked.erase(what);
    return value;
  };
  std::optional<int64_t> parts = take("splits"), packed = take("packed");
  std::string answer;
  if (parts || packed)
    answer = ways ? whyNotShared(*ways, parts, packed) : notShared;
  if (!asked.empty())
    answer += (answer.empty() ? "" : "; ") +
              einfall::whyNot(kernel(), gpu, extents, asked);
  plan.push_back({name, answer});
}
