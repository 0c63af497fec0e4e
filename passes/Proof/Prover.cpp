//===- Prover.cpp - Verdicts on obligations -------------------------------===//

#include "passes/Proof/Prover.h"

#include "passes/Proof/Clock.h"
#include "passes/Proof/EmitSMT.h"
#include "passes/Proof/SolverProcess.h"
#include "passes/Proof/VerdictCache.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using llvm::StringRef;

namespace einfall::proof {

StringRef toString(Status status) {
  switch (status) {
  case Status::Proved:
    return "proved";
  case Status::Refuted:
    return "refuted";
  case Status::Unknown:
    break;
  }
  return "unknown";
}

/// `z3` next to this program, then on PATH.
static std::string findSolver() {
  static char anchor;
  std::string self = llvm::sys::fs::getMainExecutable(nullptr, &anchor);
  StringRef folder = llvm::sys::path::parent_path(self);
  for (auto found : {llvm::sys::findProgramByName("z3", {folder}),
                     llvm::sys::findProgramByName("z3")})
    if (found)
      return *found;
  return "";
}

/// The values in Z3's answer to get-model: (define-fun name () Sort value).
static Assignment parseModel(StringRef text) {
  Assignment model;
  StringRef marker = "(define-fun ";
  for (size_t at = text.find(marker); at != StringRef::npos;
       at = text.find(marker, at + 1)) {
    StringRef rest = text.substr(at + marker.size());
    size_t nameEnd =
        rest.starts_with("|") ? rest.find('|', 1) + 1 : rest.find(' ');
    StringRef name = rest.take_front(nameEnd);
    rest = rest.drop_front(nameEnd).ltrim();
    if (!rest.consume_front("()"))
      continue; // a function, not a value
    rest = rest.ltrim();
    rest = rest.drop_front(rest.find_first_of(" \n")).ltrim();
    int depth = 0;
    size_t end = 0;
    for (; end < rest.size(); ++end) {
      depth += rest[end] == '(' ? 1 : rest[end] == ')' ? -1 : 0;
      if (depth < 0)
        break;
    }
    std::string value;
    for (StringRef word : llvm::split(rest.take_front(end).trim(), '\n')) {
      if (!value.empty())
        value += ' ';
      value += word.trim();
    }
    model.emplace_back(name.trim('|').str(), value);
  }
  return model;
}

/// From "unknown" and (:reason-unknown "why"), or from (error "why").
static std::string whyNot(StringRef answer) {
  auto [before, rest] = answer.split('"');
  if (rest.empty())
    return ("the solver says '" + before.trim() + "'").str();
  return "the solver says: " + rest.split('"').first.str();
}

struct Prover::State {
  explicit State(ProverOptions given)
      : options(std::move(given)), cache(options.cacheDirectory),
        context(mlir::MLIRContext::Threading::DISABLED) {
    if (options.solver.empty())
      options.solver = findSolver();
    if (!options.solver.empty()) {
      solver = std::make_unique<SolverProcess>(
          std::vector<std::string>{options.solver, "-in", "-smt2"},
          options.memoryBytes);
      // It loads while the first obligation is prepared.
      solver->start();
    }
    secondsLeft = options.totalSeconds;
  }

  /// What the solver says to `script`, on the account of the time limits.
  llvm::Expected<std::string> ask(StringRef script) {
    auto failure = [](const llvm::Twine &text) {
      return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
    };
    if (!solver)
      return failure("no solver: install z3, or name one");
    double limit = std::min(options.querySeconds, secondsLeft);
    if (limit <= 0)
      return failure("the time for all proofs is used up");
    double start = now();
    llvm::Expected<std::string> answer = solver->ask(script, limit);
    secondsLeft -= now() - start;
    return answer;
  }

  std::string version() {
    if (!versionText) {
      llvm::Expected<std::string> answer = ask("(get-info :name)\n"
                                               "(get-info :version)");
      if (!answer) {
        versionText = "";
        solverError = llvm::toString(answer.takeError());
      } else {
        // (:name "Z3") (:version "4.8.12")
        llvm::SmallVector<StringRef> parts;
        StringRef(*answer).split(parts, '"');
        versionText = parts.size() >= 4 ? (parts[1] + " " + parts[3]).str()
                                        : "a solver without a name";
      }
    }
    return *versionText;
  }

  void decide(const Obligation &obligation, Verdict &verdict);
  bool haveModel(const Obligation &obligation, const Elimination &elimination,
                 Verdict &verdict);

  ProverOptions options;
  VerdictCache cache;
  mlir::MLIRContext context;
  std::unique_ptr<SolverProcess> solver;
  double secondsLeft = 0;
  std::optional<std::string> versionText;
  std::string solverError;
  std::vector<Record> history;
  /// What this prover has decided, by hash.
  llvm::StringMap<VerdictCache::Entry> answered;
  /// Scripts of assumptions that were seen to have a model.
  llvm::StringSet<> consistent;
};

/// Whether the assumptions have a model; otherwise `verdict` says why not.
bool Prover::State::haveModel(const Obligation &obligation,
                              const Elimination &elimination,
                              Verdict &verdict) {
  if (obligation.assumptions.empty())
    return true;
  SearchOptions few;
  few.samples = 128;
  if (findModel(obligation, few))
    return true;
  mlir::FailureOr<std::string> script =
      toScript(&context, assertions(elimination, /*claim=*/false));
  if (mlir::failed(script)) {
    verdict.reason = "the assumptions cannot be written as SMT-LIB";
    return false;
  }
  if (consistent.contains(*script))
    return true;
  llvm::Expected<std::string> answer =
      ask("(reset)\n" + *script + "(get-info :reason-unknown)");
  if (!answer) {
    verdict.reason = "whether the assumptions have a model: " +
                     llvm::toString(answer.takeError());
    return false;
  }
  StringRef text = *answer;
  if (text.starts_with("sat")) {
    consistent.insert(*script);
    return true;
  }
  verdict.vacuous = text.starts_with("unsat");
  verdict.reason =
      verdict.vacuous ? "the assumptions contradict each other"
                      : "whether the assumptions have a model: " + whyNot(text);
  return false;
}

void Prover::State::decide(const Obligation &obligation, Verdict &verdict) {
  Elimination elimination = eliminate(obligation);
  mlir::FailureOr<std::string> script =
      toScript(&context, assertions(elimination, /*claim=*/true));
  if (mlir::failed(script)) {
    verdict.reason = "the obligation cannot be written as SMT-LIB";
    return;
  }
  verdict.script = withHeader(obligation, *script);
  std::string solverName = version();
  verdict.hash = VerdictCache::key(*script, solverName);
  if (solverName.empty()) {
    verdict.reason = solverError;
    return;
  }
  std::optional<VerdictCache::Entry> entry = cache.lookup(verdict.hash);
  if (auto it = answered.find(verdict.hash); !entry && it != answered.end())
    entry = it->second;
  if (entry) {
    verdict.cached = true;
    verdict.status = entry->proved ? Status::Proved : Status::Refuted;
    verdict.model = std::move(entry->model);
    return;
  }
  if (!haveModel(obligation, elimination, verdict))
    return;

  llvm::Expected<std::string> answer =
      ask("(reset)\n" + *script + "(get-info :reason-unknown)\n(get-model)");
  if (!answer) {
    verdict.reason = llvm::toString(answer.takeError());
    return;
  }
  StringRef text = *answer;
  if (text.starts_with("unsat")) {
    verdict.status = Status::Proved;
  } else if (text.starts_with("sat")) {
    verdict.status = Status::Refuted;
    verdict.model = parseModel(text);
  } else {
    verdict.reason = whyNot(text);
    return;
  }
  answered[verdict.hash] = {verdict.isProved(), verdict.model};
  cache.store(verdict.hash, answered[verdict.hash]);
}

Prover::Prover(ProverOptions options)
    : state(std::make_unique<State>(std::move(options))) {}
Prover::~Prover() = default;

Verdict Prover::prove(const Obligation &obligation) {
  double start = now();
  Verdict verdict;
  state->decide(obligation, verdict);
  if (verdict.status == Status::Refuted)
    if (std::optional<Assignment> point = findCounterexample(obligation))
      verdict.point = std::move(*point);
  verdict.seconds = now() - start;
  state->history.push_back(
      {obligation.name, obligation.rule, obligation.location, verdict});
  return verdict;
}

const std::vector<Prover::Record> &Prover::history() const {
  return state->history;
}
std::string Prover::solverVersion() { return state->version(); }
StringRef Prover::cacheRefusal() const { return state->cache.refusal(); }
unsigned Prover::solverStarts() const {
  return state->solver ? state->solver->starts() : 0;
}

} // namespace einfall::proof
