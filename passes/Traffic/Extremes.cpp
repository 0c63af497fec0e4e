//===- Extremes.cpp - The ends of what a form may be ----------------------===//

#include "passes/Traffic/Index.h"

#include "passes/Traffic/Terms.h"

#include <algorithm>

using namespace einfall::traffic;

bool Pool::isLinear(Ref form, Ref variable, Ref &a, Ref &b) {
  variable = atomOf(variable);
  Terms factor, rest;
  for (const Term &term : form->terms) {
    Monomial others;
    unsigned times = 0;
    for (Ref atom : term.atoms) {
      if (atom == variable)
        ++times;
      else if (atom->has(variable))
        return false;
      else
        others.push_back(atom);
    }
    if (times > 1)
      return false;
    (times ? factor : rest)[times ? others : term.atoms] += term.coefficient;
  }
  a = polynomial(factor);
  b = polynomial(rest);
  return true;
}

Ref Pool::extreme(Ref form, const std::vector<Ref> &over, bool greatest) {
  auto isOver = [&](Ref atom) {
    return atom->hasUnknown ||
           std::any_of(over.begin(), over.end(),
                       [&](Ref v) { return atom->has(atomOf(v)); });
  };
  if (!isOver(form))
    return form;
  // Atoms that are no variables first.
  for (const Term &term : form->terms)
    for (Ref each : term.atoms) {
      if (each->kind == Kind::Variable || !isOver(each))
        continue;
      Ref a, b;
      Terms factor, rest;
      for (const Term &other : form->terms) {
        Monomial others = other.atoms;
        auto it = std::find(others.begin(), others.end(), each);
        if (it == others.end()) {
          rest[other.atoms] += other.coefficient;
          continue;
        }
        others.erase(it);
        if (std::find(others.begin(), others.end(), each) != others.end())
          return nullptr;
        factor[others] += other.coefficient;
      }
      a = polynomial(factor);
      b = polynomial(rest);
      bool up = greatest;
      if (a->low >= 0)
        ;
      else if (a->high <= 0)
        up = !greatest;
      else
        return nullptr;
      Ref end = nullptr;
      if (each->kind == Kind::Minimum || each->kind == Kind::Maximum) {
        Ref x = extreme(each->operands[0], over, up);
        Ref y = extreme(each->operands[1], over, up);
        bool isLeast = each->kind == Kind::Minimum;
        if (x && y)
          end = isLeast ? minimum(x, y) : maximum(x, y);
        else if (isLeast == up) // one of them bounds it
          end = x ? x : y;
      } else if (each->kind == Kind::Quotient && !isOver(each->operands[1]) &&
                 each->operands[1]->low > 0) {
        if (Ref x = extreme(each->operands[0], over, up))
          end = quotient(x, each->operands[1]);
      }
      int64_t numeric = up ? each->high : each->low;
      if (!end && numeric > -unbounded && numeric < unbounded)
        end = number(numeric);
      if (!end)
        return nullptr;
      return extreme(add(mul(a, end), b), over, greatest);
    }
  // Then variables, the newest first, as ranges depend on older ones.
  Ref newest = nullptr;
  for (Ref v : form->variables)
    if (isOver(v) && (!newest || v->age > newest->age))
      newest = v;
  Ref a, b;
  if (!newest || !isLinear(form, newest, a, b))
    return nullptr;
  bool up = greatest;
  if (a->low >= 0)
    ;
  else if (a->high <= 0)
    up = !greatest;
  else
    return nullptr;
  Ref end = up ? sub(newest->operands[1], one) : newest->operands[0];
  return extreme(add(mul(a, end), b), over, greatest);
}

bool Pool::isNotNegative(Ref form) {
  if (form->low >= 0)
    return true;
  if (form->high < 0)
    return false;
  if (Ref bound = withoutQuotients(form); bound->low >= 0)
    return true;
  if (form->variables.empty())
    return false;
  Ref end = extreme(form, form->variables, false);
  return end && end->low >= 0;
}

/// c (x / c) as a lower bound of it: x - c + 1 where it is added, x where it is
/// taken away.
Ref Pool::withoutQuotients(Ref form) {
  Ref result = zero;
  for (const Term &term : form->terms) {
    Ref each = polynomial({{term.atoms, term.coefficient}});
    Ref atom = term.atoms.size() == 1 ? term.atoms[0] : nullptr;
    if (atom && atom->kind == Kind::Quotient &&
        atom->operands[1]->isConstant() && atom->operands[1]->low > 0 &&
        term.coefficient % atom->operands[1]->constant() == 0) {
      int64_t c = atom->operands[1]->constant();
      Ref x = atom->operands[0];
      if (term.coefficient > 0)
        x = add(x, number(1 - c));
      each = scale(x, term.coefficient / c);
    }
    result = add(result, each);
  }
  return result;
}
