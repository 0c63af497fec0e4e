//===- Count.cpp - How many sectors an access comes to --------------------===//

#include "passes/Traffic/Count.h"

#include "passes/Traffic/Runs.h"

#include <algorithm>
#include <numeric>

using namespace einfall::traffic;

/// Loads and stores are counted in sectors of so many bytes.
static constexpr int64_t sectorBytes = 32;

namespace {

/// Something that ranges are split by, and how many loops have been.
struct Divider {
  Ref form;
  unsigned done = 0;
};

struct Piece {
  std::vector<Ref> loops; ///< atoms
  std::vector<Divider> conditions;
  /// Minima, maxima and choices in the address, the bytes and the conditions.
  std::vector<Divider> turns;
  Ref address, bytes;
  /// Where it is a run (Runs.h): these instead of the address; else `each` is
  /// 0.
  Ref left = nullptr, most = nullptr;
  int64_t each = 0;
  /// Forms that someone follows through substitutions.
  std::vector<Ref> followed;
};

class Counter {
public:
  explicit Counter(Pool &pool) : pool(pool) {}
  Ref count(const std::vector<const Access *> &accesses);

private:
  Piece pieceOf(const Access &access);
  Ref closeRun(Piece piece);
  Ref split(Piece piece);
  std::optional<Ref> splitBy(const Piece &piece, unsigned number, Ref amount,
                             const std::function<Piece(Piece, int)> &become);
  std::optional<Ref> splitZero(const Piece &piece, size_t which,
                               unsigned number);
  bool narrow(Piece &piece, unsigned number, Ref from, Ref to);
  void substitute(Piece &piece, Substitution what);
  void findTurns(Piece &piece);
  bool simplify(Piece &piece);
  void join(Piece &piece);
  Ref close(Piece piece);
  std::vector<Ref> inner(const Piece &piece, unsigned number) const;
  Ref boundVariable(const std::string &name, Ref from, Ref to, Ref body);
  Ref rounds(Ref loop) {
    return pool.maximum(pool.zero,
                        pool.sub(loop->operands[1], loop->operands[0]));
  }

  Pool &pool;
};

} // namespace

static Ref reduced(Ref address, Pool &pool);

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

std::vector<Ref> Counter::inner(const Piece &piece, unsigned number) const {
  std::vector<Ref> over(piece.loops.begin() + number + 1, piece.loops.end());
  over.push_back(pool.lane);
  return over;
}

/// Ranges are part of what is substituted in: a variable whose range changes
/// becomes another one.
void Counter::substitute(Piece &piece, Substitution what) {
  for (Ref &loop : piece.loops) {
    Ref from = pool.substitute(loop->operands[0], what);
    Ref to = pool.substitute(loop->operands[1], what);
    if (from == loop->operands[0] && to == loop->operands[1])
      continue;
    std::string name = loop->name.substr(0, loop->name.find('#'));
    Ref fresh = pool.variable(name, from, to);
    what[loop] = fresh;
    loop = Pool::atomOf(fresh);
  }
  for (std::vector<Divider> *list : {&piece.conditions, &piece.turns})
    for (Divider &each : *list)
      each.form = pool.substitute(each.form, what);
  piece.address = pool.substitute(piece.address, what);
  piece.bytes = pool.substitute(piece.bytes, what);
  if (piece.each) {
    piece.left = pool.substitute(piece.left, what);
    piece.most = pool.substitute(piece.most, what);
  }
  for (Ref &each : piece.followed)
    each = pool.substitute(each, what);
}

/// Cuts the range of a loop; false where nothing is left of it.
bool Counter::narrow(Piece &piece, unsigned number, Ref from, Ref to) {
  Ref loop = piece.loops[number];
  if (from == loop->operands[0] && to == loop->operands[1])
    return true;
  if (pool.isNotNegative(pool.sub(from, to)))
    return false;
  std::string name = loop->name.substr(0, loop->name.find('#'));
  Ref fresh = pool.variable(name, from, to);
  piece.loops[number] = Pool::atomOf(fresh);
  std::vector<Ref> outer(piece.loops.begin(), piece.loops.begin() + number + 1);
  piece.loops.erase(piece.loops.begin(), piece.loops.begin() + number + 1);
  substitute(piece, {{loop, fresh}});
  piece.loops.insert(piece.loops.begin(), outer.begin(), outer.end());
  return true;
}

/// Splits loop `number` at where `amount` becomes at least 0. `become` says
/// what a piece is where it never is (-1), may be (0), always is (1); a piece
/// with an address of null counts nothing. Nothing where amount is not linear.
std::optional<Ref>
Counter::splitBy(const Piece &piece, unsigned number, Ref amount,
                 const std::function<Piece(Piece, int)> &become) {
  Ref loop = piece.loops[number], a, b;
  if (!pool.isLinear(amount, loop, a, b) || !a->isConstant() || !a->constant())
    return std::nullopt;
  std::vector<Ref> over = inner(piece, number);
  Ref least = pool.least(b, over), most = pool.greatest(b, over);
  if (!least || !most)
    return std::nullopt;
  // Ranges of inner loops may begin and end at this one's variable.
  if (pool.mentions(least, loop) || pool.mentions(most, loop))
    return std::nullopt;
  int64_t by = a->constant();
  Ref from = loop->operands[0], to = loop->operands[1];
  auto within = [&](Ref x) { return pool.maximum(from, pool.minimum(x, to)); };
  Ref total = pool.zero;
  auto add = [&](int where, Ref low, Ref high) {
    Piece part = piece;
    if (!narrow(part, number, low, high))
      return;
    part = become(std::move(part), where);
    if (part.address)
      total = pool.add(total, split(std::move(part)));
  };
  if (by > 0) {
    // v >= -least / by: always; v < -most / by: never.
    Ref step = pool.number(by);
    Ref always = within(pool.ceil(pool.scale(least, -1), step));
    Ref maybe = within(pool.ceil(pool.scale(most, -1), step));
    add(-1, from, maybe);
    add(0, maybe, always);
    add(1, always, to);
  } else {
    Ref step = pool.number(-by);
    Ref always = within(pool.add(pool.quotient(least, step), pool.one));
    Ref maybe = within(pool.add(pool.quotient(most, step), pool.one));
    add(1, from, always);
    add(0, always, maybe);
    add(-1, maybe, to);
  }
  return total;
}

/// Splits by a condition x = 0, which narrows the range.
std::optional<Ref> Counter::splitZero(const Piece &piece, size_t which,
                                      unsigned number) {
  Ref loop = piece.loops[number], a, b;
  Ref amount = piece.conditions[which].form->operands[0];
  if (!pool.isLinear(amount, loop, a, b) || !a->isConstant() || !a->constant())
    return std::nullopt;
  if (a->constant() < 0) {
    a = pool.scale(a, -1);
    b = pool.scale(b, -1);
  }
  std::vector<Ref> over = inner(piece, number);
  Ref least = pool.least(b, over), most = pool.greatest(b, over);
  if (!least || !most)
    return std::nullopt;
  Ref from = loop->operands[0], to = loop->operands[1];
  Ref low = pool.maximum(from, pool.ceil(pool.scale(most, -1), a));
  Ref high = pool.minimum(
      to, pool.add(pool.quotient(pool.scale(least, -1), a), pool.one));
  Piece part = piece;
  part.conditions[which].done = number + 1;
  if (least == most && a == pool.one)
    part.conditions[which].form = pool.yes;
  if (!narrow(part, number, low, high))
    return pool.zero;
  return split(std::move(part));
}

static void collectTurns(Ref form, std::vector<Ref> &to) {
  if (form->variables.empty())
    return;
  if (form->kind == Kind::Minimum || form->kind == Kind::Maximum ||
      form->kind == Kind::Choice) {
    if (std::find(to.begin(), to.end(), form) == to.end())
      to.push_back(form);
  }
  for (const Term &term : form->terms)
    for (Ref atom : term.atoms)
      collectTurns(atom, to);
  for (Ref operand : form->operands)
    if (form->kind != Kind::Variable)
      collectTurns(operand, to);
}

void Counter::findTurns(Piece &piece) {
  std::vector<Ref> found;
  collectTurns(piece.address, found);
  collectTurns(piece.bytes, found);
  for (const Divider &each : piece.conditions)
    collectTurns(each.form, found);
  std::vector<Divider> turns;
  for (Ref form : found) {
    Divider turn{form};
    for (const Divider &old : piece.turns)
      if (Pool::atomOf(old.form) == form)
        turn.done = old.done;
    turns.push_back(turn);
  }
  piece.turns = std::move(turns);
}

/// Drops conditions that hold and loops of one round; false where nothing
/// counts.
bool Counter::simplify(Piece &piece) {
  for (bool again = true; again;) {
    again = false;
    std::vector<Divider> kept;
    for (const Divider &each : piece.conditions) {
      if (each.form == pool.no)
        return false;
      if (each.form->kind == Kind::And) {
        again = true;
        for (Ref operand : each.form->operands)
          kept.push_back({operand, each.done});
      } else if (each.form != pool.yes &&
                 std::none_of(kept.begin(), kept.end(), [&](const Divider &o) {
                   return o.form == each.form;
                 })) {
        kept.push_back(each);
      }
    }
    piece.conditions = std::move(kept);
    for (unsigned i = 0; i < piece.loops.size() && !again; ++i) {
      Ref loop = piece.loops[i];
      if (pool.sub(loop->operands[1], loop->operands[0]) != pool.one)
        continue;
      piece.loops.erase(piece.loops.begin() + i);
      for (std::vector<Divider> *list : {&piece.conditions, &piece.turns})
        for (Divider &each : *list)
          each.done -= each.done > i;
      substitute(piece, {{loop, loop->operands[0]}});
      again = true;
    }
  }
  return true;
}

Ref Counter::split(Piece piece) {
  if (!simplify(piece))
    return pool.zero;
  findTurns(piece);
  Ref lane = Pool::atomOf(pool.lane);
  for (unsigned i = 0; i < piece.loops.size(); ++i) {
    Ref loop = piece.loops[i];
    for (size_t which = 0; which < piece.conditions.size(); ++which) {
      Divider &each = piece.conditions[which];
      if (each.done > i || !each.form->has(loop))
        continue;
      each.done = i + 1;
      if (each.form->kind == Kind::NotNegative) {
        auto result = splitBy(piece, i, each.form->operands[0],
                              [&](Piece part, int where) {
                                if (where > 0)
                                  part.conditions[which].form = pool.yes;
                                if (where < 0)
                                  part.address = nullptr;
                                return part;
                              });
        if (result)
          return *result;
      } else if (each.form->kind == Kind::Zero) {
        if (auto result = splitZero(piece, which, i))
          return *result;
      } else if (!each.form->has(lane)) {
        // The same for all lanes: counts add up.
        Ref truth = each.form;
        if (truth->kind == Kind::Or) {
          Piece first = piece, second = piece;
          first.conditions[which] = {truth->operands[0]};
          second.conditions[which] = {truth->operands[1]};
          second.conditions.push_back({pool.negate(truth->operands[0])});
          return pool.add(split(first), split(second));
        }
        if (truth->kind == Kind::Not &&
            truth->operands[0]->kind == Kind::Zero) {
          Piece all = piece, some = piece;
          all.conditions[which].form = pool.yes;
          some.conditions[which] = {truth->operands[0]};
          return pool.sub(split(all), split(some));
        }
      }
    }
    for (size_t which = 0; which < piece.turns.size(); ++which) {
      Divider &each = piece.turns[which];
      if (each.done > i || !each.form->has(loop))
        continue;
      each.done = i + 1;
      // It is `low` while `amount` is negative, else `high`.
      Ref x = each.form->operands[0], y = each.form->operands[1];
      Ref amount = pool.sub(y, x), high = x, low = y;
      if (each.form->kind == Kind::Maximum)
        std::swap(low, high);
      if (each.form->kind == Kind::Choice) {
        if (x->kind != Kind::NotNegative)
          continue;
        amount = x->operands[0];
        high = y;
        low = each.form->operands[2];
      }
      Piece followed = piece;
      followed.followed = {each.form, low, high};
      auto result = splitBy(followed, i, amount, [&](Piece part, int where) {
        Ref turn = part.followed[0], chosen = part.followed[where > 0 ? 2 : 1];
        part.followed.clear();
        turn = Pool::atomOf(turn);
        if (!where || !turn || turn->kind == Kind::Polynomial)
          return part; // open, or decided by now
        Substitution what{{turn, chosen}};
        part.address = pool.substitute(part.address, what);
        part.bytes = pool.substitute(part.bytes, what);
        for (Divider &other : part.conditions)
          other.form = pool.substitute(other.form, what);
        return part;
      });
      if (result)
        return *result;
    }
  }
  return piece.each ? closeRun(std::move(piece)) : close(std::move(piece));
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

/// Drops what is a multiple of 32 for all lanes alike.
static Ref reduced(Ref address, Pool &pool) {
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

Piece Counter::pieceOf(const Access &access) {
  Piece piece;
  // Variables that were split are the digits that they became.
  std::vector<Ref> open(access.loops.rbegin(), access.loops.rend());
  while (!open.empty()) {
    Ref loop = Pool::atomOf(open.back());
    open.pop_back();
    auto it = pool.definitions().find(loop);
    if (it == pool.definitions().end()) {
      piece.loops.push_back(loop);
      continue;
    }
    for (Ref digit : it->second->variables)
      open.push_back(pool.asInteger(digit));
  }
  piece.conditions = {{pool.resolve(access.active)}};
  piece.address = pool.resolve(access.address);
  piece.bytes = pool.resolve(access.bytes);
  return piece;
}

Ref Counter::count(const std::vector<const Access *> &accesses) {
  Ref total = pool.zero;
  std::vector<Run> runs;
  for (const Access *access : accesses) {
    Piece piece = pieceOf(*access);
    bool isResolved =
        std::none_of(piece.loops.begin(), piece.loops.end(), [&](Ref loop) {
          return pool.resolve(loop->operands[0]) != loop->operands[0] ||
                 pool.resolve(loop->operands[1]) != loop->operands[1];
        });
    if (isResolved) {
      if (!simplify(piece))
        continue;
      std::vector<Ref> conditions;
      for (const Divider &each : piece.conditions)
        conditions.push_back(each.form);
      auto run = runOf(piece.loops, conditions, reduced(piece.address, pool),
                       piece.bytes, pool);
      if (run && run->each) {
        runs.push_back(std::move(*run));
        continue;
      }
      if (run)
        continue;
    }
    // Ranges may name variables that were split since.
    substitute(piece, pool.definitions());
    total = pool.add(total, split(std::move(piece)));
  }
  for (Run &run : joined(std::move(runs), pool)) {
    Piece piece;
    piece.loops = run.loops;
    for (Ref guard : run.guards)
      piece.conditions.push_back({guard});
    piece.address = piece.bytes = pool.zero;
    piece.left = run.left;
    piece.most = run.most;
    piece.each = run.each;
    total = pool.add(total, split(std::move(piece)));
  }
  return total;
}

Ref einfall::traffic::sectorsOf(const std::vector<const Access *> &accesses,
                                Pool &pool) {
  return Counter(pool).count(accesses);
}
