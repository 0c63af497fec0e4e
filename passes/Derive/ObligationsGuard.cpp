//===- ObligationsGuard.cpp - What guards of empty rows have to prove -----===//
//
// A row is what a member reduces for one of its results; it is empty where the
// body exists at no coordinate of the stream. That a maximum is present exactly
// where something entered it, and that an accumulator which nothing entered is
// 0, speak of all coordinates. They are stated for a few: one is arbitrary, and
// each component has one of its own, where it was entered if it was anywhere.
//
//===----------------------------------------------------------------------===//

#include "passes/Derive/ObligationWriter.h"

#include "passes/Derive/Existence.h"
#include "passes/Derive/PassAnalysis.h"
#include "passes/Proof/Definitions.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;
using proof::Sort;
using proof::Term;

static bool isOrder(Monoid monoid) {
  return monoid == Monoid::Max || monoid == Monoid::Min ||
         monoid == Monoid::ArgMax || monoid == Monoid::First;
}

namespace {

/// The arbitrary coordinate.
constexpr unsigned anywhere = 0;

/// The coordinate of a component.
unsigned witness(unsigned component) { return component + 1; }

} // namespace

/// The stream has coordinates.
Term ObligationWriter::streamed() {
  std::vector<Term> all;
  for (StringRef rank : stream.getRanks()) {
    Term exists;
    for (Operation *op : emission.operations)
      if (auto extent = dyn_cast<ExtentOp>(op);
          extent && extent.getRank() == rank)
        exists = gt(symbols.symbol(extent), 0);
    if (exists.isNull())
      exists = symbols.fresh("any_" + rank.str(), Sort::Bool);
    all.push_back(exists);
  }
  return terms.logicalAnd(all);
}

/// Binds components, as they are in the end, and members.
void ObligationWriter::bindPresence(Existence &there) {
  for (auto [number, result] : llvm::enumerate(emission.results)) {
    const Component &component = plan.components[number];
    const Atom &atom = stream.algebra[component.atom];
    bool isMember = atom.kind == Atom::Leaf;
    Term present = isOrder(component.monoid)
                       ? symbols.fact(isMember ? atom.value : result, false)
                       : terms.boolean(true);
    there.bind(result, present, finals[number]);
    FoldOp fold = foldOf(number);
    if (fold.isReference(positionOf(number)))
      there.bind(fold.getStep().getArgument(positionOf(number)), present,
                 finals[number]);
  }
  for (auto [finish, value] : llvm::zip(plan.finishes, emission.finishes)) {
    ReduceOp member = finish.member;
    if (value && isOrder(member.getMonoid()))
      there.replace(member.getResult(), value);
  }
}

/// Something enters a component at a coordinate.
Term ObligationWriter::enters(Existence &there, unsigned number, unsigned at) {
  auto yield = cast<YieldOp>(foldOf(number).getStep().front().back());
  Value entering = yield.getValues()[positionOf(number)];
  Term present = there.present(entering, at);
  return plan.components[number].monoid == Monoid::Any
             ? present && there.value(entering, at)
             : present;
}

/// Components tell whether something entered them: they are present, true, or
/// count more than 0. Of nothing a sum is 0.
std::vector<Term> ObligationWriter::entries(Existence &there, Term exists,
                                            ArrayRef<unsigned> accumulators) {
  std::vector<Term> given;
  for (auto [number, component] : llvm::enumerate(plan.components)) {
    Term entered = exists && enters(there, number, witness(number));
    Monoid monoid = component.monoid;
    if (isOrder(monoid) || monoid == Monoid::Any || monoid == Monoid::Count) {
      Term tells = isOrder(monoid)
                       ? there.present(emission.results[number], anywhere)
                   : monoid == Monoid::Count ? gt(finals[number], 0)
                                             : finals[number];
      if (monoid == Monoid::Count)
        given.push_back(ge(finals[number], 0));
      given.push_back(implies(tells, entered));
      for (unsigned at = anywhere; at <= plan.components.size(); ++at)
        given.push_back(implies(exists && enters(there, number, at), tells));
    } else if (llvm::is_contained(accumulators, number)) {
      given.push_back(implies(ne(finals[number], sortedZero(number)), entered));
    }
  }
  return given;
}

/// Sums of positive numbers are positive where they have any, if `form` asks.
void ObligationWriter::positiveSums(Existence &there, Term exists, Term form,
                                    std::vector<Term> &given) {
  llvm::SetVector<Term> needed;
  proof::collectSymbols(form, needed);
  auto isPositive = [&](Term sum, function_ref<Term(unsigned)> entered) {
    for (unsigned at = anywhere; at <= plan.components.size(); ++at)
      given.push_back(implies(exists && entered(at), gt(sum, 0)));
  };
  for (auto [number, component] : llvm::enumerate(plan.components)) {
    const Atom &atom = stream.algebra[component.atom];
    unsigned index = number;
    if (component.monoid != Monoid::Sum || !atom.positive ||
        !needed.contains(finals[number]))
      continue;
    isPositive(finals[number],
               [&](unsigned at) { return enters(there, index, at); });
    if (!provedPositive.insert(emission.results[number]).second)
      continue;
    std::vector<Term> defined;
    Term entering = enter(number, finals, &defined);
    add(names[number] + ".positive", "R5 positive", component.loc, defined,
        gt(entering, 0), usersOf(number));
  }
  for (const Finish &finish : plan.finishes) {
    ReduceOp member = finish.member;
    Term sum = symbols.symbol(member);
    if (member.getMonoid() != Monoid::Sum || !needed.contains(sum) ||
        !stream.isPositive(member))
      continue;
    isPositive(
        sum, [&](unsigned at) { return there.present(member.getValue(), at); });
    provePositive(member);
  }
}

/// The guard is a component that may be entered where the member is not: then
/// divisors have to be positive on their own.
bool ObligationWriter::isGuardedWidely(const Finish &finish) {
  return finish.nonEmpty &&
         llvm::any_of(finish.accumulators, [&](unsigned number) {
           return !sameDomain(plan.components[number].domain,
                              plan.components[*finish.nonEmpty].domain);
         });
}

void ObligationWriter::writeGuard(unsigned number, const Finish &finish) {
  ReduceOp member = finish.member;
  Monoid monoid = member.getMonoid();
  Value result = emission.finishes[number], form = emission.unguarded[number];
  bool isSum = monoid == Monoid::Sum || monoid == Monoid::Count;
  if (!result || (!isSum && !isOrder(monoid)) ||
      (!finish.guarded && finish.accumulators.empty()))
    return;
  Existence there(symbols, stream);
  bindPresence(there);
  Term exists = streamed();
  auto occurs = [&](unsigned at) {
    return exists && there.present(member.getValue(), at);
  };
  std::vector<Term> given = entries(there, exists, finish.accumulators);
  std::string name = nameOf(number);
  Term formPresent = there.present(form, anywhere);

  // A row with something in it gets what was made of it.
  std::vector<Term> goals = {formPresent};
  for (unsigned component : finish.accumulators)
    goals.push_back(enters(there, component, anywhere));
  Translation translation(symbols);
  Term made = finishTerm(finish, form, finals, translation);
  there.bind(form, formPresent, symbols.fresh("made", made.sort()));
  goals.push_back(there.present(result, anywhere));
  goals.push_back(
      eq(there.value(result, anywhere), there.value(form, anywhere)));
  std::vector<Term> assumptions = given;
  llvm::append_range(assumptions, there.given);
  add(name + ".guard", "R1 guard", member.getLoc(), assumptions,
      implies(occurs(anywhere), terms.logicalAnd(goals)),
      {member.getOperation()});

  // One with nothing in it gets 0, or is absent.
  there.bind(form, formPresent, made);
  if (isGuardedWidely(finish))
    positiveSums(there, exists, made, given);
  std::vector<Term> nowhere;
  for (unsigned at = anywhere; at <= plan.components.size(); ++at)
    nowhere.push_back(!occurs(at));
  Term present = there.present(result, anywhere);
  Term value = there.value(result, anywhere);
  Term empty = isSum ? present && eq(value, terms.constant(proof::Rational(0),
                                                           value.sort()))
                     : !present;
  llvm::append_range(given, there.given);
  add(name + ".empty", "R1 empty", member.getLoc(), given,
      implies(terms.logicalAnd(nowhere), empty), {member.getOperation()});
}

/// A member that is a component is what enters it. Where the terms are the same
/// there is nothing to ask.
void ObligationWriter::writeMember(unsigned number, const Finish &finish) {
  ReduceOp member = finish.member;
  for (auto [component, plan] : llvm::enumerate(this->plan.components)) {
    const Atom &atom = stream.algebra[plan.atom];
    if (atom.kind != Atom::Leaf || atom.value != member->getResult(0))
      continue;
    Existence there(symbols, stream);
    bindPresence(there);
    Translation written(symbols);
    bindComplete(written);
    Term value = written(member.getValue()), entered = enter(component, finals);
    Term present = there.present(member.getValue(), anywhere),
         enters = this->enters(there, component, anywhere);
    if (plan.monoid == Monoid::Any) {
      present = present && there.value(member.getValue(), anywhere);
      value = entered;
    }
    // What is counted is there or not, whatever its value.
    if (plan.monoid == Monoid::Count)
      value = entered;
    Term goal =
        terms.logicalAnd({implies(present, enters), implies(enters, present),
                          eq(entered, value)});
    if (!goal.isTrue())
      add(nameOf(number) + ".member", "R3 member", member.getLoc(),
          written.defined, goal, usersOf(component));
  }
}

/// A rewritten field is there where it was as written.
void ObligationWriter::writeRewrittenGuard(unsigned number,
                                           const std::string &name,
                                           ArrayRef<Operation *> members) {
  Value original = plan.rewritten[number].first,
        result = emission.rewritten[number];
  if (!result)
    return;
  Existence there(symbols, stream);
  bindPresence(there);
  std::vector<Term> given = entries(there, streamed(), {});
  Term before = there.present(original, anywhere),
       after = there.present(result, anywhere);
  Term goal =
      terms.logicalAnd({implies(before, after), implies(after, before)});
  llvm::append_range(given, there.given);
  if (!goal.isTrue())
    add(name + ".guard", "R3 guard", original.getLoc(), given, goal, members);
}
