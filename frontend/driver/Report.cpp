//===- Report.cpp - What the compiler did with a kernel -------------------===//

#include "frontend/driver/Report.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall::driver;
using llvm::json::Array;
using llvm::json::Object;

static Array toJson(const std::vector<ChainLink> &chain) {
  Array list;
  for (const ChainLink &link : chain)
    list.push_back(Object{{"pass", link.pass},
                          {"name", link.name},
                          {"what", link.what},
                          {"place", link.place}});
  return list;
}

llvm::json::Value einfall::driver::toJson(const KernelReport &report) {
  Array passes, rules, obligations;
  for (const RankReport &rank : report.passes)
    passes.push_back(Object{{"rank", rank.rank},
                            {"written", rank.written},
                            {"derived", rank.derived},
                            {"chain", ::toJson(rank.chain)},
                            {"derivedChain", ::toJson(rank.derivedChain)}});
  for (const RuleReport &rule : report.rules)
    rules.push_back(Object{{"rule", rule.rule},
                           {"applied", rule.applied},
                           {"place", rule.place},
                           {"text", rule.text}});
  for (const ObligationReport &obligation : report.obligations)
    obligations.push_back(Object{{"name", obligation.name},
                                 {"rule", obligation.rule},
                                 {"place", obligation.place},
                                 {"hash", obligation.hash},
                                 {"verdict", obligation.verdict},
                                 {"seconds", obligation.seconds},
                                 {"cached", obligation.cached}});
  Object details;
  for (const auto &[key, value] : report.plan)
    details[key] = value;
  Object result{
      {"kernel", report.kernel},
      {"passes", std::move(passes)},
      {"rules", std::move(rules)},
      {"obligations", std::move(obligations)},
      {"plan",
       Object{{"kind", report.planKind}, {"details", std::move(details)}}},
  };
  if (report.choice)
    result["choice"] = *report.choice;
  return result;
}

static void printChain(llvm::raw_ostream &os, const char *title,
                       const std::vector<ChainLink> &chain) {
  if (chain.empty())
    return;
  os << "    " << title << "\n";
  for (const ChainLink &link : chain) {
    os << "      pass " << link.pass << ": ";
    if (!link.name.empty())
      os << link.name << " = ";
    os << link.what;
    if (!link.place.empty())
      os << "  (" << link.place << ")";
    os << "\n";
  }
}

/// What an obligation says, by its rule.
static llvm::StringRef meaningOf(llvm::StringRef rule) {
  return llvm::StringSwitch<llvm::StringRef>(rule)
      .Case("R2 act", "sums move to another reference without a loss")
      .Case("R2 step", "a step adds what the term as written adds")
      .Case("R2 combine", "parts of the stream join in any grouping")
      .Case("R2 range", "no exponential exceeds 1: nothing overflows")
      .Case("R1 separate", "a term is what enters, finished")
      .Case("R5 separate", "a term is what enters, finished")
      .Case("R1 final", "finishing once at the end is finishing every term")
      .Case("R1 domain", "what enters is there exactly where the term is")
      .Case("R1 guard", "a row with something in it gets its result")
      .Case("R1 empty", "a row with nothing in it gets 0, or is absent")
      .Case("R3 member", "what enters is the term as written")
      .Case("R3 rewrite", "a field written anew has the same values")
      .Case("R3 guard", "a field written anew is there where it was")
      .Case("R5 positive", "what is divided by is positive")
      .Case("regions full", "in a full tile every element is unmasked")
      .Case("regions empty", "in an empty tile every element is masked")
      .Case("regions walk", "all that is unmasked lies in the tiles walked")
      .Case("regions bounds", "so for each alternative of the mask")
      .Case("regions inner", "within its inner bounds nothing is masked")
      .Default("");
}

/// Equal ones on one line, with their number; what is not proved with its name.
static void printObligations(llvm::raw_ostream &os,
                             const std::vector<ObligationReport> &list) {
  if (list.empty())
    return;
  double seconds = 0;
  bool cached = true;
  struct Group {
    llvm::StringRef rule, verdict;
    std::vector<const ObligationReport *> members;
  };
  std::vector<Group> groups;
  for (const ObligationReport &obligation : list) {
    seconds += obligation.seconds;
    cached &= obligation.cached;
    auto found = llvm::find_if(groups, [&](const Group &group) {
      return group.rule == obligation.rule &&
             group.verdict == obligation.verdict;
    });
    if (found == groups.end())
      found = groups.insert(groups.end(),
                            {obligation.rule, obligation.verdict, {}});
    found->members.push_back(&obligation);
  }
  os << "  obligations: statements on which the rules rely, for Z3 to prove; "
        "what it does not prove is not used\n"
     << llvm::format("    %zu in %.3f s%s; --json lists each\n", list.size(),
                     seconds, cached ? " (cached)" : "");
  for (const Group &group : groups) {
    os << "    " << llvm::left_justify(group.verdict, 7) << "  "
       << llvm::left_justify(group.rule, 14) << " x "
       << llvm::left_justify(std::to_string(group.members.size()), 2) << "  "
       << meaningOf(group.rule) << "\n";
    if (group.verdict != "proved" && group.verdict != "skipped")
      for (const ObligationReport *one : group.members)
        os << "      " << one->name << "  (" << one->place << ")\n";
  }
}

void einfall::driver::print(llvm::raw_ostream &os, const KernelReport &report) {
  os << "kernel " << report.kernel << "\n";
  for (const RankReport &rank : report.passes) {
    os << "  rank " << rank.rank << ": " << rank.written
       << (rank.written == 1 ? " pass" : " passes") << " as written, "
       << rank.derived << " derived\n";
    if (rank.written > 1)
      printChain(os, "as written, because", rank.chain);
    if (rank.derived > 1)
      printChain(os, "derived, because", rank.derivedChain);
  }
  if (!report.rules.empty())
    os << "  rules\n";
  for (const RuleReport &rule : report.rules) {
    os << "    ";
    if (!llvm::StringRef(rule.text).starts_with(rule.rule))
      os << (rule.applied ? "" : "not ") << rule.rule << ": ";
    os << rule.text;
    if (!rule.place.empty())
      os << "  (" << rule.place << ")";
    os << "\n";
  }
  printObligations(os, report.obligations);
  os << "  plan: " << report.planKind << "\n";
  for (const auto &[key, value] : report.plan)
    os << "    " << key << ": " << value << "\n";
}
