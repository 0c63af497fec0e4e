//===- TimelineTest.cpp - Traces played by hand ---------------------------===//

#include "passes/Schedule/Timeline.h"
#include <gtest/gtest.h>

#include <cmath>

using namespace einfall;
using Event = BlockEvent::Kind;

namespace {
/// Units with round rates, in clocks: 1000 FLOP of products, 10 special
/// functions, 100 other instructions, 50 bytes of shared memory, 8 copied
/// bytes of an SM.
const Machine &machine() {
  static const Machine described = [] {
    Machine result = *findMachine("h100-sxm5");
    result.clockHz = 1e9;
    for (MatrixRate &rate : result.matrix)
      rate.flopPerClock = 1000;
    result.specialPerClock = 10;
    result.fmaFlopPerClock = 200;
    result.sharedBytesPerClock = 50;
    MemoryLevel &last = result.levels.back();
    last.bytesPerSecond = 8e9 * double(last.units);
    return result;
  }();
  return described;
}

BlockEvent work(Event kind, double amount, int64_t tile = -1) {
  BlockEvent event{kind};
  event.amount = amount;
  event.tile = tile;
  return event;
}

BlockEvent asynchronous(Event kind, double amount, int64_t id = 0,
                        int64_t tile = -1) {
  BlockEvent event = work(kind, amount, tile);
  event.isAsynchronous = true;
  event.id = id;
  return event;
}

BlockEvent sync(Event kind, int64_t id, int64_t count, double amount = 0) {
  BlockEvent event{kind};
  event.id = id;
  event.count = count;
  event.amount = amount;
  return event;
}

WarpGroupTrace group(std::string name, std::vector<BlockEvent> events) {
  return {std::move(name), /*warps=*/4, std::move(events)};
}

/// The spans as text, a line each: "name kind begin-end".
std::string played(const std::vector<WarpGroupTrace> &trace) {
  Timeline timeline = playTrace(trace, machine());
  if (timeline.isStuck)
    return "stuck";
  std::string text;
  for (const TimelineSpan &span : timeline.spans) {
    const char *kind = span.kind == Event::Copy      ? "copy"
                       : span.kind == Event::Matrix  ? "matrix"
                       : span.kind == Event::Special ? "special"
                       : span.kind == Event::Shared  ? "shared"
                       : span.kind == Event::Store   ? "store"
                                                     : "arithmetic";
    text += timeline.groups[span.group] + " " + kind + " " +
            std::to_string(std::lround(span.begin)) + "-" +
            std::to_string(std::lround(span.end)) + "\n";
  }
  return text;
}
} // namespace

TEST(Timeline, WorkOfOneGroupFollowsItself) {
  EXPECT_EQ(
      played({group("a", {work(Event::Matrix, 5000), work(Event::Special, 100),
                          work(Event::Arithmetic, 300),
                          work(Event::Shared, 100), work(Event::Store, 80)})}),
      "a matrix 0-5\na special 5-15\na arithmetic 15-18\n"
      "a shared 18-20\na store 20-30\n");
}

TEST(Timeline, ProductsInTheBackgroundOverlapUntilTheWait) {
  std::vector<BlockEvent> events{
      asynchronous(Event::Matrix, 20000), sync(Event::MatrixCommit, 0, 0),
      work(Event::Special, 100), sync(Event::MatrixWait, 0, 0),
      work(Event::Arithmetic, 100)};
  EXPECT_EQ(played({group("a", events)}),
            "a matrix 0-20\na special 0-10\na arithmetic 20-21\n");
  // A wait that leaves one group open does not wait for it.
  events[3].count = 1;
  EXPECT_EQ(played({group("a", events)}),
            "a matrix 0-20\na special 0-10\na arithmetic 10-11\n");
}

TEST(Timeline, AUnitServesOneGroupAtATime) {
  EXPECT_EQ(played({group("a", {work(Event::Special, 100)}),
                    group("b", {work(Event::Special, 50)})}),
            "a special 0-10\nb special 10-15\n");
}

TEST(Timeline, CopiesLandBeforeTheirConsumerGoesOn) {
  EXPECT_EQ(
      played({group("a",
                    {work(Event::Copy, 80), sync(Event::CopyCommit, 0, 0),
                     work(Event::Copy, 40), sync(Event::CopyCommit, 0, 0),
                     sync(Event::CopyWait, 0, 1), work(Event::Matrix, 1000),
                     sync(Event::CopyWait, 0, 0), work(Event::Matrix, 1000)})}),
      "a copy 0-15\na matrix 10-11\na matrix 15-16\n");
}

TEST(Timeline, AProducerFillsWhatAConsumerWaitsFor) {
  std::vector<BlockEvent> producer{sync(Event::PhaseInit, 64, 1),
                                   sync(Event::PhaseExpect, 64, 1, 160),
                                   asynchronous(Event::Copy, 0, 64)};
  std::vector<BlockEvent> consumer{sync(Event::PhaseWait, 64, 0),
                                   work(Event::Matrix, 3000)};
  EXPECT_EQ(played({group("producer", producer), group("consumer", consumer)}),
            "producer copy 0-20\nconsumer matrix 20-23\n");
  // While phase 0 goes on, a wait for parity 1 is over at once, as PTX has it.
  consumer[0].count = 1;
  EXPECT_EQ(played({group("consumer", consumer), group("producer", producer)}),
            "consumer matrix 0-3\nproducer copy 0-20\n");
  // Without the copy the bytes are never there.
  producer.pop_back();
  consumer[0].count = 0;
  EXPECT_EQ(played({group("producer", producer), group("consumer", consumer)}),
            "stuck");
}

TEST(Timeline, BarriersOpenWithTheLastThread) {
  EXPECT_EQ(
      played(
          {group("a", {work(Event::Special, 100), sync(Event::Arrive, 1, 256)}),
           group("b", {work(Event::Matrix, 1000), sync(Event::Barrier, 1, 256),
                       work(Event::Matrix, 1000)})}),
      "a special 0-10\nb matrix 0-1\nb matrix 10-11\n");
  EXPECT_EQ(played({group("b", {sync(Event::Barrier, 1, 256)})}), "stuck");
}

TEST(Timeline, ClocksOfATileAreThoseBetweenEndsOfProducts) {
  std::vector<BlockEvent> events;
  for (int64_t tile = 0; tile < 4; ++tile) {
    events.push_back(work(Event::Matrix, 6000, tile));
    events.push_back(work(Event::Special, 40, tile));
    events.push_back(work(Event::Arithmetic, 200, tile));
  }
  Timeline timeline = playTrace({group("a", events)}, machine());
  EXPECT_DOUBLE_EQ(timeline.clocksPerTile, 12);
  EXPECT_DOUBLE_EQ(timeline.matrixClocks, 6);
  EXPECT_DOUBLE_EQ(timeline.specialClocks, 4);
  EXPECT_DOUBLE_EQ(timeline.arithmeticClocks, 2);
  EXPECT_DOUBLE_EQ(timeline.copyClocks, 0);
  events.resize(6);
  EXPECT_EQ(playTrace({group("a", events)}, machine()).clocksPerTile, 0);
}
