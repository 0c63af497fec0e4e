//===- Truths.cpp - Conditions on forms -----------------------------------===//

#include "passes/Traffic/Index.h"

#include "passes/Traffic/Terms.h"

using namespace einfall::traffic;

Ref Pool::truthOf(Kind kind, std::vector<Ref> operands, std::string name) {
  Form form{kind};
  form.operands = std::move(operands);
  form.name = std::move(name);
  form.low = 0;
  form.high = 1;
  return make(std::move(form));
}

Ref Pool::unknownTruth(const std::string &source) {
  return truthOf(Kind::UnknownTruth, {},
                 source + "#" + std::to_string(forms.size()));
}

Ref Pool::notNegative(Ref a) {
  if (a->low >= 0 || isNotNegative(a))
    return yes;
  if (a->high < 0 || isNotNegative(sub(number(-1), a)))
    return no;
  // A choice between numbers, compared with a number.
  Ref inner = nullptr;
  int64_t offset = 0;
  for (const Term &term : a->terms)
    if (term.atoms.empty())
      offset = term.coefficient;
    else if (!inner && term.coefficient == 1 && term.atoms.size() == 1 &&
             term.atoms[0]->kind == Kind::Choice)
      inner = term.atoms[0];
    else
      inner = zero;
  if (inner && inner != zero) {
    auto arm = [&](int i) {
      return notNegative(add(inner->operands[i], number(offset)));
    };
    return either(both(inner->operands[0], arm(1)),
                  both(negate(inner->operands[0]), arm(2)));
  }
  return truthOf(Kind::NotNegative, {a});
}

Ref Pool::isZero(Ref a) {
  if (a == zero)
    return yes;
  if (a->low > 0 || a->high < 0)
    return no;
  // A truth as a number, compared with a number.
  Terms terms = termsOf(a);
  int64_t constant = terms[Monomial()];
  terms.erase(Monomial());
  if (terms.size() == 1) {
    auto &[atoms, coefficient] = *terms.begin();
    if (atoms.size() == 1 && atoms[0]->kind == Kind::Choice) {
      auto arm = [&](int i) {
        return isZero(
            add(scale(atoms[0]->operands[i], coefficient), number(constant)));
      };
      Ref truth = atoms[0]->operands[0];
      return either(both(truth, arm(1)), both(negate(truth), arm(2)));
    }
  }
  if (a->terms.front().coefficient < 0)
    a = scale(a, -1);
  return truthOf(Kind::Zero, {a});
}

Ref Pool::negate(Ref a) {
  if (a == yes || a == no)
    return truth(a == no);
  if (a->kind == Kind::Not)
    return a->operands[0];
  if (a->kind == Kind::NotNegative)
    return notNegative(sub(number(-1), a->operands[0]));
  if (a->kind == Kind::And)
    return either(negate(a->operands[0]), negate(a->operands[1]));
  if (a->kind == Kind::Or)
    return both(negate(a->operands[0]), negate(a->operands[1]));
  return truthOf(Kind::Not, {a});
}

Ref Pool::both(Ref a, Ref b) {
  if (a == no || b == yes || a == b)
    return a;
  if (b == no || a == yes)
    return b;
  if (a == negate(b))
    return no;
  return truthOf(Kind::And, {a, b});
}

Ref Pool::either(Ref a, Ref b) {
  if (a == yes || b == no || a == b)
    return a;
  if (b == yes || a == no)
    return b;
  if (a == negate(b))
    return yes;
  return truthOf(Kind::Or, {a, b});
}
