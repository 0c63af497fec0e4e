//===- Index.cpp - Integers of a device program, symbolically -------------===//

#include "passes/Traffic/Index.h"

#include "passes/Traffic/Terms.h"

#include <algorithm>

using namespace einfall::traffic;

bool Form::has(Ref variable) const {
  return std::binary_search(variables.begin(), variables.end(), variable,
                            [](Ref a, Ref b) { return a->age < b->age; });
}

//===----------------------------------------------------------------------===//
// Numeric bounds
//===----------------------------------------------------------------------===//

static int64_t clampWide(__int128 value) {
  if (value >= unbounded)
    return unbounded;
  if (value <= -unbounded)
    return -unbounded;
  return static_cast<int64_t>(value);
}

int64_t einfall::traffic::addBounds(int64_t a, int64_t b) {
  if (a == unbounded || b == unbounded)
    return unbounded;
  if (a == -unbounded || b == -unbounded)
    return -unbounded;
  return clampWide(__int128(a) + b);
}

int64_t einfall::traffic::mulBounds(int64_t a, int64_t b) {
  if (a == 0 || b == 0)
    return 0;
  return clampWide(__int128(a) * b);
}

void einfall::traffic::boundsOf(const Term &term, int64_t &low, int64_t &high) {
  low = high = 1;
  for (Ref atom : term.atoms) {
    int64_t a = mulBounds(low, atom->low), b = mulBounds(low, atom->high),
            c = mulBounds(high, atom->low), d = mulBounds(high, atom->high);
    low = std::min({a, b, c, d});
    high = std::max({a, b, c, d});
  }
  low = mulBounds(low, term.coefficient);
  high = mulBounds(high, term.coefficient);
  if (term.coefficient < 0)
    std::swap(low, high);
}

Terms einfall::traffic::termsOf(Ref a) {
  Terms terms;
  for (const Term &term : a->terms)
    terms[term.atoms] = term.coefficient;
  return terms;
}

//===----------------------------------------------------------------------===//
// Making forms
//===----------------------------------------------------------------------===//

static bool olderMonomial(const Monomial &a, const Monomial &b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](Ref x, Ref y) { return x->age < y->age; });
}

static void addVariables(std::vector<Ref> &to, const std::vector<Ref> &from) {
  std::vector<Ref> all;
  std::set_union(to.begin(), to.end(), from.begin(), from.end(),
                 std::back_inserter(all),
                 [](Ref a, Ref b) { return a->age < b->age; });
  to = std::move(all);
}

Pool::Pool() {
  zero = number(0);
  one = number(1);
  for (int64_t value : {0, 1}) {
    Form form{Kind::Constant};
    form.low = form.high = value;
    (value ? yes : no) = make(std::move(form));
  }
  lane = variable("lane", zero, number(32));
}

Ref Pool::make(Form form) {
  size_t hash = static_cast<size_t>(form.kind) * 1000003;
  auto mix = [&](size_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15; };
  for (const Term &term : form.terms) {
    mix(term.coefficient);
    for (Ref atom : term.atoms)
      mix(atom->age);
  }
  for (Ref operand : form.operands)
    mix(operand->age);
  mix(std::hash<std::string>()(form.name));
  if (form.kind == Kind::Constant)
    mix(form.low);
  auto [from, to] = unique.equal_range(hash);
  for (auto it = from; it != to; ++it) {
    Ref known = it->second;
    if (known->kind == form.kind && known->terms == form.terms &&
        known->operands == form.operands && known->name == form.name &&
        (form.kind != Kind::Constant || known->low == form.low))
      return known;
  }
  form.age = forms.size();
  auto look = [&](Ref part) {
    addVariables(form.variables, part->variables);
    addVariables(form.bound, part->bound);
    form.hasUnknown |= part->hasUnknown;
  };
  for (const Term &term : form.terms)
    for (Ref atom : term.atoms)
      look(atom);
  if (form.kind == Kind::Variable) {
    // Its range is no part of it.
  } else if (form.kind == Kind::Sum || form.kind == Kind::Sectors) {
    Ref bound = form.kind == Kind::Sum ? form.operands[0] : atomOf(lane);
    for (size_t i = form.kind == Kind::Sum; i < form.operands.size(); ++i)
      look(form.operands[i]);
    std::erase(form.variables, bound);
    addVariables(form.bound, {bound});
  } else {
    for (Ref operand : form.operands)
      look(operand);
  }
  forms.push_back(std::make_unique<Form>(std::move(form)));
  Form *made = forms.back().get();
  if (made->kind == Kind::Variable)
    made->variables = {made};
  if (made->kind == Kind::Unknown || made->kind == Kind::UnknownTruth)
    made->hasUnknown = true;
  unique.emplace(hash, made);
  return made;
}

Ref Pool::polynomial(const std::map<Monomial, int64_t> &from) {
  Form form{Kind::Polynomial};
  for (const auto &[atoms, coefficient] : from)
    if (coefficient)
      form.terms.push_back({atoms, coefficient});
  std::sort(form.terms.begin(), form.terms.end(),
            [](const Term &a, const Term &b) {
              return olderMonomial(a.atoms, b.atoms);
            });
  form.low = form.high = 0;
  for (const Term &term : form.terms) {
    int64_t low, high;
    boundsOf(term, low, high);
    form.low = addBounds(form.low, low);
    form.high = addBounds(form.high, high);
  }
  return make(std::move(form));
}

Ref Pool::number(int64_t value) { return polynomial({{Monomial(), value}}); }

Ref Pool::asInteger(Ref atom) {
  return atom->kind == Kind::Polynomial ? atom : polynomial({{{atom}, 1}});
}

Ref Pool::atomOf(Ref a) {
  if (a->kind != Kind::Polynomial)
    return a;
  if (a->terms.size() == 1 && a->terms[0].coefficient == 1 &&
      a->terms[0].atoms.size() == 1)
    return a->terms[0].atoms[0];
  return nullptr;
}

Ref Pool::atom(Kind kind, std::vector<Ref> operands, int64_t low,
               int64_t high) {
  Form form{kind};
  form.operands = std::move(operands);
  form.low = low;
  form.high = high;
  return asInteger(make(std::move(form)));
}

Ref Pool::parameter(const std::string &name, int64_t low, int64_t high) {
  Form form{Kind::Parameter};
  form.name = name;
  form.low = low;
  form.high = high;
  return asInteger(make(std::move(form)));
}

Ref Pool::variable(const std::string &name, Ref from, Ref to) {
  Form form{Kind::Variable};
  form.name = name + "#" + std::to_string(variables++);
  form.operands = {from, to};
  form.low = from->low;
  form.high = addBounds(to->high, -1);
  return asInteger(make(std::move(form)));
}

Ref Pool::unknown(const std::string &source, int64_t low, int64_t high) {
  Form form{Kind::Unknown};
  form.name = source + "#" + std::to_string(forms.size());
  form.low = low;
  form.high = high;
  return asInteger(make(std::move(form)));
}

//===----------------------------------------------------------------------===//
// Substitution
//===----------------------------------------------------------------------===//

Ref Pool::rebuild(Ref form, std::unordered_map<Ref, Ref> &done,
                  const Substitution &what) {
  bool touched = std::any_of(what.begin(), what.end(), [&](const auto &each) {
    const std::vector<Ref> &v = each.first->variables;
    return std::includes(form->variables.begin(), form->variables.end(),
                         v.begin(), v.end(),
                         [](Ref a, Ref b) { return a->age < b->age; });
  });
  if (!touched)
    return form;
  if (auto it = what.find(form); it != what.end())
    return it->second;
  if (auto it = done.find(form); it != done.end())
    return it->second;
  auto part = [&](size_t i) { return rebuild(form->operands[i], done, what); };
  Ref result = form;
  switch (form->kind) {
  case Kind::Polynomial: {
    result = zero;
    for (const Term &term : form->terms) {
      Ref each = number(term.coefficient);
      for (Ref atom : term.atoms)
        each = mul(each, asInteger(rebuild(atom, done, what)));
      result = add(result, each);
    }
    break;
  }
  case Kind::Variable:
    break; // another one
  case Kind::Quotient:
    result = quotient(part(0), part(1));
    break;
  case Kind::Remainder:
    result = remainder(part(0), part(1));
    break;
  case Kind::Minimum:
    result = minimum(part(0), part(1));
    break;
  case Kind::Maximum:
    result = maximum(part(0), part(1));
    break;
  case Kind::Choice:
    result = choice(part(0), part(1), part(2));
    break;
  case Kind::Sum:
    result = sum(form->operands[0], part(1), part(2), part(3));
    break;
  case Kind::Sectors:
    result = sectors(part(0), part(1), part(2));
    break;
  case Kind::NotNegative:
    result = notNegative(part(0));
    break;
  case Kind::Zero:
    result = isZero(part(0));
    break;
  case Kind::And:
    result = both(part(0), part(1));
    break;
  case Kind::Or:
    result = either(part(0), part(1));
    break;
  case Kind::Not:
    result = negate(part(0));
    break;
  case Kind::Parameter:
  case Kind::Unknown:
  case Kind::UnknownTruth:
  case Kind::Constant:
    break;
  }
  done[form] = result;
  return result;
}

Ref Pool::substitute(Ref form, const Substitution &what) {
  std::unordered_map<Ref, Ref> done;
  return rebuild(form, done, what);
}

Ref Pool::resolve(Ref form) {
  while (std::any_of(form->variables.begin(), form->variables.end(),
                     [&](Ref v) { return defined.count(v); }))
    form = substitute(form, defined);
  return form;
}

void Pool::define(Ref variable, Ref value) {
  defined[atomOf(variable)] = value;
}

static void addSources(Ref form, std::set<Ref> &seen,
                       std::set<std::string> &to) {
  if (!form->hasUnknown || !seen.insert(form).second)
    return;
  if (form->kind == Kind::Unknown || form->kind == Kind::UnknownTruth) {
    std::string source = form->name.substr(0, form->name.rfind('#'));
    for (size_t at = 0; at < source.size();) {
      size_t end = std::min(source.find(", ", at), source.size());
      to.insert(source.substr(at, end - at));
      at = end + 2;
    }
  }
  for (const Term &term : form->terms)
    for (Ref atom : term.atoms)
      addSources(atom, seen, to);
  for (Ref operand : form->operands)
    addSources(operand, seen, to);
}

std::set<std::string> einfall::traffic::sourcesOf(Ref form) {
  std::set<Ref> seen;
  std::set<std::string> sources;
  addSources(form, seen, sources);
  return sources;
}

bool Pool::mentions(Ref form, Ref variable) {
  return form->has(variable) ||
         std::binary_search(form->bound.begin(), form->bound.end(), variable,
                            [](Ref a, Ref b) { return a->age < b->age; });
}
