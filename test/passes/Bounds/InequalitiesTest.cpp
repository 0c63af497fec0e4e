//===- InequalitiesTest.cpp - F1 to F17, and what is not quite true -------===//
//
// A solver refutes the negation of every inequality of docs/bounds/attention.md
// and finds a counterexample to a copy of each with one number changed a
// little: the inequalities hold, and are not vacuous.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/Inequalities.h"

#include <gtest/gtest.h>

#include <map>

using namespace einfall::certificate;

static std::vector<Answer> ask(const std::vector<Inequality> &inequalities) {
  Result<std::vector<Answer>> answers = solve(inequalities, "", 120);
  EXPECT_TRUE(answers) << answers.error();
  return answers ? *answers : std::vector<Answer>();
}

static Inequality perturbed(const Inequality &inequality,
                            const std::string &before,
                            const std::string &after) {
  Inequality copy = inequality;
  unsigned changes = 0;
  auto replace = [&](std::string &text) {
    size_t at = text.find(before);
    if (at == std::string::npos)
      return;
    text.replace(at, before.size(), after);
    ++changes;
  };
  for (std::string &premise : copy.premises)
    replace(premise);
  replace(copy.conclusion);
  EXPECT_EQ(changes, 1u) << inequality.name;
  return copy;
}

TEST(Inequalities, AreProved) {
  std::vector<Answer> answers = ask(allInequalities());
  ASSERT_EQ(answers.size(), 22u);
  for (size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i], Answer::Unsat) << allInequalities()[i].name;
}

TEST(Inequalities, HoldByLittle) {
  std::map<std::string, std::pair<const char *, const char *>> changes = {
      {"F1", {"(* M M)", "(* 0.99 M M)"}},
      {"F2", {"(* 2.0 E y)", "(* 2.1 E y)"}},
      {"F3", {"(* 2.0 t)", "(* 2.1 t)"}},
      {"F4", {"(<= F E)", "(<= F (* 4.0 E))"}},
      {"F5", {"(* 4.0 E (+ E F))", "(* 3.9 E (+ E F))"}},
      {"F6", {"16.0", "16.1"}},
      {"F7", {"256.0", "255.0"}},
      {"F8", {"27.0", "27.1"}},
      {"F9", {"4.0", "4.1"}},
      {"F10", {"(* M M)", "(* 0.99 M M)"}},
      {"F11", {"(>= B (* 4.0 G))", "(>= B (* 3.9 G))"}},
      {"F12", {"(* g (+ k m)", "(* 1.01 g (+ k m)"}},
      {"F13", {"64.0", "64.1"}},
      {"F14", {"27.0", "27.1"}},
      {"F15", {"(* 3.0 r)", "(* 2.9 r)"}},
      {"F16", {"262144.0", "65535.0"}},
      {"F17.1", {"4.0", "4.1"}},
      {"F17.2", {"4.0", "6.1"}},
      {"F17.3", {"4.0", "4.1"}},
      {"F17.4", {"4.0", "5.9"}},
      {"F17.5", {"4.0", "4.6"}},
      {"F17.6", {"4.0", "4.1"}},
  };
  std::vector<Inequality> copies;
  for (const Inequality &inequality : allInequalities()) {
    ASSERT_TRUE(changes.count(inequality.name)) << inequality.name;
    auto [before, after] = changes[inequality.name];
    copies.push_back(perturbed(inequality, before, after));
  }
  std::vector<Answer> answers = ask(copies);
  for (size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i], Answer::Sat) << copies[i].name;
}

TEST(Inequalities, WeightedMeans) {
  std::vector<std::vector<unsigned>> weights = {
      {1, 1}, {1, 1, 1}, {1, 2}, {1, 1, 2}, {1, 3}, {1, 1, 1, 1}, {1, 2, 3}};
  std::vector<Inequality> means, wrong;
  for (const std::vector<unsigned> &w : weights) {
    means.push_back(*meansInequality(w));
    wrong.push_back(means.back());
    size_t at = wrong.back().conclusion.find("(* 1.0");
    wrong.back().conclusion.replace(at, 6, "(* 1.01");
  }
  for (Answer answer : ask(means))
    EXPECT_EQ(answer, Answer::Unsat);
  for (Answer answer : ask(wrong))
    EXPECT_EQ(answer, Answer::Sat);
  EXPECT_FALSE(meansInequality({3, 4}));
}

TEST(Inequalities, SolverIsKilled) {
  // Takes far longer than the limit.
  Inequality hard = {"hard",
                     "a b c d e f g h",
                     {},
                     "(= (* a b c d) (+ (* e f g h) 7.5 (* a a e e c c c) (* b "
                     "b b d d g g)))"};
  hard.premises = {"(= (* a a a b) (+ c d 1.0))",
                   "(= (* e e f f f) (+ g (* h h h) 2.0))",
                   "(= (+ (* a b c) (* d e f)) (* g h g h))",
                   "(= (* a c e g a) (+ (* b d f h b) 3.0))"};
  Result<std::vector<Answer>> answers = solve({hard}, "", 0.001);
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0], Answer::Unknown);
}
