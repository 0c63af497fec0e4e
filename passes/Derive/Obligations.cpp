//===- Obligations.cpp - What folds have to prove -----------------------===//

#include "passes/Derive/ObligationWriter.h"

#include "passes/Derive/PassAnalysis.h"
#include "passes/Proof/Definitions.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;
using proof::Sort;
using proof::Term;

//===----------------------------------------------------------------------===//
// Names and states
//===----------------------------------------------------------------------===//

void ObligationWriter::nameComponents() {
  llvm::StringMap<unsigned> seen;
  for (auto [number, component] : llvm::enumerate(plan.components)) {
    std::string name;
    component.loc->walk([&](Location loc) {
      if (auto named = dyn_cast<NameLoc>(loc))
        if (name.empty())
          name = named.getName().str();
      return WalkResult::advance();
    });
    if (name.empty())
      name = "t" + std::to_string(number);
    if (unsigned count = seen[name]++)
      name += "." + std::to_string(count + 1);
    names.push_back(name);
    // A component that is a member is known by the member's symbol.
    const Atom &atom = stream.algebra[component.atom];
    if (atom.kind == Atom::Leaf)
      finals[number] = symbols.symbol(atom.value);
    else
      finals[number] = symbols.fresh(
          names[number],
          fieldType(emission.results[number]).getKind() == Kind::Bool
              ? Sort::Bool
              : sortedZero(number).sort());
  }
}

/// Fields that the plan has as atoms are symbols: none of the statements needs
/// to know more of them.
void ObligationWriter::declareAtoms() {
  Algebra &algebra = stream.algebra;
  std::function<void(const Poly &)> visit;
  auto visitAtom = [&](AtomId id) {
    const Atom atom = algebra[id];
    if (atom.kind == Atom::Leaf && stream.level(atom.value) == 0)
      symbols.makeAtomic(atom.value);
    visit(atom.argument);
  };
  visit = [&](const Poly &poly) {
    for (auto &[monomial, coefficient] : poly.terms) {
      if (monomial.exponent)
        visit(Poly(algebra.exponent(monomial.exponent)));
      for (auto [id, power] : monomial.factors)
        visitAtom(id);
    }
  };
  for (const Component &component : plan.components) {
    visit(component.entering);
    visit(component.exponent);
    visit(algebra.of(component.rest));
    if (component.centred)
      visitAtom(*component.centred);
  }
  for (const Finish &finish : plan.finishes)
    visit(finish.value);
}

/// Members and final states are symbols in all that follows.
void ObligationWriter::bindComplete(Translation &translation) {
  for (const Finish &finish : plan.finishes) {
    Value member = finish.member->getResult(0);
    translation.bind(member, symbols.symbol(member));
  }
  for (auto [number, result] : llvm::enumerate(emission.results))
    translation.bind(result, finals[number]);
}

SmallVector<unsigned> ObligationWriter::componentsOf(FoldOp fold) {
  SmallVector<unsigned> numbers(fold.getNumResults());
  for (auto [number, result] : llvm::enumerate(emission.results))
    if (result.getDefiningOp() == fold)
      numbers[cast<OpResult>(result).getResultNumber()] = number;
  return numbers;
}

Term ObligationWriter::enter(unsigned number, const State &references,
                             std::vector<Term> *defined) {
  FoldOp fold = foldOf(number);
  Translation translation(symbols);
  bindComplete(translation);
  for (auto [component, argument] :
       llvm::zip(componentsOf(fold), fold.getStep().front().getArguments()))
    translation.bind(argument, references.lookup(component));
  auto yield = cast<YieldOp>(fold.getStep().front().back());
  Term term = translation(yield.getValues()[positionOf(number)]);
  for (Term condition : translation.defined) {
    llvm::SetVector<Term> symbolsOf;
    proof::collectSymbols(condition, symbolsOf);
    bool free = llvm::none_of(references, [&](auto &reference) {
      return symbolsOf.contains(reference.second);
    });
    if (defined && free)
      defined->push_back(condition);
  }
  return term;
}

Term ObligationWriter::act(unsigned number, const State &before,
                           const State &after, const State &state) {
  FoldOp fold = foldOf(number);
  Translation translation(symbols);
  SmallVector<unsigned> components = componentsOf(fold);
  auto references = static_cast<unsigned>(fold.getReferences());
  auto arguments = fold.getAct().front().getArguments();
  for (unsigned i = 0; i < references; ++i) {
    translation.bind(arguments[i], before.lookup(components[i]));
    translation.bind(arguments[references + i], after.lookup(components[i]));
  }
  for (unsigned i = references; i < components.size(); ++i)
    translation.bind(arguments[references + i], state.lookup(components[i]));
  auto yield = cast<YieldOp>(fold.getAct().front().back());
  return translation(yield.getValues()[positionOf(number) - references]);
}

State ObligationWriter::fresh(FoldOp fold, bool references, StringRef suffix) {
  State state;
  for (auto [position, number] : llvm::enumerate(componentsOf(fold)))
    if (fold.isReference(position) == references)
      state[number] = symbols.fresh(
          names[number] + suffix.str(),
          fieldType(emission.results[number]).getKind() == Kind::Bool
              ? Sort::Bool
          : fieldType(emission.results[number]).getKind() == Kind::Int
              ? Sort::Int
              : Sort::Real);
  return state;
}

State ObligationWriter::zero(FoldOp fold, bool references) {
  State state;
  for (auto [position, number] : llvm::enumerate(componentsOf(fold)))
    if (fold.isReference(position) == references &&
        fieldType(emission.results[number]).getKind() != Kind::Bool)
      state[number] = sortedZero(number);
  return state;
}

SmallVector<Operation *> ObligationWriter::usersOf(unsigned component) {
  SmallVector<Operation *> members;
  for (const Finish &finish : plan.finishes)
    for (unsigned number : finish.accumulators) {
      const Component &c = plan.components[number];
      if (number == component || c.reference == component ||
          c.centre == component)
        members.push_back(finish.member);
    }
  return members;
}

void ObligationWriter::add(const std::string &name, StringRef rule,
                           Location loc, std::vector<Term> assumptions,
                           Term goal, ArrayRef<Operation *> members,
                           bool monotone) {
  llvm::SmallSetVector<Term, 8> distinct;
  for (Term assumption : assumptions)
    if (!assumption.isTrue())
      distinct.insert(assumption);
  for (Duty &other : duties)
    if (other.obligation.rule == rule && other.obligation.goal == goal &&
        llvm::equal(other.obligation.assumptions, distinct)) {
      for (Operation *member : members)
        if (!llvm::is_contained(other.members, member))
          other.members.push_back(member);
      return;
    }
  std::string unique = prefix + "." + name;
  if (unsigned count = used[unique]++)
    unique += "." + std::to_string(count + 1);
  Duty duty;
  duty.obligation.name = unique;
  duty.obligation.rule = rule.str();
  duty.obligation.location = describe(loc);
  duty.obligation.assumptions.assign(distinct.begin(), distinct.end());
  duty.obligation.goal = goal;
  duty.obligation.monotoneExp = monotone;
  duty.members.assign(members.begin(), members.end());
  duties.push_back(std::move(duty));
}

//===----------------------------------------------------------------------===//
// Step, act and combine
//===----------------------------------------------------------------------===//

void ObligationWriter::writeActions(unsigned number) {
  FoldOp fold = foldOf(number);
  Location loc = plan.components[number].loc;
  SmallVector<Operation *> users = usersOf(number);
  const std::string &name = names[number];
  State r = fresh(fold, true, "_ref"), s = fresh(fold, true, "_ref_new"),
        z = fresh(fold, true, "_ref_joint");
  State t = fresh(fold, false, "_acc"), u = fresh(fold, false, "_acc_other");
  State zeroReferences = zero(fold, true), nothing = zero(fold, false);
  auto sum = [&](const State &a, const State &b) {
    State result = a;
    for (auto &[component, term] : b)
      if (term.sort() != Sort::Bool)
        result[component] = a.lookup(component) + term;
    return result;
  };
  for (auto &[component, term] : t)
    if (term.sort() == Sort::Bool)
      nothing[component] = term;
  auto acted = [&](const State &before, const State &after,
                   const State &state) {
    State result;
    for (auto &[component, term] : state)
      result[component] = act(component, before, after, state);
    return result;
  };

  Term linear = eq(act(number, r, s, sum(t, u)),
                   act(number, r, s, t) + act(number, r, s, u));
  Term identity = eq(act(number, r, r, t), t[number]);
  Term init = eq(act(number, r, s, nothing), sortedZero(number));
  add(name + ".act", "R2 act", loc, {},
      terms.logicalAnd({identity, init, linear}), users);

  State entered;
  std::vector<Term> defined;
  for (auto &[component, term] : t)
    if (term.sort() != Sort::Bool)
      entered[component] = enter(component, s, &defined);
  Term left = act(number, s, zeroReferences, sum(acted(r, s, t), entered));
  Term right =
      act(number, r, zeroReferences, t) + enter(number, zeroReferences);
  add(name + ".step", "R2 step", loc, defined, eq(left, right), users);

  Term joint =
      act(number, z, zeroReferences, sum(acted(r, z, t), acted(s, z, u)));
  Term apart =
      act(number, r, zeroReferences, t) + act(number, s, zeroReferences, u);
  add(name + ".combine", "R2 combine", loc, {}, eq(joint, apart), users);
}

/// Exponentials of step and act do not exceed 1.
void ObligationWriter::writeRange(FoldOp fold) {
  SmallVector<unsigned> components = componentsOf(fold);
  State before = fresh(fold, true, "_ref"),
        after = fresh(fold, true, "_ref_new");
  std::vector<Term> assumptions, goals;
  Translation step(symbols), action(symbols);
  bindComplete(step);
  auto stepYield = cast<YieldOp>(fold.getStep().front().back());
  auto actYield = cast<YieldOp>(fold.getAct().front().back());
  auto references = static_cast<unsigned>(fold.getReferences());
  auto actArguments = fold.getAct().front().getArguments();
  for (unsigned i = 0; i < references; ++i) {
    step.bind(fold.getStep().front().getArgument(i),
              after.lookup(components[i]));
    action.bind(actArguments[i], before.lookup(components[i]));
    action.bind(actArguments[references + i], after.lookup(components[i]));
    if (fold.getMonoid(i) == Monoid::Max)
      assumptions.push_back(
          le(before.lookup(components[i]), after.lookup(components[i])));
  }
  State state = fresh(fold, false, "_acc");
  for (unsigned i = references; i < components.size(); ++i)
    action.bind(actArguments[references + i], state.lookup(components[i]));
  SmallVector<Term> entered, acted;
  // What is counted is there or not, whatever its value.
  for (auto [i, value] : llvm::enumerate(stepYield.getValues()))
    entered.push_back(fold.getMonoid(i) == Monoid::Count ? Term()
                                                         : step(value));
  for (Value value : actYield.getValues())
    acted.push_back(action(value));
  for (unsigned i = 0; i < references; ++i)
    if (fold.getMonoid(i) == Monoid::Max)
      assumptions.push_back(le(entered[i], after.lookup(components[i])));
  // Maxima of earlier folds are at least what entered them.
  for (auto [number, component] : llvm::enumerate(plan.components))
    if (component.monoid == Monoid::Max && component.field &&
        foldOf(number) != fold &&
        fieldType(component.field).getKind() == Kind::Real)
      assumptions.push_back(le(step(component.field), finals[number]));

  std::vector<Term> exponents = step.exponents;
  llvm::append_range(exponents, action.exponents);
  llvm::SmallSetVector<Term, 8> distinct;
  distinct.insert_range(exponents);
  for (Term exponent : distinct)
    goals.push_back(le(proof::exp(exponent), terms.real(1)));
  if (goals.empty())
    return;
  llvm::append_range(assumptions, step.defined);
  SmallVector<Operation *> members;
  for (const Finish &finish : plan.finishes)
    if (llvm::any_of(finish.accumulators, [&](unsigned number) {
          return foldOf(number) == fold &&
                 !plan.components[number].exponent.isZero();
        }))
      members.push_back(finish.member);
  if (!members.empty())
    add("range", "R2 range", fold.getLoc(), assumptions,
        terms.logicalAnd(goals), members, /*monotone=*/true);
}

std::vector<Duty> einfall::derive::writeObligations(KernelOp kernel,
                                                    Stream &stream,
                                                    const Plan &plan,
                                                    const Emission &emission,
                                                    proof::TermContext &terms) {
  return ObligationWriter(kernel, stream, plan, emission, terms).run();
}
