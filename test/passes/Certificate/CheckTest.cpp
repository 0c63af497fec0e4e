//===- CheckTest.cpp - Right certificates, and one wrong one per field ----===//

#include "test/passes/Certificate/Examples.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <regex>

using namespace einfall::certificate;
using JSON = nlohmann::ordered_json;
using Verdict = CheckResult::Verdict;

static CheckOptions withoutSolver() {
  CheckOptions options;
  options.useSolver = false;
  return options;
}

static std::string verdictOf(const JSON &json) {
  Result<Certificate> certificate = Certificate::fromJSON(json);
  if (!certificate)
    return certificate.error();
  CheckResult result = check(*certificate, withoutSolver());
  if (result.verdict == Verdict::Accepted)
    return "accepted";
  return result.problems[0].path + ": " + result.problems[0].message;
}

/// The text of the certificate with the value at `pointer` replaced.
static std::string changed(const Certificate &certificate, const char *pointer,
                           JSON value) {
  JSON json = certificate.toJSON();
  json.at(JSON::json_pointer(pointer)) = std::move(value);
  return verdictOf(json);
}

TEST(Check, AcceptsWhatIsRight) {
  for (const auto &[name, certificate] : examples::all()) {
    CheckResult result = check(certificate, CheckOptions());
    EXPECT_EQ(result.verdict, Verdict::Accepted)
        << name << ": " << result.inequalities
        << (result.problems.empty() ? "" : result.problems[0].message);
    EXPECT_EQ(result.boundaries.size(), certificate.boundaries.size()) << name;
  }
}

TEST(Check, ReadsWhatItWrites) {
  for (const auto &[name, certificate] : examples::all()) {
    std::string text = certificate.toJSON().dump();
    Result<Certificate> back = Certificate::parse(text);
    ASSERT_TRUE(back) << name << ": " << back.error();
    EXPECT_EQ(back->toJSON().dump(), text) << name;
  }
}

/// Numbers derived on paper in docs/bounds/attention.md.
TEST(Check, DerivesTheNumbersOfTheText) {
  auto bytes = [](const Certificate &certificate, size_t boundary,
                  size_t bound) {
    return certificate.boundaries[boundary].bounds[bound].bytes.get_str();
  };
  // 16.78 M half-words: 256^2 8192^2 / 262144; Br = 256 moves 4 1/8 times that.
  Certificate attention = examples::attention();
  EXPECT_EQ(bytes(attention, 0, 1), std::to_string(2 * 16777216));
  EXPECT_EQ(attention.boundaries[0].ratio, mpq_class(33, 8));
  // 128 F E P / M
  EXPECT_EQ(bytes(examples::wideValues(), 0, 1),
            std::to_string(4ll * 4 * 32 * 128 * 4096 * 4096 / 8192));
  // (c): P F 1.837 / 64; (d): 2 P F / 64 - M.
  EXPECT_EQ(bytes(examples::smallMemory(), 0, 1), "92465141");
  EXPECT_EQ(bytes(examples::smallMemory(), 0, 2),
            std::to_string(4ll * (2ll * 4096 * 4096 * 48 / 64 - 4096)));
  // 2 P - M for each of 132 SMs; E (E + F) P / M in a cluster of 8.
  Certificate latent = examples::latent();
  EXPECT_EQ(bytes(latent, 0, 1),
            std::to_string(2ll * (2 * 67108864ll - 132 * 262144)));
  EXPECT_EQ(bytes(latent, 1, 1),
            std::to_string(2ll * 576 * 1088 * 67108864 / 2097152));
  // 2 V / sqrt(M) - M words for each SM.
  EXPECT_EQ(bytes(examples::matmul(), 0, 1),
            std::to_string(2ll * ((1ll << 37) / 512 - 132 * 262144)));
  // Four cores hold 139264 of a row's 2 MiB.
  EXPECT_EQ(bytes(examples::norm(), 0, 1),
            std::to_string((4ll << 26) + 64 * ((2 << 20) - 139264)));
}

TEST(Check, TellsWhatIsWrong) {
  Certificate attention = examples::attention();
  EXPECT_EQ(changed(attention, "/boundaries/0/bounds/1/bytes", 33554433),
            "boundaries[0].bounds[1].bytes: claimed 33554433, derived "
            "33554432");
  EXPECT_EQ(changed(attention, "/boundaries/0/bounds/1/regime", "d"),
            "boundaries[0].bounds[1].regime: regime d needs 81 M <= 256 E^2; "
            "E = 128, F = 128, M = 262144 words");
  EXPECT_EQ(changed(attention, "/boundaries/0/bounds/1/value", "K"),
            "boundaries[0].bounds[1].scores[0]: a tensor has two roles: words "
            "are not disjoint");
  EXPECT_EQ(changed(attention, "/boundaries/0/capacity", 232448),
            "boundaries[0].capacity: claimed 232448, derived 524288");
  EXPECT_EQ(changed(attention, "/version", 2),
            "version: 2 is not within 1 .. 1");
  EXPECT_EQ(changed(attention, "/extents", JSON::array()),
            "extents: expected an object");
  EXPECT_EQ(changed(examples::causalMixed(), "/conditions/0/count", 33558529),
            "conditions[0].count: claimed 33558529, derived 33558528");
  EXPECT_EQ(changed(examples::causalMixed(),
                    "/boundaries/0/bounds/1/words/output", 8),
            "boundaries[0].bounds[1].words.output: partial outputs of 8 bits "
            "are smaller than outputs");
  EXPECT_EQ(changed(examples::matmul(),
                    "/boundaries/0/bounds/1/operands/0/exponent", "1/3"),
            "boundaries[0].bounds[1].operands: exponents do not cover rank "
            "'i'");
  EXPECT_EQ(
      changed(examples::matmul(), "/boundaries/0/bounds/1/segment", 524287),
      "boundaries[0].bounds[1].segment: is less than the capacity of "
      "524288 bytes");

  JSON json = attention.toJSON();
  json["boundaries"][0]["note"] = "x";
  EXPECT_EQ(verdictOf(json), "boundaries[0].note: unknown member");
  json = attention.toJSON();
  json["boundaries"][0].erase("units");
  EXPECT_EQ(verdictOf(json), "boundaries[0].units: is missing");
  EXPECT_EQ(changed(examples::norm(),
                    "/boundaries/0/schedule/fits/0/keeps/0/bytes", 32705),
            "boundaries[0].schedule.fits[0].bytes: claimed 32768, derived "
            "32769");
  json = examples::norm().toJSON();
  json["boundaries"][0]["schedule"]["fits"][0]["keeps"][1]["bytes"] = 65;
  json["boundaries"][0]["schedule"]["fits"][0]["bytes"] = 32769;
  EXPECT_EQ(verdictOf(json), "boundaries[0].schedule.fits[0].bytes: what is to "
                             "stay takes 32769 bytes, and L1 has 32768");
  EXPECT_EQ(changed(examples::norm(), "/boundaries/0/schedule/terms/1/asked",
                    2 * 64 * (1 << 20) - 1),
            "boundaries[0].schedule.terms[1].asked: 134217727 bytes are asked "
            "for, and 134217728 are moved");
  // The schedule is below any: its terms and total agree.
  json = attention.toJSON();
  json["boundaries"][0]["schedule"]["terms"][1]["times"] = 0;
  json["boundaries"][0]["schedule"]["total"] = 4194304;
  EXPECT_EQ(verdictOf(json),
            "boundaries[0].schedule.total: a schedule that moves 4194304 bytes "
            "is below the bound of 33554432");
}

TEST(Check, TellsWhatIsWrongOfABackwardPass) {
  Certificate backward = examples::backward();
  const std::string at = "boundaries[0].bounds[1]";
  auto wrong = [&](const char *member, JSON value) {
    std::string pointer = std::string("/boundaries/0/bounds/1/") + member;
    return changed(backward, pointer.c_str(), std::move(value));
  };
  // 3/8 word for each of 4096 * 4097 / 2 pairs.
  EXPECT_EQ(wrong("bytes", 12585985),
            at + ".bytes: claimed 12585985, derived 12585984");
  EXPECT_EQ(wrong("query", "GQ"), at + ".query: 'GQ' is not an input");
  EXPECT_EQ(wrong("valueGradient", "V"),
            at + ".valueGradient: 'V' is not an output");
  EXPECT_EQ(wrong("value", "K"),
            at + ".value: a tensor has two roles: words are not disjoint");
  EXPECT_EQ(wrong("queryGradient", "GK"),
            at + ".queryGradient: 'GK' is not of the same rows");
  EXPECT_EQ(wrong("keyRanks", JSON::array({"f"})),
            at + ".query: 'Q' is not indexed by f by itself, once");
  EXPECT_EQ(wrong("keyRanks", JSON::array()), at + ".keyRanks: is empty");
  EXPECT_EQ(wrong("pairRanks", JSON::array({"p"})),
            at + ".pairRanks: they are not those of rows and columns");
  JSON json = backward.toJSON();
  json["boundaries"][0]["inside"][0]["bytes"] = 131068;
  json["boundaries"][0]["capacity"] = 393212;
  EXPECT_EQ(verdictOf(json), at + ".width: theorem 10 needs M >= 24 d^2; d = "
                                  "64, M = 98303 words");
}

TEST(Check, ParsesUntrustedText) {
  auto parse = [](const std::string &text) {
    Result<Certificate> certificate = Certificate::parse(text);
    return certificate ? "read" : certificate.error();
  };
  EXPECT_EQ(parse("{"), "is not JSON");
  EXPECT_EQ(parse("[]"), "expected an object");
  EXPECT_EQ(parse("{\"a\": 1, \"a\": 2}"), "'a' occurs twice in an object");
  EXPECT_EQ(parse(std::string(100, '[') + std::string(100, ']')),
            "nested deeper than 80");
  EXPECT_EQ(parse(std::string(17 << 20, ' ')),
            "certificate has 17825792 bytes, at most 16777216 are read");
  EXPECT_EQ(parse("{\"format\": \"x\"}"),
            "format: is 'x', expected 'einfall-certificate'");
  // Half a text at any place is refused, not read.
  std::string text = examples::matmul().toJSON().dump();
  for (size_t size = 0; size < text.size(); size += 37)
    EXPECT_NE(parse(text.substr(0, size)), "read");
}

TEST(Check, NeedsASolverOrSaysThatItDoesNot) {
  Certificate attention = examples::attention();
  CheckOptions options;
  options.solver = "/nonexistent/z3";
  CheckResult result = check(attention, options);
  EXPECT_EQ(result.verdict, Verdict::NoSolver);
  EXPECT_EQ(result.inequalities, "no solver at '/nonexistent/z3'");
  result = check(attention, withoutSolver());
  EXPECT_EQ(result.verdict, Verdict::Accepted);
  EXPECT_EQ(result.inequalities, "4 inequalities taken from the text");
  EXPECT_EQ(check(attention, CheckOptions()).inequalities,
            "4 inequalities proved by z3");
  EXPECT_EQ(check(examples::recurrence(), options).verdict, Verdict::Accepted);
  // A solver that proves nothing refuses.
  options.solver = "/bin/true";
  result = check(attention, options);
  EXPECT_EQ(result.verdict, Verdict::Refused);
  EXPECT_EQ(result.problems[0].message,
            "the solver does not prove the inequality F2");
}

/// 192 x 112 for the wider halves of Hopper, 128 x 32 for Ampere, on paper.
TEST(Check, DerivesCostsOfTiles) {
  Choice choice = examples::warpgroups();
  const Choice::Candidate &hopper = choice.candidates[choice.chosen];
  EXPECT_EQ(hopper.warps.warps, 12);
  EXPECT_EQ(hopper.keys, 112);
  EXPECT_EQ(hopper.stages, 2);
  // 36 others, 56 of scores, 28 of weights, 32 of accumulators.
  EXPECT_EQ(hopper.registers, 152);
  // Rows, two stages of keys and values, barriers, three numbers.
  EXPECT_EQ(hopper.sharedBytes, 192 * 128 + 2 * 2 * 112 * 128 + 8 * 9 + 4 * 3);
  EXPECT_EQ(hopper.folds[0].contraction, 2 * 192 * 112 * 64 / 4096);
  EXPECT_EQ(hopper.folds[0].panels, 672);
  // An exponential of every score, and of every row in the four lanes of a
  // quad, for what its reference moved.
  EXPECT_EQ(hopper.folds[0].special, 192 * (112 + 4) / 16);
  // 4.5 instructions of a score; 13 of a lane and row, 64 to move accumulators.
  EXPECT_EQ(hopper.folds[0].arithmetic,
            192 * (9 * 112 + 2 * (4 * 13 + 64)) / 256);
  // Three read keys and values, rows are read, keys and values are written.
  EXPECT_EQ(hopper.folds[0].shared, (8 * 14336 + 192 * 128) / 128);
  EXPECT_EQ(hopper.folds[0].copies, mpq_class(28672 * 33) / 1280);
  EXPECT_EQ(hopper.folds[0].clocks, 12 * (112 + 4) + 90);
  EXPECT_EQ(hopper.clocks, mpq_class(247, 3584));
  // Of three consumers a thread has 65536 / 128 - 32 over 3, in eights.
  EXPECT_EQ(choice.candidates[9].excess, "registers");
  EXPECT_EQ(choice.candidates[9].needs, 36 + 1 + 64 + 32 + 32);
  EXPECT_EQ(choice.candidates[9].has, 160);

  choice = examples::blocks();
  choice.folds.resize(1);
  choice.warps = {{4, 2}};
  choice.keys = {32};
  choice.stages = {2};
  complete(choice);
  const Choice::Candidate &ampere = choice.candidates.front();
  EXPECT_EQ(ampere.registers, 64 + 2 * (12 + 16 + 64 + 1));
  EXPECT_EQ(ampere.sharedBytes, 17 * 16 * (128 + 2 * 2 * 32));
  EXPECT_EQ(ampere.resident, 2); // 65536 registers for 128 x 250
  EXPECT_EQ(ampere.folds[0].contraction, 512);
  EXPECT_EQ(ampere.folds[0].shared,
            (4 * 2 * 8192 + 128 * 256 + 2 * 8192) / 128);
  EXPECT_EQ(ampere.folds[0].waits, 0);
  EXPECT_EQ(ampere.clocks, mpq_class(1, 4));
  // One stage: nobody computes while keys come; a lone block: nobody while
  // another block waits or multiplies.
  choice.stages = {1};
  choice.figures.unitBlocks = 1;
  complete(choice);
  EXPECT_EQ(choice.candidates[0].folds[0].clocks,
            512 + 512 + 9 * 32 + 2 * (4 * 13 + 128) +
                mpq_class(16384 * 27) / 1280 + 90);
}

TEST(Check, TellsWhatIsWrongOfAChoice) {
  Certificate certificate = examples::recurrence();
  certificate.choice = examples::warpgroups();
  EXPECT_EQ(changed(certificate, "/choice/chosen", 9),
            "choice.chosen: claimed 9, derived 12");
  EXPECT_EQ(changed(certificate, "/choice/candidates/9/has", 168),
            "choice.candidates[9].has: claimed 168, derived 160");
  EXPECT_EQ(changed(certificate, "/choice/candidates/9/excess", "threads"),
            "choice.candidates[9].needs: claimed 165, derived 512");
  EXPECT_EQ(changed(certificate, "/choice/space/keys", {128, 112}),
            "choice.candidates: 24 are in the space, 36 are listed");
  EXPECT_EQ(changed(certificate, "/choice/machine/barrierClocks", 31),
            "choice.candidates[12].folds[0].waits: claimed 90, derived 93");
  // What does not fit is no candidate, whatever it costs.
  certificate.choice->figures.sharedBytes = 82000;
  EXPECT_EQ(verdictOf(certificate.toJSON()),
            "choice.candidates[12]: does not fit: shared bytes: 82004 of "
            "82000");
}

/// Two vectors of 8 rows, tiles of 16 keys, one group an item, on paper.
TEST(Check, DerivesCostsOfSizes) {
  SizeChoice choice = examples::sizes();
  const SizeChoice::Candidate &candidate = choice.candidates[3];
  ASSERT_EQ(candidate.vectors, 2);
  ASSERT_EQ(candidate.keys, 16);
  ASSERT_EQ(candidate.groups, 1);
  ASSERT_EQ(candidate.excess, "");
  // 3 groups for 40 rows. The causal fold: 16, 32 and 40 keys in 1, 2 and 3
  // tiles, of which the last is tested, 16, 16 and 8 keys: 88/3 keys on average
  // count as 100/3. The other one: 92 keys in 6 tiles, 4 tested, count as 93.2.
  mpq_class perRow(3, 40);
  // Of a key and an element: 1.5 clocks of multiply-adds (8 sums in 6 clocks of
  // latency), 0.75 of loads.
  mpq_class product = mpq_class(3, 2) + mpq_class(7, 20) * mpq_class(3, 4);
  EXPECT_EQ(candidate.cost.products,
            perRow * product *
                (mpq_class(100, 3) * 32 + mpq_class(466, 5) * 16));
  EXPECT_EQ(candidate.cost.elements,
            perRow * (mpq_class(100, 3) * 17 + mpq_class(466, 5) * 3));
  // 2 parts of tiles on average and 6 + 1, where no reference moves.
  EXPECT_EQ(candidate.cost.accumulate, perRow * (2 * 48 + 7 * 32));
  // Blocks of 4: scores of 88/3 keys, 4 for the features; 4 ends of a mask.
  EXPECT_EQ(candidate.cost.starts,
            perRow * (mpq_class(88, 3) / 4 * 16 + 2 * (150 + 4 * 16 + 4 * 12) +
                      7 * (150 + 4 * 16)));
  // Vectors of keys, in 5 clocks of instructions and 2 of their bytes.
  EXPECT_EQ(candidate.cost.packing, perRow * (2 * 16 * 4 * 7 + 4 * (16 + 48) +
                                              6 * 16 * 2 * 7 + 4 * 48));
  // What exceeds the first level comes once; of 1024 bytes of operands 518 come
  // 3 times more, and 6 of weights. The causal fold does not stay in the second
  // level. Half of it is hidden.
  EXPECT_EQ(candidate.cost.caches,
            perRow *
                (2 * mpq_class(5120 + 3 * 518 + 3 * 6) / 16 +
                 6 * mpq_class(3072 + 3 * 6) / 64) /
                2);
  EXPECT_EQ(candidate.cost.clocks,
            candidate.cost.products + candidate.cost.elements +
                candidate.cost.accumulate + candidate.cost.starts +
                candidate.cost.packing + candidate.cost.caches);

  auto excess = [&](size_t i) {
    const SizeChoice::Candidate &each = choice.candidates[i];
    return each.excess + ": " + std::to_string(each.needs) + " of " +
           std::to_string(each.has);
  };
  EXPECT_EQ(excess(0), "registers: 21 of 16"); // 4 x 4 sums, 4 rows, a key
  EXPECT_EQ(excess(4), "L2 bytes: 4096 of 4000");
  EXPECT_EQ(excess(5), "rows: 49 of 40");
  EXPECT_EQ(excess(6), "L1 bytes: 2048 of 2040");
  EXPECT_EQ(excess(9), "keys: 97 of 90");
  EXPECT_EQ(choice.candidates[13].excess, "");
}

/// Assumed extents, shares of cores, and groups that share what is packed.
TEST(Check, DerivesCostsOfSharedItems) {
  SizeChoice choice = examples::sizes();
  choice.space = {{1, {1, 3}, choice.space[2].masks}};
  choice.keys = {16};
  complete(choice);
  mpq_class alone = choice.candidates[0].cost.packing;
  mpq_class shared = choice.candidates[1].cost.packing;
  // Of 8 rows the causal fold visits 1, 1, 2, 2 and 3 tiles of 16, with 2 edges
  // each that move by one tile in 3 groups; 128 clocks for the rows.
  mpq_class perRow(5, 40), tiles(9, 5);
  EXPECT_EQ(alone, perRow * (tiles * 16 * 4 * 7 + 6 * 16 * 2 * 7 + 128 + 96));
  EXPECT_EQ(shared, perRow * ((tiles + 1) * 16 * 4 * 7 / 3 +
                              mpq_class(6 * 16 * 2 * 7) / 3 + 128 + 96));
  // With eleven cores no item has more than one group; which is not known
  // where items are assumed.
  choice.figures.cores = 11;
  complete(choice);
  EXPECT_EQ(choice.candidates[1].cost.packing, alone);
  choice.items = {{"b"}, 1, /*isAssumed=*/true};
  complete(choice);
  EXPECT_EQ(choice.candidates[1].cost.packing, shared);
  EXPECT_TRUE(
      checkSizes(choice, {{"b", 8}, {"p", 40}, {"m", 64}, {"n", 90}}).empty());
}

TEST(Check, TellsWhatIsWrongOfSizes) {
  Certificate certificate = examples::withSizes();
  std::string chosen = std::to_string(certificate.sizes->chosen);
  EXPECT_EQ(changed(certificate, "/sizes/chosen", 0),
            "sizes.chosen: claimed 0, derived " + chosen);
  EXPECT_EQ(changed(certificate, "/sizes/candidates/4/has", 4096),
            "sizes.candidates[4].has: claimed 4096, derived 4000");
  EXPECT_EQ(changed(certificate, "/sizes/candidates/4/excess", "L1 bytes"),
            "sizes.candidates[4].needs: claimed 4096, derived 1024");
  EXPECT_EQ(changed(certificate, "/sizes/candidates/4/excess", "lanes"),
            "sizes.candidates[4].excess: 'lanes' is nothing that is limited");
  EXPECT_EQ(changed(certificate, "/sizes/space/keys", {16, 32}),
            "sizes.candidates: 12 are in the space, 18 are listed");
  EXPECT_EQ(changed(certificate, "/sizes/space/keys/0", 18),
            "sizes.space.keys[0]: is no multiple of 4, the keys of a block");
  EXPECT_EQ(changed(certificate, "/extents/p", 48),
            "sizes.rows.size: claimed 40, derived 48");
  EXPECT_EQ(changed(certificate, "/sizes/folds/0/deepest", 17),
            "sizes.folds[0].deepest: cannot be the longest of 1, 16 together");
  // What a mask leaves is listed for every group and every block.
  EXPECT_EQ(changed(certificate, "/sizes/space/rows/1/masks/0/leave/0",
                    "some 4, none 11"),
            "sizes.space.rows[1].masks[0].leave[0]: 15 blocks, of 16");
  EXPECT_EQ(changed(certificate, "/sizes/space/rows/1/masks/0/leave/0",
                    "some 04, none 12"),
            "sizes.space.rows[1].masks[0].leave[0]: expected runs as \"all 96, "
            "some 2, none 30\"");
  EXPECT_EQ(changed(certificate, "/sizes/space/rows/1/masks/0/leave",
                    {"some 16", "some 16"}),
            "sizes.space.rows[1].masks[0].leave: 3 groups are looked at, 2 are "
            "listed");
  EXPECT_EQ(changed(certificate, "/sizes/space/rows/1/masks", JSON::array()),
            "sizes.space.rows[1].masks: 1 folds have a mask, 0 are listed");
  EXPECT_EQ(changed(certificate, "/sizes/space/rows/1/groups", JSON::array()),
            "sizes.space.rows[1].groups: there is none");
  EXPECT_EQ(changed(certificate, "/sizes/folds", JSON::array()),
            "sizes.folds: there is none");
  JSON fold = certificate.toJSON()["sizes"]["folds"][1];
  EXPECT_EQ(changed(certificate, "/sizes/folds", JSON(9, fold)),
            "sizes.folds: there are more than 8");
  certificate.sizes->figures.l1Bytes = 1000;
  EXPECT_EQ(verdictOf(certificate.toJSON()),
            "sizes.candidates[3]: does not fit: L1 bytes: 1024 of 1000");
}

// --- every claim, changed ---------------------------------------------------

namespace {

/// Leaves that say nothing that could be wrong: labels, names of tensors that
/// no bound mentions, and the machine's number of units where nothing is
/// subtracted for each of them.
bool isLabel(const std::string &pointer, const JSON &root) {
  static const std::regex labels(
      "/(kernel|source|target|machine/(name|sha256)"
      "|boundaries/\\d+/(boundary|inside/\\d+/memory|schedule/counted"
      "|schedule/terms/\\d+/what|schedule/fits/\\d+/keeps/\\d+/what|bounds/"
      "\\d+/barriers/\\d+))");
  if (std::regex_match(pointer, labels)) {
    // What is to stay is said to stay in a memory by name.
    static const std::regex memory("(/boundaries/\\d+)/inside/\\d+/memory");
    std::smatch match;
    if (!std::regex_match(pointer, match, memory))
      return true;
    const JSON &boundary = root.at(JSON::json_pointer(match[1].str()));
    std::string name = root.at(JSON::json_pointer(pointer)).dump();
    return !boundary.contains("schedule") ||
           !boundary["schedule"].contains("fits") ||
           boundary["schedule"]["fits"].dump().find(name) == std::string::npos;
  }
  static const std::regex names("/tensors/\\d+/name");
  if (std::regex_match(pointer, names)) {
    std::string name = root.at(JSON::json_pointer(pointer)).dump();
    for (const JSON &boundary : root["boundaries"])
      if (boundary["bounds"].dump().find(name) != std::string::npos)
        return false;
    return true;
  }
  static const std::regex units("(/boundaries/\\d+)/units");
  std::smatch match;
  if (!std::regex_match(pointer, match, units))
    return false;
  for (const JSON &bound :
       root.at(JSON::json_pointer(match[1].str()))["bounds"])
    if (bound["kind"] == "passes" || bound["kind"] == "contraction" ||
        bound.value("regime", "") == "d")
      return false;
  return true;
}

/// What stands at a leaf instead, most harmless first.
std::vector<JSON> changes(const JSON &leaf) {
  if (leaf.is_number_integer()) {
    int64_t number = leaf.get<int64_t>();
    return {number + 1, 2 * number + 3, number - 1};
  }
  if (leaf.is_string()) {
    std::string text = leaf.get<std::string>();
    size_t slash = text.find('/');
    if (slash != std::string::npos && slash > 0 && isdigit(text[0]))
      return {"1" + text, text + "1"};
    if (!text.empty() && isdigit(text[0]))
      return {"1" + text, text + "1"};
    return {text + "x"};
  }
  return {JSON("x")};
}

/// Where a small change may leave all that is said true, so that one change
/// must be refused, not all of them: the length of segments near the best; how
/// a count is written (ceil(8192 / 257) is ceil(8192 / 256)); sizes of words
/// that only side conditions ask for; coordinates outside of every tensor; more
/// or less of what a machine has enough of.
bool mayStayTrue(const std::string &pointer) {
  static const std::regex leaves(
      "/boundaries/\\d+/bounds/\\d+/segment"
      "|/boundaries/\\d+/schedule/terms/\\d+/(times|asked)/.*"
      "|/boundaries/\\d+/bounds/\\d+/words/score"
      "|/choice/rows|/choice/machine/.*"
      "|/choice/launch/(units|mostParts|splits|bytesPerClock|stateBytes)"
      "|/choice/launch/(group|streams/.*)"
      "|/choice/launch/sharing/\\d+/machine/.*"
      "|/sizes/machine/.*"
      "|/extents/.*");
  return std::regex_match(pointer, leaves);
}

} // namespace

TEST(Check, RefusesEveryWrongClaim) {
  unsigned refused = 0, labels = 0;
  for (const auto &[name, certificate] : examples::all()) {
    JSON json = certificate.toJSON();
    ASSERT_EQ(verdictOf(json), "accepted");
    JSON leaves = json.flatten();
    for (const auto &leaf : leaves.items()) {
      const std::string &pointer = leaf.key();
      JSON::json_pointer at(pointer);
      bool any = false;
      std::vector<JSON> others = changes(json.at(at));
      if (mayStayTrue(pointer) && json.at(at).is_number_integer())
        others.insert(others.end(), {JSON(0), JSON(1000000)});
      for (const JSON &change : others) {
        JSON wrong = json;
        wrong.at(at) = change;
        std::string verdict = verdictOf(wrong);
        if (isLabel(pointer, json)) {
          EXPECT_EQ(verdict, "accepted") << name << " " << pointer;
          ++labels;
          break;
        }
        any |= verdict != "accepted";
        if (!mayStayTrue(pointer)) {
          EXPECT_NE(verdict, "accepted")
              << name << " " << pointer << " is " << json.at(at)
              << ", changed to " << change;
        }
        ++refused;
      }
      if (!isLabel(pointer, json)) {
        EXPECT_TRUE(any) << name << " " << pointer;
      }
    }
  }
  EXPECT_GT(refused, 800u);
  EXPECT_GT(labels, 50u);
}
