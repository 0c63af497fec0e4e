//===- Examples.cpp - Certificates made by hand ---------------------------===//
//
// Claims that can be derived are filled in by `complete`; CheckTest.cpp holds
// the ones that matter against numbers derived on paper.
//
//===----------------------------------------------------------------------===//

#include "test/passes/Certificate/Examples.h"
#include "passes/Certificate/ChoiceReader.h"

#include <cstdio>
#include <cstdlib>

namespace einfall::certificate::examples {

using Direction = Tensor::Direction;

static Expression rank(const char *name) {
  return Expression::coordinate(name);
}
static Expression extent(const char *name) { return Expression::extent(name); }

static Tensor tensor(const char *name, Direction direction, unsigned bits,
                     std::vector<int64_t> dimensions,
                     std::vector<Expression> index, const char *needs = "") {
  Tensor result;
  result.name = name;
  result.direction = direction;
  result.bits = bits;
  result.dimensions = std::move(dimensions);
  result.index.assign(index.begin(), index.end());
  result.needs = needs;
  return result;
}

static Certificate start(const char *kernel,
                         std::map<std::string, int64_t> extents) {
  Certificate result;
  result.kernel = kernel;
  result.source = "0123456789abcdef";
  result.target = "sm_90a";
  result.machineName = "h100-sxm5";
  result.machineHash = "fedcba9876543210";
  result.extents = std::move(extents);
  return result;
}

static Boundary streamingMultiprocessors() {
  Boundary boundary;
  boundary.name = "L2 to SM";
  boundary.units = 132;
  boundary.inside = {{"registers", 262144}, {"shared memory and L1", 262144}};
  boundary.bounds = {{CompulsoryBound()}};
  return boundary;
}

static Certificate finish(Certificate certificate) {
  Result<Certificate> done = complete(certificate);
  if (!done) {
    std::fprintf(stderr, "%s: %s\n", certificate.kernel.c_str(),
                 done.error().c_str());
    std::exit(1);
  }
  return *done;
}

Certificate attention() {
  Certificate result =
      start("attention", {{"p", 8192}, {"m", 8192}, {"e", 128}, {"f", 128}});
  result.tensors = {
      tensor("Q", Direction::Input, 16, {8192, 128}, {rank("p"), rank("e")}),
      tensor("K", Direction::Input, 16, {8192, 128}, {rank("m"), rank("e")}),
      tensor("V", Direction::Input, 16, {8192, 128}, {rank("m"), rank("f")}),
      tensor("O", Direction::Output, 16, {8192, 128}, {rank("p"), rank("f")})};
  Boundary boundary = streamingMultiprocessors();
  AttentionBound bound;
  bound.theorem = 1;
  bound.regime = 'a';
  bound.pairRanks = {"p", "m"};
  bound.scores = {{"Q", "K", {"e"}}};
  bound.value = "V";
  bound.valueRanks = {"f"};
  bound.output = "O";
  boundary.bounds.push_back({bound});
  Expression blocks = ceilDivide(extent("p"), 256);
  boundary.schedule = ScheduleTraffic{
      "exact",
      {{"Q", 2, extent("p") * extent("e")},
       {"K and V", 2, blocks * extent("m") * (extent("e") + extent("f"))},
       {"O", 2, extent("p") * extent("f")}}};
  result.boundaries = {boundary};
  return finish(result);
}

/// One head of 64 in f32, whose rows are not columns in number.
Certificate backward() {
  Certificate result =
      start("backward", {{"p", 4096}, {"m", 8192}, {"e", 64}, {"f", 64}});
  result.conditions = {{"pairs0", {"p", "m"}, lessEqual(rank("m"), rank("p"))}};
  auto input = Direction::Input, output = Direction::Output;
  auto rows = [](const char *width) {
    return std::vector<Expression>{rank("p"), rank(width)};
  };
  auto columns = [](const char *width) {
    return std::vector<Expression>{rank("m"), rank(width)};
  };
  result.tensors = {tensor("Q", input, 32, {4096, 64}, rows("e")),
                    tensor("GO", input, 32, {4096, 64}, rows("f")),
                    tensor("K", input, 32, {8192, 64}, columns("e"), "pairs0"),
                    tensor("V", input, 32, {8192, 64}, columns("f"), "pairs0"),
                    tensor("GQ", output, 32, {4096, 64}, rows("e")),
                    tensor("GK", output, 32, {8192, 64}, columns("e")),
                    tensor("GV", output, 32, {8192, 64}, columns("f"))};
  Boundary boundary = streamingMultiprocessors();
  BackwardBound bound;
  bound.pairRanks = {"p", "m"};
  bound.condition = "pairs0";
  bound.query = "Q", bound.key = "K", bound.value = "V";
  bound.outputGradient = "GO";
  bound.queryGradient = "GQ", bound.keyGradient = "GK";
  bound.valueGradient = "GV";
  bound.keyRanks = {"e"};
  bound.valueRanks = {"f"};
  boundary.bounds.push_back({bound});
  result.boundaries = {boundary};
  return finish(result);
}

Certificate causalMixed() {
  Certificate result = start(
      "grouped",
      {{"b", 4}, {"h", 48}, {"p", 8192}, {"m", 8192}, {"e", 128}, {"f", 128}});
  Expression kv = floorDivide(rank("h"), 6);
  result.conditions = {{"pairs0", {"p", "m"}, lessEqual(rank("m"), rank("p"))}};
  result.tensors = {tensor("Q", Direction::Input, 16, {4, 48, 8192, 128},
                           {rank("b"), rank("h"), rank("p"), rank("e")}),
                    tensor("K", Direction::Input, 16, {4, 8, 8192, 128},
                           {rank("b"), kv, rank("m"), rank("e")}, "pairs0"),
                    tensor("V", Direction::Input, 16, {4, 8, 8192, 128},
                           {rank("b"), kv, rank("m"), rank("f")}, "pairs0"),
                    tensor("O", Direction::Output, 16, {4, 48, 8192, 128},
                           {rank("b"), rank("h"), rank("p"), rank("f")})};
  Boundary boundary = streamingMultiprocessors();
  AttentionBound bound;
  bound.theorem = 4;
  bound.pairRanks = {"b", "h", "p", "m"};
  bound.condition = "pairs0";
  bound.scores = {{"Q", "K", {"e"}}};
  bound.value = "V";
  bound.valueRanks = {"f"};
  bound.output = "O";
  bound.words.score = 16;
  bound.words.output = 32;
  boundary.bounds.push_back({bound});
  // Blocks of 128 rows; keys in steps of 64, as far as the mask needs them.
  Expression steps = sum("i", 0, ceilDivide(extent("p"), 128),
                         minimum(ceilDivide(rank("i") * 128 + 128, 64),
                                 ceilDivide(extent("m"), 64)));
  Expression heads = extent("b") * extent("h");
  boundary.schedule = ScheduleTraffic{
      "exact",
      {{"Q", 2, heads * extent("p") * extent("e")},
       {"K and V", 2, heads * 64 * (extent("e") + extent("f")) * steps},
       {"O", 2, heads * extent("p") * extent("f")}}};
  result.boundaries = {boundary};
  return finish(result);
}

static Certificate small(const char *kernel, int64_t n, int64_t e, int64_t f,
                         int64_t bytes, const char *regimes) {
  Certificate result = start(kernel, {{"p", n}, {"m", n}, {"e", e}, {"f", f}});
  result.tensors = {
      tensor("Q", Direction::Input, 32, {n, e}, {rank("p"), rank("e")}),
      tensor("K", Direction::Input, 32, {n, e}, {rank("m"), rank("e")}),
      tensor("V", Direction::Input, 32, {n, f}, {rank("m"), rank("f")}),
      tensor("O", Direction::Output, 32, {n, f}, {rank("p"), rank("f")})};
  Boundary boundary;
  boundary.name = "L2 to core";
  boundary.units = 1;
  boundary.inside = {{"L1", bytes}};
  boundary.bounds = {{CompulsoryBound()}};
  for (const char *regime = regimes; *regime; ++regime) {
    AttentionBound bound;
    bound.theorem = 1;
    bound.regime = *regime;
    bound.pairRanks = {"p", "m"};
    bound.scores = {{"Q", "K", {"e"}}};
    bound.value = "V";
    bound.valueRanks = {"f"};
    bound.output = "O";
    boundary.bounds.push_back({bound});
  }
  result.boundaries = {boundary};
  return finish(result);
}

Certificate wideValues() {
  return small("wide-values", 4096, 32, 128, 32768, "b");
}
Certificate smallMemory() {
  return small("small-memory", 4096, 64, 48, 4 * 4096, "cd");
}

Certificate latent() {
  Certificate result = start(
      "mla",
      {{"h", 128}, {"p", 64}, {"m", 8192}, {"c", 512}, {"r", 64}, {"f", 512}});
  result.tensors = {
      tensor("QC", Direction::Input, 16, {128, 64, 512},
             {rank("h"), rank("p"), rank("c")}),
      tensor("QR", Direction::Input, 16, {128, 64, 64},
             {rank("h"), rank("p"), rank("r")}),
      tensor("C", Direction::Input, 16, {8192, 512}, {rank("m"), rank("c")}),
      tensor("R", Direction::Input, 16, {8192, 64}, {rank("m"), rank("r")}),
      tensor("O", Direction::Output, 16, {128, 64, 512},
             {rank("h"), rank("p"), rank("f")})};
  AttentionBound bound;
  bound.theorem = 5;
  bound.regime = 'd';
  bound.pairRanks = {"h", "p", "m"};
  bound.scores = {{"QC", "C", {"c"}}, {"QR", "R", {"r"}}};
  bound.value = "C";
  bound.valueRanks = {"f"};
  bound.output = "O";
  Boundary alone = streamingMultiprocessors(), cluster = alone;
  alone.bounds.push_back({bound});
  bound.regime = 'c';
  alone.bounds.push_back({bound});
  cluster.name = "L2 to cluster of 8";
  cluster.units = 16;
  for (Boundary::Memory &memory : cluster.inside)
    memory.bytes *= 8;
  bound.regime = 'a';
  cluster.bounds.push_back({bound});
  result.boundaries = {alone, cluster};
  return finish(result);
}

Certificate matmul() {
  Certificate result = start("matmul", {{"i", 4096}, {"j", 4096}, {"k", 4096}});
  result.tensors = {
      tensor("A", Direction::Input, 16, {4096, 4096}, {rank("i"), rank("k")}),
      tensor("B", Direction::Input, 16, {4096, 4096}, {rank("k"), rank("j")}),
      tensor("C", Direction::Output, 16, {4096, 4096}, {rank("i"), rank("j")})};
  Boundary boundary = streamingMultiprocessors();
  ContractionBound bound;
  bound.ranks = {"i", "j", "k"};
  mpq_class half(1, 2);
  bound.operands = {{"A", 16, half}, {"B", 16, half}, {"C", 16, half}};
  bound.segment = 2 * 524288;
  boundary.bounds.push_back({bound});
  bound.operands.back().bits = 32;
  boundary.bounds.push_back({bound});
  // Tiles of 128 x 256.
  Expression i = extent("i"), j = extent("j"), k = extent("k");
  boundary.schedule = ScheduleTraffic{"modelled",
                                      {{"A", 2, i * k * ceilDivide(j, 256)},
                                       {"B", 2, k * j * ceilDivide(i, 128)},
                                       {"C", 2, i * j}}};
  result.boundaries = {boundary};
  return finish(result);
}

Certificate norm() {
  Certificate result = start("norm", {{"b", 64}, {"n", 1 << 20}});
  result.tensors = {
      tensor("X", Direction::Input, 16, {64, 1 << 20}, {rank("b"), rank("n")}),
      tensor("Y", Direction::Output, 16, {64, 1 << 20},
             {rank("b"), rank("n")})};
  Boundary boundary;
  boundary.name = "L2 to core";
  boundary.units = 4;
  boundary.inside = {{"L1", 32768}, {"registers", 2048}};
  boundary.bounds = {{CompulsoryBound()}};
  PassesBound bound;
  bound.tensor = "X";
  bound.fibre = {"n"};
  bound.barriers = {"sum of squares over n"};
  boundary.bounds.push_back({bound});
  // Rows are loaded twice, of which the program asks for the first part thrice;
  // what stays meanwhile fills the cache to the last byte.
  Expression words = extent("b") * extent("n");
  ScheduleTraffic schedule;
  schedule.counted = "modelled";
  schedule.terms = {{"X", 2, 2 * words, 4 * words + 1024 * extent("b")},
                    {"Y", 2, words, 2 * words}};
  schedule.fits = {
      {"L1", {{"part of a row", 32704}, {"a line of it", 64}}, {}}};
  boundary.schedule = schedule;
  result.boundaries = {boundary};
  return finish(result);
}

Certificate recurrence() {
  Certificate result =
      start("linear-attention", {{"b", 8}, {"t", 4096}, {"e", 64}, {"f", 64}});
  result.tensors = {tensor("Q", Direction::Input, 16, {8, 4096, 64},
                           {rank("b"), rank("t"), rank("e")}),
                    tensor("K", Direction::Input, 16, {8, 4096, 64},
                           {rank("b"), rank("t"), rank("e")}),
                    tensor("V", Direction::Input, 16, {8, 4096, 64},
                           {rank("b"), rank("t"), rank("f")}),
                    tensor("O", Direction::Output, 16, {8, 4096, 64},
                           {rank("b"), rank("t"), rank("f")})};
  Boundary boundary = streamingMultiprocessors();
  Expression words = extent("b") * extent("t") * (extent("e") + extent("f"));
  boundary.schedule = ScheduleTraffic{"exact", {{"Q, K, V and O", 4, words}}};
  result.boundaries = {boundary};
  return finish(result);
}

Choice warpgroups() {
  Choice choice;
  choice.program = Choice::Program::Warpgroups;
  choice.figures.warpLanes = 32;
  choice.figures.matrixFlopPerClock = 4096;
  choice.figures.fmaFlopPerClock = 256;
  choice.figures.specialPerClock = 16;
  choice.figures.sharedBytesPerClock = 128;
  choice.figures.copyBytesPerClock = mpq_class(1280, 33); // 5120 / 132
  choice.figures.barrierClocks = 30;
  choice.figures.threads = 1024;
  choice.figures.registersPerThread = 255;
  choice.figures.sharedBytes = 232448;
  choice.figures.unitRegisters = 65536;
  Choice::Operand half{64, 2, true};
  choice.folds = {{{half}, {half}, 1, 0, 1, 9, 4, 116}};
  choice.items = 2;
  choice.rows = 160;
  choice.warps = {{16, 1}, {12, 1}, {8, 1}, {4, 1}};
  choice.keys = {128, 112, 64};
  choice.stages = {2, 4, 8};
  complete(choice);
  return choice;
}

Choice blocks() {
  Choice choice;
  choice.program = Choice::Program::Blocks;
  choice.figures = warpgroups().figures;
  choice.figures.matrixFlopPerClock = 2048;
  choice.figures.fmaFlopPerClock = 128;
  choice.figures.copyBytesPerClock = mpq_class(1280, 27); // 5120 / 108
  choice.figures.sharedBytes = 166912;
  choice.figures.unitThreads = 2048;
  choice.figures.unitBlocks = 32;
  choice.figures.unitSharedBytes = 167936;
  choice.figures.sharedReservedBytes = 1024;
  choice.figures.registersPerWarpUnit = 256;
  Choice::Operand half{128, 2, true}, odd{96, 2, true};
  choice.folds = {{{half}, {half}, 0, 0, 1, 9, 4, 180},
                  {{odd}, {odd}, 0, 1, 1, 9, 4, 148}};
  choice.warps = {{4, 2}, {4, 1}, {1, 1}};
  choice.keys = {64, 32};
  choice.stages = {2, 1};
  complete(choice);
  // 16 rows of one item each, 8 of which read the same 2048 keys: alone,
  // packed, and in as many parts as have 256 keys.
  Choice sharing = choice;
  sharing.warps = {{4, 1}};
  sharing.keys = {64};
  sharing.stages = {1};
  complete(sharing);
  Choice::Launch launch;
  launch.units = 108;
  launch.launchClocks = 2820;
  launch.bytesPerClock = 5120;
  launch.memoryClocks = 470;
  launch.cacheClocks = 260;
  launch.mostParts = 8;
  launch.splits = 1;
  launch.stateBytes = 1024;
  launch.items = 16;
  launch.rows = 1;
  launch.group = 8;
  launch.streams = {2048, 2048};
  launch.sharing = {sharing};
  // No unit has two blocks. A block waits, for each fold, for its rows and, if
  // it copies ahead, for the first tile, at 1280 / 27 bytes per clock: ceil(470
  // + rows 64 * 128 * 2 / (1280 / 27)) = ceil(815.6) of 64 rows, of 96 columns
  // ceil(470 + 259.2). Parts have 4 tiles each, and 16 rows in 8 parts leave
  // 1024 bytes that are written and read, 51 clocks; of each of two folds
  // references and two rounds of 4 parts are loaded.
  auto clocks = [](const Choice &tile, int64_t tiles) {
    const Choice::Candidate &shape = tile.candidates[tile.chosen];
    mpz_class all = 0;
    for (const mpz_class &each : tileClocks(tile, shape, /*lone=*/true))
      all += each;
    return tiles * all.get_si();
  };
  const Choice::Candidate &lone = choice.candidates[choice.chosen];
  mpq_class start = 0;
  for (size_t i = 0; i < 2; ++i) {
    mpq_class each = 470 + mpq_class(lone.warps.warps * lone.warps.fragments *
                                     16 * (i ? 96 : 128) * 2 * 27) /
                               1280;
    if (lone.stages > 1)
      each += lone.folds[i].copies;
    mpz_class whole;
    mpz_cdiv_q(whole.get_mpz_t(), each.get_num_mpz_t(), each.get_den_mpz_t());
    start += whole;
  }
  launch.ways = {
      {0, 1, 16, 1,
       clocks(choice, 2048 / lone.keys) + start.get_num().get_si()},
      {1, 1, 2, 1, clocks(sharing, 32) + 816 + 730},
      {1, 8, 16, 1, clocks(sharing, 4) + 816 + 730 + 2820 + 51 + 2 * 3 * 260}};
  launch.taken = 2;
  choice.launch = launch;
  return choice;
}

SizeChoice sizes() {
  using Run = SizeChoice::Run;
  SizeChoice choice;
  choice.figures = {8, 16, 2040, 4000, 2, 2, 2, 64, 16};
  choice.keyBlock = 4;
  choice.rows = {{"p"}, 40};
  choice.items = {{"b"}, 8};
  SizeChoice::Fold causal;
  causal.keys = {{"m"}, 64};
  causal.contracted = causal.deepest = causal.features = 16;
  causal.contractions = 1;
  causal.instructions = 17;
  causal.moves = causal.isMasked = true;
  SizeChoice::Fold whole;
  whole.keys = {{"n"}, 90};
  whole.features = 16;
  whole.instructions = 3;
  choice.folds = {causal, whole};
  // Of `rows` rows the group i sees keys up to the row: blocks of 4.
  auto seen = [](int64_t rows) {
    std::vector<SizeChoice::Runs> groups;
    for (int64_t from = 0; from < 40; from += rows) {
      int64_t all = from / 4,
              end = (std::min<int64_t>(from + rows, 40) + 3) / 4;
      SizeChoice::Runs runs;
      if (all)
        runs.push_back({Run::Kind::All, all});
      runs.push_back({Run::Kind::Some, end - all});
      runs.push_back({Run::Kind::None, 16 - end});
      groups.push_back(runs);
    }
    return groups;
  };
  choice.space = {
      {4, {1}, {seen(32)}}, {2, {1, 2, 4}, {seen(16)}}, {1, {1, 3}, {seen(8)}}};
  choice.keys = {16, 32, 112};
  complete(choice);
  return choice;
}

Certificate withSizes() {
  Certificate result = recurrence();
  result.extents.insert({{"p", 40}, {"m", 64}, {"n", 90}});
  result.sizes = sizes();
  return result;
}

std::vector<std::pair<const char *, Certificate>> all() {
  Certificate hopper = recurrence(), ampere = recurrence();
  hopper.choice = warpgroups();
  ampere.choice = blocks();
  return {{"attention", attention()},
          {"backward", backward()},
          {"causal-mixed", causalMixed()},
          {"wide-values", wideValues()},
          {"small-memory", smallMemory()},
          {"latent", latent()},
          {"matmul", matmul()},
          {"norm", norm()},
          {"recurrence", recurrence()},
          {"warpgroups", hopper},
          {"blocks", ampere},
          {"sizes", withSizes()}};
}

} // namespace einfall::certificate::examples
