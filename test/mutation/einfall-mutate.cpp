//===- einfall-mutate.cpp - Tries mutants of device programs --------------===//
//
// Prints, in Markdown, how many mutants of each kind were made of the kernels
// of some files and what noticed them. Exit code 1 where one survives that is
// neither proved to be none (Equivalence.h) nor explained by a rule
// (Reasons.h); it is listed on stderr.
//
//===----------------------------------------------------------------------===//

#include "test/mutation/Campaign.h"
#include "test/mutation/Reasons.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"

using namespace einfall;
using namespace einfall::mutation;
namespace cl = llvm::cl;

static cl::OptionCategory category("einfall-mutate");
static cl::list<std::string> files(cl::Positional, cl::OneOrMore,
                                   cl::desc("FILE..."), cl::cat(category));
static cl::list<std::string>
    fixed("D", cl::Prefix, cl::desc("an extent that is relied on, e=40"),
          cl::cat(category));
static cl::list<std::string> targets("target",
                                     cl::desc("a GPU, sm_80; may be repeated"),
                                     cl::cat(category));
static cl::list<std::string>
    types("type",
          cl::desc("elements of f32 tensors, f32 or bf16; may be repeated"),
          cl::cat(category));
static cl::list<std::string>
    launches("launch",
             cl::desc("arguments (Launches.h); without, a list that reaches "
                      "every border of tiles"),
             cl::cat(category));
static cl::opt<std::string> reasonsPath("reasons", cl::Required,
                                        cl::desc("rules, as JSON"),
                                        cl::cat(category));
static cl::opt<unsigned>
    sampleSize("sample", cl::init(0),
               cl::desc("mutants of a kind and role that are tried; 0: all"),
               cl::cat(category));
static cl::opt<unsigned>
    splits("splits", cl::init(0),
           cl::desc("parts of a stream, as `einfall --splits`; 1: none split "
                    "or pack rows, 0: as many as the launch asks for"),
           cl::cat(category));
static cl::opt<std::string>
    only("only",
         cl::desc("versions that are tried, a regular expression; without, "
                  "all"),
         cl::cat(category));
static cl::opt<std::string>
    without("without",
            cl::desc("versions that are not tried, a regular expression"),
            cl::cat(category));
static cl::opt<unsigned> threads("j", cl::Prefix, cl::init(0),
                                 cl::desc("threads"), cl::cat(category));
static cl::opt<bool>
    quick("quick",
          cl::desc("try mutants that a rule explains with few launches"),
          cl::cat(category));
static cl::opt<bool> verbose("v", cl::desc("list every mutant on stderr"),
                             cl::cat(category));

namespace {
/// Counts of one kind, or of all.
struct Row {
  unsigned made = 0, reported = 0, numbers = 0, timeouts = 0, notRun = 0,
           proved = 0, explained = 0, open = 0;
  std::map<std::string, unsigned> checks, reasons;

  void add(const Row &other) {
    made += other.made;
    reported += other.reported;
    numbers += other.numbers;
    timeouts += other.timeouts;
    notRun += other.notRun;
    proved += other.proved;
    explained += other.explained;
    open += other.open;
    for (auto &[check, count] : other.checks)
      checks[check] += count;
    for (auto &[reason, count] : other.reasons)
      reasons[reason] += count;
  }
};
} // namespace

static std::string listed(const std::map<std::string, unsigned> &counts) {
  std::string text;
  for (auto &[word, count] : counts)
    text += (text.empty() ? "" : ", ") + word + " " + std::to_string(count);
  return text;
}

static void printRow(llvm::StringRef name, const Row &row) {
  llvm::outs() << "| " << name << " | " << row.made << " | " << row.reported
               << " | " << row.numbers << " | " << row.timeouts << " | "
               << row.proved << " | " << row.explained << " | " << row.open
               << " | " << listed(row.checks) << " | " << listed(row.reasons)
               << " |\n";
}

static void printHead(llvm::StringRef first) {
  llvm::outs() << "\n| " << first
               << " | made | device reports | wrong numbers | endless | "
                  "proved equal | reasoned equal | open | checks | reasons |\n"
               << "|---|--:|--:|--:|--:|--:|--:|--:|---|---|\n";
}

static std::string describe(const Tried &tried) {
  std::string text = tried.program + ": " + name(tried.mutant.kind).str() +
                     " [" + tried.mutant.role + "] " + tried.mutant.text;
  const Outcome &outcome = tried.outcome;
  if (outcome.result == Outcome::Survived)
    return text + ": survived, outputs " +
           (outcome.equal ? "equal" : "within tolerance");
  if (outcome.result == Outcome::NotRun)
    return text + ": no launch tells it apart";
  return text + ": " + outcome.check + " (" + tried.launch + ")";
}

static Row judge(const Tried &tried, Reasons &reasons) {
  Row row;
  row.made = 1;
  switch (tried.outcome.result) {
  case Outcome::Report:
    row.reported = 1;
    ++row.checks[tried.outcome.check];
    return row;
  case Outcome::Numbers:
    row.numbers = 1;
    return row;
  case Outcome::Timeout:
    row.timeouts = 1;
    return row;
  case Outcome::Survived:
  case Outcome::NotRun:
    break;
  }
  if (tried.proved) {
    row.proved = 1;
    return row;
  }
  bool equal = tried.outcome.result == Outcome::NotRun || tried.outcome.equal;
  if (const Reasons::Rule *rule =
          reasons.find(tried.program, tried.mutant, equal)) {
    row.explained = 1;
    ++row.reasons[rule->name];
    return row;
  }
  row.open = 1;
  llvm::errs() << "open: " << describe(tried) << "\n";
  return row;
}

static bool
readPairs(llvm::ArrayRef<std::string> entries,
          llvm::function_ref<bool(std::string, llvm::StringRef)> take) {
  for (llvm::StringRef entry : entries) {
    auto [key, value] = entry.split('=');
    if (take(key.str(), value))
      continue;
    llvm::errs() << "error: `" << entry << "` is not of the form name=number\n";
    return false;
  }
  return true;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "tries mutants of device programs\n");
  CampaignOptions options;
  options.sample = sampleSize;
  options.threads = threads;
  options.splits = splits;
  options.only = only;
  options.without = without;
  for (const std::string &expression : {options.only, options.without}) {
    std::string wrong;
    if (!expression.empty() && !llvm::Regex(expression).isValid(wrong)) {
      llvm::errs() << "error: `" << expression << "`: " << wrong << "\n";
      return driver::exitUsage;
    }
  }
  auto extent = [&](std::string name, llvm::StringRef value) {
    return !value.getAsInteger(10, options.fixed[name]);
  };
  if (!readPairs(fixed, extent))
    return driver::exitUsage;
  const std::vector<std::string> &texts =
      launches.empty() ? standardLaunches() : launches;
  for (llvm::StringRef text : texts) {
    llvm::Expected<LaunchSpec> launch = LaunchSpec::parse(text);
    if (!launch) {
      llvm::errs() << "error: " << llvm::toString(launch.takeError()) << "\n";
      return driver::exitUsage;
    }
    options.launches.push_back(std::move(*launch));
  }
  if (targets.empty())
    targets.push_back("sm_80");
  if (types.empty())
    types.push_back("f32");
  llvm::Expected<Reasons> reasons = Reasons::load(reasonsPath);
  if (!reasons) {
    llvm::errs() << "error: " << llvm::toString(reasons.takeError()) << "\n";
    return driver::exitInput;
  }

  if (quick)
    options.expected = &*reasons;
  if (verbose)
    options.onTried = [](const Tried &tried) {
      llvm::errs() << describe(tried)
                   << llvm::format(", %.1f s\n", tried.seconds);
    };

  std::map<Kind, Row> kinds;
  Row all;
  printHead("kernel");
  for (const std::string &target : targets)
    for (const std::string &type : types)
      for (const std::string &file : files) {
        options.target = target;
        options.type = type == "f32" ? "" : type;
        std::optional<Campaign> campaign = runCampaign(file, options);
        if (!campaign)
          return driver::exitInput;
        Row sum;
        for (const Tried &tried : campaign->tried) {
          Row row = judge(tried, *reasons);
          kinds[tried.mutant.kind].add(row);
          sum.add(row);
        }
        printRow(campaign->kernel + ", " + type + ", " + target, sum);
        llvm::outs().flush();
        for (const std::string &version : campaign->versions)
          llvm::errs() << "tried: " << version << "\n";
        all.add(sum);
      }
  printHead("kind");
  for (auto &[kind, row] : kinds)
    printRow(name(kind), row);
  printRow("all", all);
  llvm::outs() << "\n";
  for (const Reasons::Rule &rule : reasons->all())
    if (rule.used)
      llvm::outs() << "- **" << rule.name << "** (" << rule.used
                   << "): " << rule.reason << "\n";
  return all.open ? driver::exitInput : driver::exitSuccess;
}
