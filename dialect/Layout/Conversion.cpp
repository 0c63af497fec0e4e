//===- Conversion.cpp - From one register layout to another ---------------===//

#include "dialect/Layout/Conversion.h"
#include "dialect/Layout/Access.h"
#include "dialect/Layout/Detail.h"

#include <algorithm>
#include <map>

using namespace einfall::layout;
using namespace einfall::layout::detail;

const char *einfall::layout::conversionName(ConversionKind kind) {
  switch (kind) {
  case ConversionKind::Nothing:
    return "nothing";
  case ConversionKind::Registers:
    return "registers";
  case ConversionKind::Shuffle:
    return "shuffle";
  case ConversionKind::SharedMemory:
    return "shared memory";
  }
  return "";
}

namespace {
/// A move of a pack from a lane's register to another lane's register.
struct Edge {
  int64_t from, source, to, target;
};

/// A pack of elements in a register of a thread.
struct Holder {
  int64_t thread; ///< warp * lanes + lane
  int64_t reg;
};

/// The registers of all threads as packs of elements.
struct Holdings {
  std::vector<std::vector<std::vector<int64_t>>> packs; ///< [thread][pack]

  Holdings(const Layout &layout, const std::vector<Dim> &outputs,
           int64_t pack) {
    std::vector<int> order;
    for (const Dim &dim : outputs)
      order.push_back(layout.outputIndex(dim.name));
    for (const Steps &rest : otherCoordinates(layout))
      for (int64_t lane = 0; lane < layout.inputExtent("lane"); ++lane) {
        auto &thread = packs.emplace_back();
        for (int64_t reg = 0; reg < layout.inputExtent("register"); ++reg) {
          Steps x = rest;
          x.push_back({"lane", lane});
          x.push_back({"register", reg});
          Point image = layout.apply(x), element;
          for (int index : order)
            element.push_back(image[index]);
          if (reg % pack == 0)
            thread.emplace_back();
          thread.back().push_back(flatIndex(outputs, element));
        }
      }
  }
};

class Converter {
public:
  Converter(const Layout &source, const Layout &target)
      : source(source), target(target), lanes(target.inputExtent("lane")) {}

  OrError<Conversion> run(int64_t elementBytes);

private:
  std::optional<Failure> check() const;
  bool findHolders(int64_t pack);
  const Holder &nearest(const std::vector<int64_t> &pack, int64_t thread) const;
  void colour(Conversion &conversion, int64_t warp) const;

  const Layout &source, &target;
  int64_t lanes;
  std::vector<std::vector<std::vector<int64_t>>> wanted;
  std::map<std::vector<int64_t>, std::vector<Holder>> holders;
};
} // namespace

std::optional<Failure> Converter::check() const {
  for (const char *name : {"lane", "warp"})
    if (source.inputExtent(name) != target.inputExtent(name))
      return Failure{
          "the source has " + std::to_string(source.inputExtent(name)) + " " +
          name + "s, the target " + std::to_string(target.inputExtent(name))};
  if (otherCoordinates(source) != otherCoordinates(target))
    return Failure{"source and target are spread over different threads"};
  for (const Dim &dim : target.outputs())
    if (source.outputIndex(dim.name) < 0 ||
        dim.extent != source.outputExtent(dim.name))
      return Failure{"dimension '" + dim.name + "' has extent " +
                     std::to_string(dim.extent) + " in the target, " +
                     std::to_string(source.outputExtent(dim.name)) +
                     " in the source"};
  if (source.outputs().size() != target.outputs().size())
    return Failure{"source and target have different dimensions"};
  return std::nullopt;
}

/// Indexes what the source holds in packs. False if the target wants a pack
/// that the source does not keep together.
bool Converter::findHolders(int64_t pack) {
  if (source.inputExtent("register") % pack != 0 ||
      target.inputExtent("register") % pack != 0)
    return false;
  holders.clear();
  Holdings have(source, target.outputs(), pack);
  for (size_t thread = 0; thread < have.packs.size(); ++thread)
    for (size_t i = 0; i < have.packs[thread].size(); ++i)
      holders[have.packs[thread][i]].push_back(
          {int64_t(thread), int64_t(i) * pack});
  wanted = Holdings(target, target.outputs(), pack).packs;
  for (const auto &thread : wanted)
    for (const auto &elements : thread)
      if (!holders.count(elements))
        return false;
  return true;
}

/// The holder that is cheapest to read: the same thread, the same warp. Among
/// lanes of the warp the one that differs in the fewest and lowest bits, so
/// that replicated values spread over their holders.
const Holder &Converter::nearest(const std::vector<int64_t> &pack,
                                 int64_t thread) const {
  const std::vector<Holder> &all = holders.at(pack);
  auto distance = [&](const Holder &holder) -> int64_t {
    if (holder.thread == thread)
      return 0;
    if (holder.thread / lanes == thread / lanes)
      return 1 + ((holder.thread ^ thread) % lanes);
    return 1 + lanes + holder.thread;
  };
  return *std::min_element(all.begin(), all.end(),
                           [&](const Holder &a, const Holder &b) {
                             return distance(a) < distance(b);
                           });
}

/// Rounds by Koenig's theorem: as many as the busiest lane sends or receives.
/// Edges are coloured one by one; if the ends of an edge lack different
/// colours, these two are exchanged along the path that starts at the receiving
/// end. The graph is bipartite, so the path misses the sending end.
static std::vector<int64_t> colourEdges(const std::vector<Edge> &edges,
                                        int64_t lanes) {
  std::vector<int64_t> out(lanes, 0), in(lanes, 0);
  for (const Edge &edge : edges) {
    ++out[edge.from];
    ++in[edge.to];
  }
  int64_t degree = std::max(*std::max_element(out.begin(), out.end()),
                            *std::max_element(in.begin(), in.end()));
  std::vector<int64_t> colours(edges.size(), -1);
  // at[side][lane][colour]: the edge of that colour at a lane that sends (side
  // 0) or receives (side 1).
  std::vector<std::vector<int64_t>> at[2];
  for (auto &side : at)
    side.assign(lanes, std::vector<int64_t>(degree, -1));
  auto lacking = [&](int side, int64_t lane) {
    const std::vector<int64_t> &used = at[side][lane];
    return std::find(used.begin(), used.end(), -1) - used.begin();
  };
  auto set = [&](int64_t edge, int64_t colour) {
    colours[edge] = colour;
    at[0][edges[edge].from][colour] = edge;
    at[1][edges[edge].to][colour] = edge;
  };
  for (size_t e = 0; e < edges.size(); ++e) {
    int64_t a = lacking(0, edges[e].from), b = lacking(1, edges[e].to);
    std::vector<int64_t> path;
    int side = 1;
    int64_t node = edges[e].to;
    for (int64_t colour = a; a != b && at[side][node][colour] >= 0;
         colour = colour == a ? b : a) {
      path.push_back(at[side][node][colour]);
      side = 1 - side;
      node = side == 0 ? edges[path.back()].from : edges[path.back()].to;
    }
    for (int64_t old : path) {
      at[0][edges[old].from][colours[old]] = -1;
      at[1][edges[old].to][colours[old]] = -1;
    }
    for (int64_t old : path)
      set(old, colours[old] == a ? b : a);
    set(e, a);
  }
  return colours;
}

/// Rounds in which several lanes may read one offer: every edge takes the first
/// round in which its lane receives nothing and the sender offers nothing else.
static std::vector<int64_t> shareOffers(const std::vector<Edge> &edges,
                                        int64_t lanes) {
  std::vector<std::vector<int64_t>> offers(lanes); // [lane][round] register
  std::vector<std::vector<bool>> busy(lanes);
  std::vector<int64_t> rounds;
  for (const Edge &edge : edges) {
    auto &offered = offers[edge.from];
    auto &receiving = busy[edge.to];
    size_t round = 0;
    while ((round < receiving.size() && receiving[round]) ||
           (round < offered.size() && offered[round] >= 0 &&
            offered[round] != edge.source))
      ++round;
    offered.resize(std::max(offered.size(), round + 1), -1);
    receiving.resize(std::max(receiving.size(), round + 1), false);
    offered[round] = edge.source;
    receiving[round] = true;
    rounds.push_back(round);
  }
  return rounds;
}

/// The rounds of the moves of a warp.
void Converter::colour(Conversion &conversion, int64_t warp) const {
  std::vector<Edge> edges;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    int64_t thread = warp * lanes + lane;
    for (size_t i = 0; i < wanted[thread].size(); ++i) {
      int64_t reg = i * conversion.pack;
      const Holder &holder = nearest(wanted[thread][i], thread);
      if (holder.thread != thread)
        edges.push_back({holder.thread % lanes, holder.reg, lane, reg});
    }
  }
  if (edges.empty())
    return;
  std::vector<int64_t> rounds = colourEdges(edges, lanes);
  std::vector<int64_t> shared = shareOffers(edges, lanes);
  if (*std::max_element(shared.begin(), shared.end()) <
      *std::max_element(rounds.begin(), rounds.end()))
    rounds = shared;
  size_t count = *std::max_element(rounds.begin(), rounds.end()) + 1;
  if (conversion.rounds.size() < count)
    conversion.rounds.resize(count, std::vector<LaneMove>(wanted.size()));
  for (size_t e = 0; e < edges.size(); ++e) {
    auto &moves = conversion.rounds[rounds[e]];
    moves[warp * lanes + edges[e].from].offers = edges[e].source;
    moves[warp * lanes + edges[e].to].from = edges[e].from;
    moves[warp * lanes + edges[e].to].receives = edges[e].target;
  }
}

OrError<Conversion> Converter::run(int64_t elementBytes) {
  if (auto failure = check())
    return *failure;
  Conversion conversion;
  conversion.pack =
      std::max<int64_t>(4 / std::max<int64_t>(elementBytes, 1), 1);
  while (!findHolders(conversion.pack)) {
    if (conversion.pack == 1)
      return Failure{"the target wants an element that the source lacks"};
    conversion.pack /= 2;
  }

  bool sameThread = true, sameWarp = true;
  for (size_t thread = 0; thread < wanted.size(); ++thread)
    for (size_t i = 0; i < wanted[thread].size(); ++i) {
      const Holder &holder = nearest(wanted[thread][i], thread);
      sameThread &= holder.thread == int64_t(thread);
      sameWarp &= holder.thread / lanes == int64_t(thread) / lanes;
    }
  if (!sameWarp) {
    conversion.kind = ConversionKind::SharedMemory;
    return conversion;
  }
  // A renaming has one source register per target register, for all threads.
  if (sameThread) {
    bool uniform = true, identity = true;
    for (size_t i = 0; i < wanted.front().size() && uniform; ++i) {
      int64_t found = -1;
      for (const Holder &candidate : holders.at(wanted[0][i])) {
        bool everywhere = candidate.thread == 0;
        for (size_t thread = 0; thread < wanted.size() && everywhere;
             ++thread) {
          const auto &all = holders.at(wanted[thread][i]);
          everywhere =
              std::any_of(all.begin(), all.end(), [&](const Holder &holder) {
                return holder.thread == int64_t(thread) &&
                       holder.reg == candidate.reg;
              });
        }
        int64_t same = i * conversion.pack;
        if (everywhere && (found < 0 || candidate.reg == same))
          found = candidate.reg;
      }
      uniform = found >= 0;
      identity &= found == int64_t(i) * conversion.pack;
      for (int64_t k = 0; k < conversion.pack; ++k)
        conversion.sources.push_back(found + k);
    }
    if (uniform) {
      conversion.kind =
          identity ? ConversionKind::Nothing : ConversionKind::Registers;
      if (identity)
        conversion.sources.clear();
      return conversion;
    }
    conversion.sources.clear();
  }
  // Selects within a thread are rounds of which there are none.
  conversion.kind = ConversionKind::Shuffle;
  for (size_t thread = 0; thread < wanted.size(); ++thread) {
    auto &kept = conversion.kept.emplace_back();
    for (size_t i = 0; i < wanted[thread].size(); ++i) {
      const Holder &holder = nearest(wanted[thread][i], thread);
      for (int64_t k = 0; k < conversion.pack; ++k)
        kept.push_back(holder.thread == int64_t(thread) ? holder.reg + k : -1);
    }
  }
  for (size_t warp = 0; warp < wanted.size() / lanes; ++warp)
    colour(conversion, warp);
  return conversion;
}

OrError<Conversion> einfall::layout::convert(const Layout &source,
                                             const Layout &target,
                                             int64_t elementBytes) {
  return Converter(source, target).run(elementBytes);
}
