//===- Inequalities.cpp - What the theorems rest on, for a solver ---------===//

#include "passes/Certificate/Inequalities.h"

#include <sstream>

namespace einfall::certificate {

std::string Inequality::script() const {
  std::string text = "(set-logic QF_NRA)\n";
  std::istringstream names(variables);
  for (std::string name; names >> name;)
    text +=
        "(declare-const " + name + " Real)\n(assert (>= " + name + " 0.0))\n";
  for (const std::string &premise : premises)
    text += "(assert " + premise + ")\n";
  return text + "(assert (not " + conclusion + "))\n(check-sat)\n";
}

const std::vector<Inequality> &allInequalities() {
  // The six corners of Theorem 10, divided by d r s, in a = A / dr, b = B / ds
  // and m = min(a, b).
  const std::string corner = "a b m";
  const std::vector<std::string> corners = {"(<= a 1.0)", "(<= b 1.0)",
                                            "(<= m a)", "(<= m b)"};
  static const std::vector<Inequality> all = {
      {"F1",
       "w a b M",
       {"(<= (* w (+ a b)) (* 2.0 M))"},
       "(<= (* w w a b) (* M M))"},
      {"F2",
       "E x y",
       {"(<= x y)"},
       "(or (>= (+ (* 2.0 E x) (* y y) (- (* x x))) (* y y))"
       "    (>= (+ (* 2.0 E x) (* y y) (- (* x x))) (* 2.0 E y)))"},
      {"F3",
       "t u v y",
       {"(<= t (* u v))", "(<= t (* y y))"},
       "(<= (* 2.0 t) (* y (+ u v)))"},
      {"F4",
       "E F B T y U",
       {"(<= F E)", "(>= y (* 2.0 E))", "(<= (+ (* 2.0 E y) U) B)",
        "(<= T (* F y y))", "(<= (* 2.0 T) (* y U))"},
       "(<= (* 4.0 (+ E F) (+ E F) T) (* F B B))"},
      {"F5",
       "E F B T y U",
       {"(<= F E)", "(<= y (* 2.0 E))", "(<= (+ (* y y) U) B)",
        "(>= B (* 4.0 E (+ E F)))", "(<= T (* F y y))"},
       "(<= (* 4.0 (+ E F) (+ E F) T) (* F B B))"},
      {"F6",
       "E B T y U",
       {"(<= (+ (* 2.0 E y) U) B)", "(<= (* 2.0 T) (* y U))"},
       "(<= (* 16.0 E T) (* B B))"},
      {"F7",
       "E B T y U",
       {"(<= y (* 2.0 E))", "(<= (+ (* y y) U) B)",
        "(>= (* 27.0 B) (* 256.0 E E))", "(<= (* 2.0 T) (* y U))"},
       "(<= (* 16.0 E T) (* B B))"},
      {"F8",
       "B T y U",
       {"(<= (+ (* y y) U) B)", "(<= (* 2.0 T) (* y U))"},
       "(<= (* 27.0 T T) (* B B B))"},
      {"F9", "M X", {}, "(<= (* 4.0 M X) (* (+ M X) (+ M X)))"},
      {"F10",
       "p q a b M",
       {"(<= (+ (* p a) (* q b)) (* 2.0 M))"},
       "(<= (* p q a b) (* M M))"},
      {"F11",
       "c B G",
       {"(<= c B)", "(>= B (* 4.0 G))"},
       "(<= (+ (* (- B c) (- B c)) (* 4.0 G c)) (* B B))"},
      {"F12",
       "a0 a1 b0 b1 g k m",
       {"(= (* k k) (* a0 b1))", "(= (* m m) (* a1 b0))"},
       "(>= (* (+ a0 (* a1 g)) (+ b0 (* b1 g))) (* g (+ k m) (+ k m)))"},
      {"F13",
       "a u y B",
       {"(<= (+ a u y) B)"},
       "(<= (* 64.0 a u y y) (* B B B B))"},
      {"F14", "a u y B", {"(<= (+ a u y) B)"}, "(<= (* 27.0 a u y) (* B B B))"},
      {"F15",
       "r",
       {"(>= r 1.0)"},
       "(or (<= (* 2.0 (+ r 1.0)) (* 3.0 r)) (<= (+ r 1.0) 3.0))"},
      {"F16",
       "M E F",
       {"(= M 262144.0)", "(= E 128.0)", "(= F 128.0)"},
       "(>= M (* 2.0 E (+ E F)))"},
      // D = (1 + a + h)(1 + s' + b + c) - 4 (m + a c + s' h), linear in h, c
      // and s' one after another, at their ends.
      {"F17.1", corner, corners,
       "(>= (- (* (+ 1.0 a) (+ 1.0 b)) (* 4.0 m)) 0.0)"},
      {"F17.2", corner, corners,
       "(>= (- (* (+ 1.0 a) (+ 2.0 b)) (* 4.0 m)) 0.0)"},
      {"F17.3", corner, corners,
       "(>= (- (* (+ 1.0 a) (+ 3.0 b)) (* 4.0 (+ m a))) 0.0)"},
      {"F17.4", corner, corners,
       "(>= (- (* (+ 1.0 a a) (+ 1.0 b)) (* 4.0 m)) 0.0)"},
      {"F17.5", corner, corners,
       "(>= (- (* (+ 1.0 a a) (+ 2.0 b)) (* 4.0 (+ m a))) 0.0)"},
      {"F17.6", corner, corners,
       "(>= (- (* (+ 1.0 a a) (+ 3.0 b)) (* 4.0 (+ m a a))) 0.0)"},
  };
  return all;
}

const Inequality *findInequality(const std::string &name) {
  for (const Inequality &inequality : allInequalities())
    if (inequality.name == name)
      return &inequality;
  return nullptr;
}

std::optional<Inequality>
meansInequality(const std::vector<unsigned> &weights) {
  constexpr unsigned maxDegree = 6;
  unsigned degree = 0;
  for (unsigned weight : weights)
    degree += weight;
  if (degree > maxDegree)
    return std::nullopt;
  Inequality result;
  std::string sum, product, bound;
  for (size_t i = 0; i < weights.size(); ++i) {
    std::string x = "x" + std::to_string(i);
    std::string weight = std::to_string(weights[i]);
    result.name += (i ? "," : "means ") + weight;
    result.variables += (i ? " " : "") + x;
    sum += " " + x;
    for (unsigned n = 0; n < weights[i]; ++n) {
      product += " " + x;
      bound += " " + weight + ".0";
    }
  }
  result.premises = {"(<= (+ 0.0" + sum + ") " + std::to_string(degree) +
                     ".0)"};
  result.conclusion = "(<= (* 1.0" + product + ") (* 1.0" + bound + "))";
  return result;
}

} // namespace einfall::certificate
