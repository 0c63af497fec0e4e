//===- Count.h - How many sectors an access comes to ------------*- C++ -*-===//
//
// Turns an access (Walk.h) into a closed form: the sum, over all executions by
// a warp, of how many sectors of 32 bytes its lanes touch. Every step is an
// identity:
//
//   split     for a loop variable v and a condition a v + b >= 0, the range of
//   v is
//             cut where it holds for all lanes and inner rounds (the condition
//             goes), for none (nothing is left), and between; likewise at the
//             places where a minimum or a maximum changes sides
//   join      variables u in [0, a) and v that occur as u + a v alone are one
//   reduce    what is the same for all lanes matters modulo 32
//   multiply  by the number of rounds of a loop that nothing depends on
//   residues  an address that advances by c bytes repeats every 32 / gcd(32, c)
//             rounds: as many terms are summed, each times its rounds
//   fold      what depends on nothing but the lane is a number
//
// What is left are sums over rounds, mostly of blocks of rows under a mask.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_COUNT_H
#define EINFALL_PASSES_TRAFFIC_COUNT_H

#include "passes/Traffic/Walk.h"

namespace einfall::traffic {

/// Sectors that the accesses come to in the whole launch. Those that are runs
/// (Runs.h) are summed as runs.
Ref sectorsOf(const std::vector<const Access *> &accesses, Pool &pool);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_COUNT_H
