//===- Count.cpp - How many sectors an access comes to --------------------===//

#include "passes/Traffic/Count.h"

#include "passes/Traffic/Counter.h"
#include "passes/Traffic/Runs.h"

#include <algorithm>

using namespace einfall::traffic;

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
