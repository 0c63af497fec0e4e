//===- CheckSchedule.cpp - What a schedule moves, derived again -----------===//

#include "passes/Certificate/Checker.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>

namespace einfall::certificate {

static std::string entry(const std::string &path, size_t i) {
  return path + "[" + std::to_string(i) + "]";
}

/// What is to stay in a memory is no more than a unit has of it.
void Checker::checkFit(Path path, const Boundary &boundary,
                       ScheduleTraffic::Fit &fit) {
  auto memory = std::find_if(boundary.inside.begin(), boundary.inside.end(),
                             [&](const Boundary::Memory &inside) {
                               return inside.memory == fit.memory;
                             });
  if (memory == boundary.inside.end())
    return problem(path + ".memory",
                   "no memory '" + fit.memory + "' is inside");
  mpz_class bytes = 0;
  for (const ScheduleTraffic::Fit::Kept &kept : fit.keeps)
    bytes += toInteger(kept.bytes);
  expect(path + ".bytes", fit.bytes, bytes);
  if (bytes > toInteger(memory->bytes))
    problem(path + ".bytes", "what is to stay takes " + text(bytes) +
                                 " bytes, and " + fit.memory + " has " +
                                 std::to_string(memory->bytes));
}

void Checker::checkSchedule(Path path, Boundary &boundary) {
  ScheduleTraffic &schedule = *boundary.schedule;
  Environment environment;
  for (const auto &[rank, extent] : certificate.extents)
    environment.extents[rank] = toInteger(extent);
  mpz_class total = 0, asked = 0;
  for (size_t i = 0; i < schedule.terms.size(); ++i) {
    const ScheduleTraffic::Term &term = schedule.terms[i];
    std::string at = entry(path + ".schedule.terms", i);
    Result<mpz_class> times = term.times.evaluate(environment);
    if (!times)
      return problem(at + ".times", times.error());
    if (*times < 0)
      return problem(at + ".times", "is " + times->get_str());
    mpz_class moved = *times * toInteger(term.bytes);
    total += moved;
    if (!term.asked)
      continue;
    Result<mpz_class> wanted = term.asked->evaluate(environment);
    if (!wanted)
      return problem(at + ".asked", wanted.error());
    if (*wanted < moved)
      problem(at + ".asked", text(*wanted) + " bytes are asked for, and " +
                                 text(moved) + " are moved");
    asked += *wanted;
  }
  expect(path + ".schedule.total", schedule.total, total);
  if (schedule.hasAsked())
    expect(path + ".schedule.asked", schedule.asked, asked);
  for (size_t i = 0; i < schedule.fits.size(); ++i)
    checkFit(entry(path + ".schedule.fits", i), boundary, schedule.fits[i]);
  if (total < boundary.lowerBytes)
    problem(path + ".schedule.total", "a schedule that moves " + text(total) +
                                          " bytes is below the bound of " +
                                          text(boundary.lowerBytes));
  if (boundary.lowerBytes <= 0)
    return;
  mpq_class ratio(total, boundary.lowerBytes);
  ratio.canonicalize();
  expect(path + ".ratio", boundary.ratio, ratio);
}

} // namespace einfall::certificate
