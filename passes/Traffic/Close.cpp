//===- Close.cpp - Sums of what is left of an access ----------------------===//

#include "passes/Traffic/Counter.h"

#include "passes/Traffic/Runs.h"

#include <algorithm>
#include <numeric>

using namespace einfall::traffic;

/// The variable of a sum over `body`. Sums over the same range have the same
/// one, so that equal sums are equal forms; those within each other do not.
Ref Counter::boundVariable(const std::string &name, Ref from, Ref to,
                           Ref body) {
  for (unsigned number = 0;; ++number) {
    auto [it, isNew] =
        pool.boundVariables.try_emplace({from, to, number}, nullptr);
    if (isNew)
      it->second = pool.variable(name, from, to);
    if (!pool.mentions(body, Pool::atomOf(it->second)))
      return it->second;
  }
}

/// A truth as a number.
static Ref oneIf(Ref truth, Pool &pool) {
  return pool.choice(truth, pool.one, pool.zero);
}

Ref Counter::closeRun(Piece piece) {
  Run run{{}, {}, piece.left, piece.most, piece.each};
  std::vector<Ref> factors, inside;
  for (const Divider &each : piece.conditions)
    (each.form->variables.empty() ? factors : inside)
        .push_back(oneIf(each.form, pool));
  // The sum so far: of the run times `inside`, times factors.
  Ref body = nullptr;
  if (!inside.empty()) {
    body = valueOf(run, pool);
    for (Ref each : inside)
      body = pool.mul(body, each);
  }
  for (size_t i = piece.loops.size(); i-- > 0;) {
    Ref loop = piece.loops[i];
    Ref dependent = pool.one;
    std::vector<Ref> apart;
    for (Ref factor : factors)
      if (factor->has(loop))
        dependent = pool.mul(dependent, factor);
      else
        apart.push_back(factor);
    bool inBody =
        body ? body->has(loop) : run.left->has(loop) || run.most->has(loop);
    if (dependent == pool.one && !inBody) {
      factors.push_back(rounds(loop));
      continue;
    }
    if (!body && dependent == pool.one && sumOver(run, loop, pool))
      continue;
    factors = apart;
    if (!body)
      body = valueOf(run, pool);
    body = pool.mul(dependent, body);
    Ref from = loop->operands[0], to = loop->operands[1];
    std::string name = loop->name.substr(0, loop->name.find('#'));
    Ref variable = boundVariable(name, from, to, body);
    body =
        pool.sum(variable, from, to, pool.substitute(body, {{loop, variable}}));
  }
  if (!body)
    body = valueOf(run, pool);
  for (Ref factor : factors)
    body = pool.mul(body, factor);
  return body;
}

/// u + a v as one variable, where u and v occur in no other way.
void Counter::join(Piece &piece) {
  for (bool again = true; again;) {
    again = false;
    for (unsigned i = 0; i < piece.loops.size() && !again; ++i)
      for (unsigned j = 0; j < piece.loops.size() && !again; ++j) {
        Ref u = piece.loops[i], v = piece.loops[j];
        Ref a = u->operands[1], b = v->operands[1];
        if (i == j || u->operands[0] != pool.zero ||
            v->operands[0] != pool.zero || a->has(v) || b->has(u) ||
            !(piece.address->has(u) && piece.address->has(v)))
          continue;
        bool bounds =
            std::any_of(piece.loops.begin(), piece.loops.end(), [&](Ref loop) {
              return loop->operands[0]->has(u) || loop->operands[0]->has(v) ||
                     loop->operands[1]->has(u) || loop->operands[1]->has(v);
            });
        if (bounds || !a->variables.empty() || !b->variables.empty())
          continue;
        Ref both = pool.variable("item", pool.zero, pool.mul(a, b));
        Substitution what{{u, pool.sub(both, pool.mul(a, pool.asInteger(v)))}};
        auto isJoined = [&](Ref form) {
          return !pool.substitute(form, what)->has(v);
        };
        if (!isJoined(piece.address) || !isJoined(piece.bytes) ||
            !std::all_of(piece.conditions.begin(), piece.conditions.end(),
                         [&](const Divider &d) { return isJoined(d.form); }))
          continue;
        substitute(piece, what);
        piece.loops[i] = Pool::atomOf(both);
        piece.loops.erase(piece.loops.begin() + j);
        again = true;
      }
  }
}

Ref einfall::traffic::reduced(Ref address, Pool &pool) {
  Ref result = pool.zero, lane = Pool::atomOf(pool.lane);
  for (const Term &term : address->terms) {
    bool isUniform = std::none_of(term.atoms.begin(), term.atoms.end(),
                                  [&](Ref atom) { return atom->has(lane); });
    int64_t coefficient = term.coefficient;
    if (isUniform) {
      coefficient %= sectorBytes;
      coefficient += coefficient < 0 ? sectorBytes : 0;
    }
    Ref product = pool.number(coefficient);
    for (Ref atom : term.atoms)
      product = pool.mul(product, pool.asInteger(atom));
    result = pool.add(result, product);
  }
  return result;
}

Ref Counter::close(Piece piece) {
  piece.address = reduced(piece.address, pool);
  join(piece);
  piece.address = reduced(piece.address, pool);
  Ref active = pool.yes;
  for (const Divider &each : piece.conditions)
    active = pool.both(active, each.form);
  Ref body = pool.sectors(active, piece.address, piece.bytes);
  auto none = [](const std::string &) { return std::optional<int64_t>(); };
  auto fold = [&](Ref form) {
    if (!form->variables.empty())
      return form;
    std::optional<int64_t> value = evaluate(form, pool, none);
    return value ? pool.number(*value) : form;
  };
  body = fold(body);
  std::vector<Ref> factors;
  std::vector<Ref> others; // what `body` depends on beside the address
  others = {active, piece.bytes};
  for (size_t i = piece.loops.size(); i-- > 0;) {
    Ref loop = piece.loops[i];
    // What the loop multiplies goes into a sum over it, the rest stays.
    Ref dependent = pool.one;
    std::vector<Ref> apart;
    for (Ref factor : factors)
      if (factor->has(loop))
        dependent = pool.mul(dependent, factor);
      else
        apart.push_back(factor);
    if (dependent == pool.one && !body->has(loop)) {
      factors.push_back(rounds(loop));
      continue;
    }
    factors = apart;
    Ref from = loop->operands[0], to = loop->operands[1];
    Ref a, b;
    int64_t period = 0;
    bool isPeriodic =
        dependent == pool.one &&
        std::none_of(others.begin(), others.end(),
                     [&](Ref other) { return other->has(loop); }) &&
        pool.isLinear(piece.address, loop, a, b) &&
        !a->has(Pool::atomOf(pool.lane));
    if (isPeriodic) {
      int64_t common = sectorBytes;
      for (const Term &term : a->terms)
        common = std::gcd(common, term.coefficient);
      period = sectorBytes / common;
    }
    Ref length = pool.sub(to, from);
    if (period && !(length->isConstant() && length->constant() <= period)) {
      // Rounds below x that leave r.
      Ref every = pool.number(period);
      Ref residue = boundVariable("residue", pool.zero, every, body);
      auto below = [&](Ref x) {
        return pool.quotient(
            pool.add(pool.sub(x, residue), pool.number(period - 1)), every);
      };
      Ref times = pool.maximum(pool.zero, pool.sub(below(to), below(from)));
      Ref each = pool.substitute(body, {{loop, residue}});
      body = fold(pool.sum(residue, pool.zero, every, pool.mul(times, each)));
      others.push_back(times);
      continue;
    }
    others.insert(others.end(), {from, to, dependent});
    body = pool.mul(dependent, body);
    std::string name = loop->name.substr(0, loop->name.find('#'));
    Ref variable = boundVariable(name, from, to, body);
    Substitution rename{{loop, variable}};
    body = fold(pool.sum(variable, from, to, pool.substitute(body, rename)));
  }
  for (Ref factor : factors)
    body = pool.mul(body, factor);
  return body;
}
