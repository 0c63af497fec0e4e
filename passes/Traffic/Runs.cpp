//===- Runs.cpp - Accesses that touch memory row by row -------------------===//

#include "passes/Traffic/Runs.h"

#include <algorithm>

using namespace einfall::traffic;

static std::optional<int64_t> noParameter(const std::string &) {
  return std::nullopt;
}

Ref einfall::traffic::valueOf(const Run &run, Pool &pool) {
  return pool.scale(pool.maximum(pool.zero, pool.minimum(run.left, run.most)),
                    run.each);
}

bool einfall::traffic::sumOver(Run &run, Ref loop, Pool &pool) {
  Ref a, b;
  if (run.most->has(loop) || !pool.isLinear(run.left, loop, a, b) ||
      !a->isConstant())
    return false;
  Ref from = loop->operands[0], to = loop->operands[1];
  if (pool.scale(a, -1) == run.most)
    run.left = pool.add(b, pool.mul(a, from)); // the first round comes first
  else if (a == run.most)
    run.left = pool.add(b, pool.mul(a, pool.sub(to, pool.one)));
  else
    return false;
  run.most = pool.mul(run.most, pool.maximum(pool.zero, pool.sub(to, from)));
  return true;
}

/// The part of `form` without the lane; nothing where the lane comes with
/// anything else.
static std::optional<Ref> withoutLane(Ref form, Pool &pool) {
  Ref lane = Pool::atomOf(pool.lane), rest = pool.zero;
  for (const Term &term : form->terms) {
    bool has = false;
    for (Ref atom : term.atoms)
      has |= atom->has(lane);
    if (!has) {
      Ref each = pool.number(term.coefficient);
      for (Ref atom : term.atoms)
        each = pool.mul(each, pool.asInteger(atom));
      rest = pool.add(rest, each);
      continue;
    }
    for (Ref atom : term.atoms)
      if (atom->variables.size() != 1 || atom->variables[0] != lane)
        return std::nullopt;
  }
  return rest;
}

std::optional<Run> einfall::traffic::runOf(const std::vector<Ref> &loops,
                                           const std::vector<Ref> &conditions,
                                           Ref address, Ref bytes, Pool &pool) {
  Ref lane = Pool::atomOf(pool.lane);
  auto isOfLane = [&](Ref form) {
    return std::all_of(form->variables.begin(), form->variables.end(),
                       [&](Ref v) { return v == lane; });
  };
  if (!isOfLane(address) || !isOfLane(bytes))
    return std::nullopt;
  Run run;
  run.loops = loops;
  Ref fixed = pool.yes, varying = nullptr;
  for (Ref condition : conditions) {
    if (!condition->has(lane))
      run.guards.push_back(condition);
    else if (isOfLane(condition) &&
             evaluate(pool.sectors(condition, pool.zero, pool.one), pool,
                      noParameter))
      fixed = pool.both(fixed, condition);
    else if (!varying && condition->kind == Kind::NotNegative)
      varying = condition->operands[0];
    else
      return std::nullopt;
  }
  auto sectors = [&](Ref active) {
    return evaluate(pool.sectors(pool.both(fixed, active), address, bytes),
                    pool, noParameter);
  };
  std::optional<int64_t> all = sectors(pool.yes);
  if (!all)
    return std::nullopt;
  run.each = *all;
  if (varying) {
    // A lane takes part where at least 0 is left: own(lane) + rest >= 0.
    std::optional<Ref> rest = withoutLane(varying, pool);
    if (!rest)
      return std::nullopt;
    Ref own = pool.sub(varying, *rest);
    if (own->low <= -unbounded || own->high >= unbounded ||
        own->high - own->low > 4096)
      return std::nullopt;
    // With x = rest + own.high + 1 left, lanes with own > own.high - x do.
    int64_t length = own->high - own->low + 1;
    std::optional<int64_t> first;
    for (int64_t x = 0; x <= length; ++x) {
      Ref active =
          pool.notNegative(pool.add(own, pool.number(x - 1 - own->high)));
      std::optional<int64_t> count = sectors(active);
      if (!count)
        return std::nullopt;
      if (x == 1)
        first = count;
      if (*count != (x ? x * *first : 0))
        return std::nullopt;
    }
    run.each = *first;
    run.left = pool.add(*rest, pool.number(own->high + 1));
    run.most = pool.number(length);
  } else {
    // One row each, where a guard counts them.
    auto counts =
        std::find_if(run.guards.begin(), run.guards.end(), [&](Ref guard) {
          if (guard->kind != Kind::NotNegative)
            return false;
          return std::any_of(loops.begin(), loops.end(), [&](Ref loop) {
            Ref a, b;
            return pool.isLinear(guard->operands[0], loop, a, b) &&
                   (a == pool.one || a == pool.number(-1)) &&
                   pool.sub(loop->operands[1], loop->operands[0])->isConstant();
          });
        });
    run.left = pool.one;
    run.most = pool.one;
    if (counts != run.guards.end()) {
      run.left = pool.add((*counts)->operands[0], pool.one);
      run.guards.erase(counts);
    }
  }
  // Loops of the warps and rows of a block.
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < run.loops.size(); ++i) {
      Ref loop = run.loops[i];
      auto mentions = [&](Ref form) { return form->has(loop); };
      bool isFree =
          loop->operands[0]->isConstant() && loop->operands[1]->isConstant() &&
          run.left->has(loop) &&
          std::none_of(run.guards.begin(), run.guards.end(), mentions) &&
          std::none_of(run.loops.begin(), run.loops.end(), [&](Ref other) {
            return other != loop && (mentions(other->operands[0]) ||
                                     mentions(other->operands[1]));
          });
      if (!isFree || !sumOver(run, loop, pool))
        continue;
      run.loops.erase(run.loops.begin() + i);
      again = true;
      break;
    }
  }
  return run;
}

std::vector<Run> einfall::traffic::joined(std::vector<Run> runs, Pool &pool) {
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < runs.size() && !again; ++i)
      for (size_t j = 0; j < runs.size() && !again; ++j) {
        if (i == j || !runs[i].isSame(runs[j]) ||
            runs[j].left != pool.sub(runs[i].left, runs[i].most) ||
            runs[i].most->low < 0 || runs[j].most->low < 0)
          continue;
        runs[i].most = pool.add(runs[i].most, runs[j].most);
        runs.erase(runs.begin() + j);
        again = true;
      }
  }
  return runs;
}
