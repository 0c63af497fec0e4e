//===- Timeline.cpp - When the parts of a block's work are done -----------===//

#include "passes/Schedule/Timeline.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

using namespace einfall;
using Event = BlockEvent::Kind;

namespace {
/// A barrier in shared memory: when each of its phases has completed.
struct PhaseBarrier {
  int64_t count = 1, arrived = 0;
  double announced = 0, brought = 0;
  double latest = 0; ///< of what the current phase has got
  std::vector<double> completed;

  void settle() {
    if (arrived >= count && brought >= announced) {
      completed.push_back(latest);
      arrived = 0;
      announced = brought = 0;
    }
  }
  /// When the phase of `parity` had completed, if it has.
  std::optional<double> whenDone(int64_t parity) const {
    bool isOdd = completed.size() % 2 == 1;
    // The phase in progress has the parity of the number of completed ones; a
    // wait for the other one returns at once.
    if (parity == (isOdd ? 1 : 0))
      return std::nullopt;
    return completed.empty() ? 0.0 : completed.back();
  }
};

struct NamedBarrier {
  int64_t arrived = 0;
  double latest = 0;
  std::vector<double> opened;
};

struct Group {
  size_t next = 0;
  double now = 0;
  std::vector<double> copies, products; ///< when closed groups land
  double copyEnd = 0, productEnd = 0;   ///< of the group that is open
  /// How often this group has waited at each named barrier: its turn.
  std::map<int64_t, size_t> turns;
  bool atBarrier = false;
};

class Player {
public:
  Player(const std::vector<WarpGroupTrace> &trace, const Machine &machine);
  Timeline play();

private:
  bool advance(unsigned number);
  double work(unsigned group, const BlockEvent &event, double &server,
              double clocks, double from);

  const std::vector<WarpGroupTrace> &trace;
  const Machine &machine;
  double copyRate = 1, matrixRate = 1, specialRate = 1, arithmeticRate = 1,
         sharedRate = 1;
  std::vector<Group> groups;
  double copyFree = 0, matrixFree = 0, specialFree = 0, arithmeticFree = 0,
         sharedFree = 0;
  std::map<int64_t, PhaseBarrier> phases;
  std::map<int64_t, NamedBarrier> named;
  Timeline timeline;
};
} // namespace

Player::Player(const std::vector<WarpGroupTrace> &trace, const Machine &machine)
    : trace(trace), machine(machine), groups(trace.size()) {
  size_t last = machine.levels.size() - 1;
  copyRate = machine.bytesPerSecond(last) / machine.clockHz /
             double(machine.levels[last].units);
  matrixRate = double(std::max<int64_t>(1, machine.matrixFlopPerClock("f16")));
  specialRate = double(std::max<int64_t>(1, machine.specialPerClock));
  arithmeticRate = double(std::max<int64_t>(1, machine.fmaFlopPerClock / 2));
  sharedRate = double(std::max<int64_t>(1, machine.sharedBytesPerClock));
  for (const WarpGroupTrace &group : trace)
    timeline.groups.push_back(group.name);
}

/// Runs for `clocks` on a unit, not before `from`; gives its end.
double Player::work(unsigned group, const BlockEvent &event, double &server,
                    double clocks, double from) {
  double begin = std::max(server, from);
  server = begin + clocks;
  auto &spans = timeline.spans;
  if (!spans.empty() && spans.back().group == group &&
      spans.back().kind == event.kind && spans.back().tile == event.tile &&
      begin - spans.back().end < 1e-6)
    spans.back().end = server;
  else
    spans.push_back({group, event.kind, begin, server, event.tile});
  return server;
}

/// Takes one event of a group; false where it has to wait for another group.
bool Player::advance(unsigned number) {
  Group &group = groups[number];
  const BlockEvent &event = trace[number].events[group.next];
  switch (event.kind) {
  case Event::Copy: {
    // A bulk copy brings what its barrier was told to expect.
    double bytes = event.amount;
    if (event.isAsynchronous) {
      PhaseBarrier &phase = phases[event.id];
      bytes = phase.announced - phase.brought;
      double end = work(number, event, copyFree, bytes / copyRate, group.now);
      phase.brought = phase.announced;
      phase.latest = std::max(phase.latest, end);
      phase.settle();
    } else {
      group.copyEnd =
          work(number, event, copyFree, bytes / copyRate, group.now);
    }
    break;
  }
  case Event::CopyCommit:
    group.copies.push_back(group.copyEnd);
    break;
  case Event::CopyWait:
    if (size_t(event.count) < group.copies.size())
      group.now = std::max(group.now,
                           group.copies[group.copies.size() - 1 - event.count]);
    break;
  case Event::Matrix: {
    double end =
        work(number, event, matrixFree, event.amount / matrixRate, group.now);
    if (event.isAsynchronous)
      group.productEnd = end;
    else
      group.now = end;
    break;
  }
  case Event::MatrixCommit:
    group.products.push_back(group.productEnd);
    break;
  case Event::MatrixWait:
    if (size_t(event.count) < group.products.size())
      group.now = std::max(
          group.now, group.products[group.products.size() - 1 - event.count]);
    break;
  case Event::Special:
    group.now =
        work(number, event, specialFree, event.amount / specialRate, group.now);
    break;
  case Event::Arithmetic:
    group.now = work(number, event, arithmeticFree,
                     event.amount / arithmeticRate, group.now);
    break;
  case Event::Shared:
    group.now =
        work(number, event, sharedFree, event.amount / sharedRate, group.now);
    break;
  case Event::Store:
    work(number, event, copyFree, event.amount / copyRate, group.now);
    break;
  case Event::Barrier: {
    NamedBarrier &barrier = named[event.id];
    size_t turn = group.turns[event.id];
    if (!group.atBarrier) {
      group.atBarrier = true;
      barrier.arrived += trace[number].warps * 32;
      barrier.latest = std::max(barrier.latest, group.now);
      // Groups that only arrive do not take turns; who waits opens with them.
      turn = group.turns[event.id] = barrier.opened.size();
      if (barrier.arrived >= event.count) {
        barrier.opened.push_back(barrier.latest);
        barrier.arrived -= event.count;
      }
    }
    if (barrier.opened.size() <= turn)
      return false;
    group.now = std::max(group.now, barrier.opened[turn]);
    group.atBarrier = false;
    break;
  }
  case Event::Arrive: {
    NamedBarrier &barrier = named[event.id];
    barrier.arrived += trace[number].warps * 32;
    barrier.latest = std::max(barrier.latest, group.now);
    if (barrier.arrived >= event.count) {
      barrier.opened.push_back(barrier.latest);
      barrier.arrived -= event.count;
    }
    break;
  }
  case Event::PhaseInit:
    phases[event.id].count = event.count;
    break;
  case Event::PhaseArrive:
  case Event::PhaseExpect: {
    PhaseBarrier &phase = phases[event.id];
    phase.announced += event.kind == Event::PhaseExpect ? event.amount : 0;
    phase.arrived += event.count;
    phase.latest = std::max(phase.latest, group.now);
    phase.settle();
    break;
  }
  case Event::PhaseWait: {
    std::optional<double> done = phases[event.id].whenDone(event.count);
    if (!done)
      return false;
    group.now = std::max(group.now, *done);
    break;
  }
  }
  ++group.next;
  return true;
}

Timeline Player::play() {
  // Of the groups that can go on, the one that is furthest behind does.
  while (true) {
    std::vector<unsigned> order;
    for (unsigned i = 0; i < groups.size(); ++i)
      if (groups[i].next < trace[i].events.size())
        order.push_back(i);
    if (order.empty())
      break;
    std::sort(order.begin(), order.end(), [&](unsigned a, unsigned b) {
      return groups[a].now < groups[b].now;
    });
    bool any = false;
    for (unsigned i : order)
      if ((any = advance(i)))
        break;
    if (!any) {
      timeline.isStuck = true;
      return std::move(timeline);
    }
  }
  // From when products of one tile end to when those of the next do.
  std::map<int64_t, double> ends;
  for (const TimelineSpan &span : timeline.spans)
    if (span.kind == Event::Matrix && span.tile >= 0)
      ends[span.tile] = std::max(ends[span.tile], span.end);
  if (ends.size() >= 3) {
    auto last = std::prev(ends.end()), before = std::prev(last);
    timeline.clocksPerTile = last->second - before->second;
    for (const TimelineSpan &span : timeline.spans)
      if (span.tile == before->first) {
        double clocks = span.end - span.begin;
        if (span.kind == Event::Copy)
          timeline.copyClocks += clocks;
        else if (span.kind == Event::Matrix)
          timeline.matrixClocks += clocks;
        else if (span.kind == Event::Special)
          timeline.specialClocks += clocks;
        else if (span.kind == Event::Arithmetic)
          timeline.arithmeticClocks += clocks;
      }
  }
  return std::move(timeline);
}

Timeline einfall::playTrace(const std::vector<WarpGroupTrace> &trace,
                            const Machine &machine) {
  return Player(trace, machine).play();
}
