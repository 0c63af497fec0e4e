//===- Report.cpp - What the compiler did with a kernel -------------------===//

#include "frontend/driver/Report.h"

#include "llvm/Support/Format.h"
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
  return Object{
      {"kernel", report.kernel},
      {"passes", std::move(passes)},
      {"rules", std::move(rules)},
      {"obligations", std::move(obligations)},
      {"plan",
       Object{{"kind", report.planKind}, {"details", std::move(details)}}},
  };
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
  if (!report.obligations.empty())
    os << "  obligations\n";
  for (const ObligationReport &obligation : report.obligations)
    os << "    " << obligation.verdict << "  " << obligation.hash.substr(0, 12)
       << "  " << llvm::format("%.3f s", obligation.seconds)
       << (obligation.cached ? " (cached)" : "") << "  " << obligation.name
       << "\n";
  os << "  plan: " << report.planKind << "\n";
  for (const auto &[key, value] : report.plan)
    os << "    " << key << ": " << value << "\n";
}
