//===- TermPrinter.cpp - Terms as people write them -----------------------===//

#include "passes/Proof/Term.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using llvm::raw_ostream;

namespace einfall::proof {

namespace {

/// How tightly a term binds: an operand in a tighter place needs parentheses.
enum Binding { Loose, Either, Both, Compare, Sum, Product, Power, Tight };

class Printer {
public:
  explicit Printer(raw_ostream &os) : os(os) {}

  void print(Term term, Binding place) {
    bool wrap = binding(term) < place;
    if (wrap)
      os << "(";
    body(term);
    if (wrap)
      os << ")";
  }

private:
  static Binding binding(Term term) {
    switch (term.kind()) {
    case TermKind::Constant:
      return term.value().sign() < 0    ? Sum
             : term.value().isInteger() ? Tight
                                        : Product;
    case TermKind::Add:
      return Sum;
    case TermKind::Mul:
      return term.operand(0).isConstant() && term.operand(0).value().sign() < 0
                 ? Sum
                 : Product;
    case TermKind::Div:
    case TermKind::FloorDiv:
    case TermKind::Mod:
      return Product;
    case TermKind::Pow:
      return Power;
    case TermKind::Eq:
    case TermKind::Lt:
    case TermKind::Le:
      return Compare;
    case TermKind::And:
      return Both;
    case TermKind::Or:
      return Either;
    case TermKind::Ite:
      return Loose;
    default:
      return Tight;
    }
  }

  void call(llvm::StringRef name, Term term) {
    os << name << "(";
    llvm::interleaveComma(term.operands(), os,
                          [&](Term operand) { print(operand, Loose); });
    os << ")";
  }

  void infix(Term term, llvm::StringRef sign, Binding place) {
    llvm::interleave(
        term.operands(), os, [&](Term operand) { print(operand, place); },
        sign);
  }

  void sum(Term term) {
    // What is subtracted comes last: m2 - m, not -m + m2.
    llvm::SmallVector<Term> operands(term.operands());
    llvm::stable_sort(operands, [](Term a, Term b) {
      return splitCoefficient(a).first.sign() >
             splitCoefficient(b).first.sign();
    });
    bool first = true;
    for (Term operand : operands) {
      bool minus = splitCoefficient(operand).first.sign() < 0;
      if (!first)
        os << (minus ? " - " : " + ");
      print(!first && minus ? -operand : operand, first ? Sum : Product);
      first = false;
    }
  }

  void product(Term term) {
    llvm::ArrayRef<Term> factors = term.operands();
    if (factors.front().isConstant(-1)) {
      os << "-";
      factors = factors.drop_front();
    }
    llvm::interleave(
        factors, os,
        [&](Term factor) {
          if (factor.isConstant())
            os << factor.value().str();
          else
            print(factor, Power);
        },
        "*");
  }

  void body(Term term) {
    switch (term.kind()) {
    case TermKind::Constant:
      os << term.value().str();
      return;
    case TermKind::True:
      os << "true";
      return;
    case TermKind::False:
      os << "false";
      return;
    case TermKind::Symbol:
      os << term.name();
      return;
    case TermKind::Add:
      return sum(term);
    case TermKind::Mul:
      return product(term);
    case TermKind::Pow:
      print(term.operand(0), Tight);
      os << "^" << term.value().str();
      return;
    case TermKind::Div:
      print(term.operand(0), Product);
      os << "/";
      print(term.operand(1), Power);
      return;
    case TermKind::FloorDiv:
      print(term.operand(0), Product);
      os << " div ";
      print(term.operand(1), Power);
      return;
    case TermKind::Mod:
      print(term.operand(0), Product);
      os << " mod ";
      print(term.operand(1), Power);
      return;
    case TermKind::ToReal:
      return call("real", term);
    case TermKind::Exp:
      return call("exp", term);
    case TermKind::Log:
      return call("log", term);
    case TermKind::Sqrt:
      return call("sqrt", term);
    case TermKind::Max:
      return call("max", term);
    case TermKind::Min:
      return call("min", term);
    case TermKind::Apply:
      return call(term.name(), term);
    case TermKind::Ite:
      os << "if ";
      print(term.operand(0), Either);
      os << " then ";
      print(term.operand(1), Either);
      os << " else ";
      print(term.operand(2), Loose);
      return;
    case TermKind::Not:
      return call("not", term);
    case TermKind::And:
      return infix(term, " and ", Compare);
    case TermKind::Or:
      return infix(term, " or ", Both);
    case TermKind::Eq:
      return infix(term, " = ", Sum);
    case TermKind::Lt:
      return infix(term, " < ", Sum);
    case TermKind::Le:
      return infix(term, " <= ", Sum);
    }
  }

  raw_ostream &os;
};

} // namespace

void Term::print(raw_ostream &os) const { Printer(os).print(*this, Loose); }

std::string Term::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  print(os);
  return text;
}

} // namespace einfall::proof
