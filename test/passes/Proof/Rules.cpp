//===- Rules.cpp - Instances of the rules and their broken twins ----------===//

#include "Rules.h"

namespace einfall::proof {

namespace {

/// Symbols by name, and the cases one after the other.
class Cases {
public:
  explicit Cases(TermContext &context) : c(context) {}

  Term operator[](llvm::StringRef name) { return c.symbol(name); }
  Term truth(llvm::StringRef name) { return c.symbol(name, Sort::Bool); }
  Term number(int64_t value) { return c.real(value); }

  void add(std::string name, std::string rule, std::vector<Term> given,
           Term goal, Term brokenGoal, bool monotone = false) {
    Obligation right{name, rule, name + ".ein:1:1", given, goal, monotone};
    Obligation broken = right;
    broken.name += ".broken";
    broken.goal = brokenGoal;
    cases.push_back({right, broken});
  }

  TermContext &c;
  std::vector<RuleCase> cases;
};

/// R1: a factor that does not vary along the rank leaves the sum.
void factorOut(Cases &s) {
  Term chi = s["chi"], b = s["b"], t = s["t"], sum = s["S"];
  s.add("factor.step", "R1 step", {eq(t, chi * sum)},
        eq(t + chi * b, chi * (sum + b)), eq(t + b, chi * (sum + b)));
  // The division by the sum of the weights: w = O / l.
  Term l = s["l"], o = s["O"], e = s["e"], v = s["v"], w = s["w"];
  s.add("division.step", "R1 step", {eq(w, o / l), gt(l, 0)},
        eq(w + e / l * v, (o + e * v) / l), eq(w + e * v, (o + e * v) / l));
}

/// R2: softmax against a running reference, any reference.
void reReference(Cases &s) {
  Term m = s["m"], m2 = s["m2"], c = s["c"], v = s["v"];
  Term l = s["l"], sum = s["S"], o = s["o"], weighted = s["O"];
  std::vector<Term> invariant = {eq(l, exp(-m) * sum),
                                 eq(o, exp(-m) * weighted)};
  s.add("softmax.l.step", "R2 step", invariant,
        eq(exp(m - m2) * l + exp(c - m2), exp(-m2) * (sum + exp(c))),
        eq(l + exp(c - m2), exp(-m2) * (sum + exp(c))));
  s.add(
      "softmax.o.step", "R2 step", invariant,
      eq(exp(m - m2) * o + exp(c - m2) * v, exp(-m2) * (weighted + exp(c) * v)),
      eq(exp(m2 - m) * o + exp(c - m2) * v,
         exp(-m2) * (weighted + exp(c) * v)));
  Term running = max(m, c);
  s.add("softmax.l.step.max", "R2 step", invariant,
        eq(exp(m - running) * l + exp(c - running),
           exp(-running) * (sum + exp(c))),
        eq(l + exp(c - running), exp(-running) * (sum + exp(c))));
  s.add("softmax.init", "R2 init", {}, eq(exp(c - c), exp(-c) * exp(c)),
        eq(exp(c), exp(-c) * exp(c)));

  // Merging two pieces.
  Term ma = s["ma"], mb = s["mb"], la = s["la"], lb = s["lb"];
  Term sa = s["Sa"], sb = s["Sb"], both = max(ma, mb);
  s.add("softmax.merge", "R2 combine",
        {eq(la, exp(-ma) * sa), eq(lb, exp(-mb) * sb)},
        eq(exp(ma - both) * la + exp(mb - both) * lb, exp(-both) * (sa + sb)),
        eq(exp(ma - both) * la + lb, exp(-both) * (sa + sb)));
  // Associativity of merging, which transport gives for free.
  Term mc = s["mc"], lc = s["lc"];
  Term left = max(both, mc), right = max(ma, max(mb, mc));
  Term bc = max(mb, mc);
  Term merged = exp(both - left) * (exp(ma - both) * la + exp(mb - both) * lb) +
                exp(mc - left) * lc;
  Term other = exp(ma - right) * la +
               exp(bc - right) * (exp(mb - bc) * lb + exp(mc - bc) * lc);
  Term skipped = exp(ma - right) * la + (exp(mb - bc) * lb + exp(mc - bc) * lc);
  s.add("softmax.merge.associative", "R2 combine", {}, eq(merged, other),
        eq(merged, skipped));

  // The whole: what was written used the maximum of all keys.
  std::vector<Term> final = invariant;
  final.push_back(gt(sum, 0));
  s.add("softmax.final", "R2 final", final, eq(o / l, weighted / sum),
        eq(o / sum, weighted / sum));
  Term top = s["M"];
  s.add("softmax.final.max", "R2 final", final,
        eq(o / l, (exp(-top) * weighted) / (exp(-top) * sum)),
        eq(o / l, (exp(-top) * weighted) / sum));
  s.add("logsumexp.final", "R2 final", final, eq(m + log(l), log(sum)),
        eq(log(l), log(sum)));
  s.add("logsumexp.final.max", "R2 final", final,
        eq(m + log(l), top + log(exp(-top) * sum)),
        eq(m + log(l), top + log(sum)));
}

/// Rows without keys, sinks, soft-capped and scaled scores.
void variants(Cases &s) {
  // A state that is absent until a key is present.
  Term pa = s.truth("pa"), pb = s.truth("pb");
  Term ma = s["ma"], mb = s["mb"], la = s["la"], lb = s["lb"];
  Term sa = s["Sa"], sb = s["Sb"];
  Term reference = ite(pa, ite(pb, max(ma, mb), ma), mb);
  auto act = [&](Term p, Term m, Term l) {
    return ite(p, exp(m - reference) * l, s.number(0));
  };
  auto state = [&](Term p, Term m, Term l, Term sum) {
    return ite(p, eq(l, exp(-m) * sum), eq(sum, 0));
  };
  s.add("absent.merge", "R2 combine",
        {state(pa, ma, la, sa), state(pb, mb, lb, sb)},
        implies(pa || pb, eq(act(pa, ma, la) + act(pb, mb, lb),
                             exp(-reference) * (sa + sb))),
        implies(pa || pb, eq(exp(ma - reference) * la + act(pb, mb, lb),
                             exp(-reference) * (sa + sb))));
  // One virtual key with score z and no value.
  Term z = s["z"], m = s["m"], l = s["l"], sum = s["S"], o = s["o"];
  Term weighted = s["O"];
  s.add(
      "sink.final", "R2 final",
      {eq(l, exp(-m) * (exp(z) + sum)), eq(o, exp(-m) * weighted), ge(sum, 0)},
      eq(o / l, weighted / (exp(z) + sum)), eq(o / l, weighted / sum));
  // A soft-cap is transparent: its value is any number.
  Term x = s["x"], m2 = s["m2"];
  Term capped = 30 * s.c.apply("tanh", {x / s.number(30)});
  s.add("softcap.step", "R2 step", {eq(l, exp(-m) * sum)},
        eq(exp(m - m2) * l + exp(capped - m2), exp(-m2) * (sum + exp(capped))),
        eq(exp(m - m2) * l + exp(x - m2), exp(-m2) * (sum + exp(capped))));
  // exp(x / 2) and exp(x) share an unknown.
  s.add("halves", "R2 step", {}, eq(pow(exp(x / s.number(2)), 2), exp(x)),
        eq(pow(exp(x / s.number(2)), 3), exp(x)));
  // Range: no weight exceeds 1 against the running maximum.
  Term c = s["c"];
  s.add("softmax.range", "R2 range", {eq(m2, max(m, c))},
        le(exp(c - m2), s.number(1)), le(exp(c - m), s.number(1)),
        /*monotone=*/true);
}

/// R4: moments, and R2 on them by translation.
void moments(Cases &s) {
  Term n = s["n"], mean = s["mean"], m2 = s["M2"], x = s["x"], mu = s["mu"];
  Term s1 = s["S1"], s2 = s["S2"];
  std::vector<Term> invariant = {ge(n, 1), eq(mean, s1 / n),
                                 eq(m2, s2 - s1 * s1 / n)};
  Term delta = x - mean, next = mean + delta / (n + 1);
  s.add("welford.mean.step", "R2 step", invariant, eq(next, (s1 + x) / (n + 1)),
        eq(mean + delta / n, (s1 + x) / (n + 1)));
  Term target = s2 + x * x - (s1 + x) * (s1 + x) / (n + 1);
  s.add("welford.m2.step", "R2 step", invariant,
        eq(m2 + delta * (x - next), target), eq(m2 + delta * delta, target));
  // Chan: merging moments of two pieces. The invariant says what the state
  // stands for, not the other way round: cvc5 needs it without quotients.
  Term na = s["na"], nb = s["nb"], ma = s["meana"], mb = s["meanb"];
  Term va = s["M2a"], vb = s["M2b"], sa = s["S1a"], sb = s["S1b"];
  Term qa = s["S2a"], qb = s["S2b"], d = mb - ma;
  Term all = qa + qb - (sa + sb) * (sa + sb) / (na + nb);
  s.add("chan.merge", "R2 combine",
        {ge(na, 1), ge(nb, 1), eq(sa, na * ma), eq(sb, nb * mb),
         eq(qa, va + na * ma * ma), eq(qb, vb + nb * mb * mb)},
        eq(va + vb + d * d * na * nb / (na + nb), all),
        eq(va + vb + d * d / (na + nb), all));
  s.add("variance.separable", "R4 step", {},
        eq((x - mu) * (x - mu), x * x - 2 * (mu * x) + mu * mu),
        eq((x - mu) * (x - mu), x * x + 2 * (mu * x) + mu * mu));
}

/// L2-normalised scores, entropy, maxima of absolute values.
void normalisers(Cases &s) {
  Term w = s["w"], t = s["T"], squares = s["N"], c = s["c"], v = s["v"];
  Term norm = sqrt(squares);
  s.add("l2.step", "R1 step", {gt(squares, 0), eq(w, t / norm)},
        eq(w + c / norm * v, (t + c * v) / norm),
        eq(w + c / squares * v, (t + c * v) / norm));

  Term m = s["m"], m2 = s["m2"], l = s["l"], sum = s["S"], h = s["h"];
  Term scored = s["W"];
  s.add("entropy.step", "R2 step", {eq(h, exp(-m) * scored)},
        eq(exp(m - m2) * h + exp(c - m2) * c, exp(-m2) * (scored + exp(c) * c)),
        eq(exp(m - m2) * h + exp(c - m2), exp(-m2) * (scored + exp(c) * c)));
  std::vector<Term> given = {eq(l, exp(-m) * sum), eq(h, exp(-m) * scored),
                             gt(sum, 0)};
  s.add("entropy.final", "R2 final", given,
        eq(m + log(l) - h / l, log(sum) - scored / sum),
        eq(log(l) - h / l, log(sum) - scored / sum));
  // -a log a with a = exp(c - m)/l, as written, is linear in what is kept.
  Term a = exp(c - m) / l;
  s.add("entropy.separable", "R4 step", {gt(l, 0)},
        eq(-a * log(a), a * (m + log(l)) - a * c),
        eq(-a * log(a), a * log(l) - a * c));
}

/// R5, the rank-1 test that finds the factor, and R6, affine scans.
void separability(Cases &s) {
  Term r = s["r"], c = s["c"], r0 = s["r0"], c0 = s["c0"];
  auto rankOne = [&](auto g) {
    return eq(g(r, c) * g(r0, c0), g(r, c0) * g(r0, c));
  };
  s.add("rank-one", "R5", {},
        rankOne([](Term a, Term b) { return exp(b - a); }),
        rankOne([](Term a, Term b) { return pow(b - a, 2); }));
  s.add("rank-one.quotient", "R5", {ne(r, s.number(0)), ne(r0, s.number(0))},
        rankOne([](Term a, Term b) { return b / a; }),
        rankOne([&](Term a, Term b) {
          return s.c.apply("T", {a, b});
        }));
  Term a1 = s["a1"], b1 = s["b1"], a2 = s["a2"], b2 = s["b2"], x = s["x"];
  s.add("scan.compose", "R6", {},
        eq(a2 * (a1 * x + b1) + b2, (a2 * a1) * x + (a2 * b1 + b2)),
        eq(a2 * (a1 * x + b1) + b2, (a2 * a1) * x + (b1 + b2)));
}

} // namespace

std::vector<RuleCase> ruleCases(TermContext &context) {
  Cases cases(context);
  factorOut(cases);
  reReference(cases);
  variants(cases);
  moments(cases);
  normalisers(cases);
  separability(cases);
  return cases.cases;
}

} // namespace einfall::proof
