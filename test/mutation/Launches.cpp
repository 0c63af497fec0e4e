//===- Launches.cpp - With which arguments mutants are tried --------------===//

#include "test/mutation/Launches.h"

#include "llvm/ADT/SmallVector.h"

using namespace einfall::mutation;

llvm::Expected<LaunchSpec> LaunchSpec::parse(llvm::StringRef text) {
  LaunchSpec spec;
  spec.text = text.str();
  llvm::SmallVector<llvm::StringRef> entries;
  text.split(entries, ',');
  for (llvm::StringRef entry : entries) {
    auto [key, value] = entry.split('=');
    auto wrong = [&] {
      return llvm::createStringError("launch `" + text + "`: `" + entry +
                                     "` is not understood");
    };
    if (key == "pattern") {
      spec.pattern = value.str();
    } else if (key == "layout") {
      spec.layout = value.str();
    } else if (key == "misaligned") {
      spec.misaligned = value.str();
    } else if (key == "shares") {
      spec.shares = true;
    } else if (key == "uneven") {
      spec.uneven = true;
    } else if (key == "away") {
      if (value.getAsDouble(spec.away))
        return wrong();
    } else if (key == "fill") {
      auto [input, number] = value.split('.');
      if (number.getAsInteger(10, spec.fills[input.str()]))
        return wrong();
    } else if (key == "nan" || key == "inf") {
      llvm::SmallVector<llvm::StringRef> parts;
      value.split(parts, '.');
      LaunchSpec::Poison poison;
      if (parts.size() != 3 && parts.size() != 5)
        return wrong();
      poison.isInfinity = key == "inf";
      if (parts.size() == 5) {
        poison.within = parts[3].str();
        if (parts[4].getAsInteger(10, poison.element))
          return wrong();
      }
      poison.input = parts[0].str();
      poison.rank = parts[1].str();
      poison.andMore = parts[2].consume_back("+");
      poison.andLess = parts[2].consume_back("-");
      if (parts[2].getAsInteger(10, poison.index))
        return wrong();
      spec.poisons.push_back(std::move(poison));
    } else if (key.empty() || value.getAsDouble(spec.numbers[key.str()])) {
      return wrong();
    }
  }
  return spec;
}

const std::vector<std::string> &einfall::mutation::standardLaunches() {
  static const std::vector<std::string> launches = [] {
    std::vector<std::string> all = {
        "b=1,g=1,h=2,p=65,m=129",
        "b=1,g=1,h=2,p=200,m=260,pattern=peaky,w=140,sink=3",
        "b=1,g=1,h=2,p=130,m=66,w=20",
        // The last key of a block's last row is one of the first of a tile that
        // the loop brings, of parts of three tiles.
        "b=1,g=1,h=1,p=128,m=586,w=600",
        // Rings of stages that come around; blocks that see no key.
        "b=1,g=1,h=1,p=70,m=600,w=500",
        "b=1,g=1,h=1,p=330,m=330,w=300,pattern=peaky",
        "b=1,g=1,h=1,p=260,m=50",
        // What the first never have, and what notices most of the others.
        "b=2,g=2,h=4,p=17,m=33",
        "b=1,g=1,h=1,p=17,m=33,fill=n.33",
        "b=1,g=1,h=1,p=130,m=130,nan=V.m.64+",
        "b=1,g=1,h=1,p=20,m=2",
        "b=1,g=1,h=1,p=130,m=130,away=8,cap=2000,tau=3000,w=40,sink=0",
        "b=1,g=1,h=1,p=40,m=200,pattern=huge",
        "b=1,g=1,h=1,p=200,m=197,w=90,sink=2,nan=V.m.1.f.23,nan=V.m.64.f.0,"
        "inf=V.m.112.f.0,inf=V.m.190.f.9",
        "b=1,g=1,h=1,p=330,m=330,w=60,nan=V.m.128.f.1,nan=V.m.255.f.8,"
        "nan=V.m.300.f.16,nan=V.m.20.f.7",
        "b=1,g=1,h=1,p=200,m=900,w=500",
        "b=1,g=1,h=1,p=700,m=700,w=300,pattern=peaky",
        "b=1,g=1,h=1,p=260,m=33,w=9,sink=0",
        // Windows of one key or two, and those that end with a tile.
        "b=1,g=1,h=1,p=330,m=330,w=1,sink=0",
        "b=1,g=1,h=1,p=330,m=330,w=2,sink=1",
        "b=1,g=1,h=1,p=130,m=130,w=127,sink=0",
        "b=1,g=1,h=1,p=260,m=260,w=255,sink=0",
        "b=1,g=1,h=1,p=260,m=260,w=191,sink=0",
        "b=1,g=1,h=1,p=400,m=400,w=383,sink=0",
        // Scores that a wrong 0 dominates.
        "b=1,g=1,h=1,p=70,m=33,away=8,cap=2000,tau=3000,w=9",
        "b=1,g=1,h=1,p=140,m=100,away=8,cap=2000,tau=3000,w=20,sink=0",
        // Lengths of samples that end within a tile, and far behind the first.
        "b=1,g=1,h=1,p=70,m=900,fill=n.900",
        "b=1,g=1,h=1,p=70,m=600,fill=n.570,nan=V.m.571+",
        "b=1,g=1,h=1,p=70,m=300,fill=n.128,nan=V.m.128+",
        "b=1,g=1,h=1,p=70,m=300,fill=n.0",
        // Keys that no row of the first block has; those of the next have.
        "b=1,g=1,h=1,p=140,m=140,nan=V.m.128+",
        "b=1,g=1,h=1,p=130,m=70,nan=V.m.4+",
        "b=1,g=1,h=1,p=200,m=140,nan=V.m.68+",
        "b=1,g=1,h=1,p=200,m=76,nan=V.m.4+",
        "b=1,g=1,h=1,p=260,m=72,nan=V.m.4+",
        // Keys that no row has: where m <= p.
        "b=1,g=1,h=1,p=4,m=60,nan=V.m.4+",
        "b=1,g=1,h=1,p=68,m=120,nan=V.m.68+",
        "b=1,g=1,h=1,p=68,m=120,nan=K.m.68+",
        // Keys that some rows of a block have and others have not.
        "b=1,g=1,h=1,p=130,m=127,w=70,nan=V.m.0.f.0",
        "b=1,g=1,h=1,p=200,m=200,w=70,nan=V.m.63",
        "b=1,g=1,h=1,p=200,m=200,w=20,inf=V.m.100,fill=n.150",
        "b=1,g=1,h=1,p=130,m=128,w=9,sink=0,nan=V.m.0,nan=V.m.127,fill=n.127",
        // One alone, first in a tile; with further tiles; behind a key whose
        // own element is the last before the values in shared memory.
        "b=1,g=1,h=1,p=192,m=192,w=300,nan=V.m.128.f.0",
        "b=1,g=1,h=1,p=192,m=292,w=300,nan=V.m.128.f.0",
        "b=1,g=1,h=1,p=192,m=292,w=300,nan=V.m.120",
        "b=1,g=1,h=1,p=64,m=64,w=300,nan=K.m.63,nan=V.m.62",
        "b=1,g=1,h=1,p=96,m=96,w=300,nan=K.m.95,nan=V.m.94",
        "b=1,g=1,h=1,p=112,m=112,w=300,nan=K.m.111,nan=V.m.110",
        "b=1,g=1,h=1,p=128,m=128,w=300,nan=K.m.127,nan=V.m.126",
        "b=1,g=1,h=1,p=192,m=192,w=300,nan=K.m.127,nan=V.m.126",
        // The last of a tile that has 96 or 112.
        "b=1,g=1,h=1,p=200,m=200,w=120,nan=V.m.95",
        "b=1,g=1,h=1,p=200,m=200,w=120,nan=V.m.111",
        // At the border of a window that ends with a tile.
        "b=1,g=1,h=1,p=384,m=384,w=383,sink=0,nan=V.m.0",
        "b=1,g=1,h=1,p=576,m=576,w=447,sink=0,nan=V.m.128",
        "b=1,g=1,h=1,p=384,m=140,w=400,sink=0,away=8,cap=2000,tau=3000",
        // Its first key, in a tile that others follow.
        "b=1,g=1,h=1,p=192,m=192,w=70,sink=0,nan=V.m.0.f.0",
        // Keys that do not exist weigh as much as the one softmax-one adds.
        "b=1,g=1,h=1,p=260,m=130,w=400,sink=0,away=0.9",
        // Keys that rows have not are out of range, behind the first tile.
        "b=1,g=1,h=1,p=200,m=200,w=300,pattern=huge",
        // Keys before the window of the second block.
        "b=1,g=1,h=1,p=130,m=130,w=20,sink=0,nan=V.m.44-",
        "b=1,g=1,h=1,p=200,m=200,w=20,sink=0,nan=V.m.108-",
        "b=1,g=1,h=1,p=300,m=300,w=20,sink=0,nan=V.m.172-",
        "b=1,g=1,h=6,p=19,m=201,w=70",
        "b=1,g=1,h=2,p=33,m=70,layout=padded,misaligned=K",
        "b=1,g=1,h=2,p=33,m=70,misaligned=V",
        "b=1,g=1,h=2,p=33,m=70,misaligned=Q",
        "b=1,g=1,h=2,p=65,m=129,layout=permuted",
        "b=1,g=1,h=2,p=9,m=31,layout=padded",
        "b=1,g=1,h=1,p=1,m=1",
        "b=1,g=1,h=1,p=150,m=114",
    };
    // Every pair of columns in a fragment of up to 128 keys.
    for (int j = 0; j < 32; ++j) {
      int keys = 8 * (j / 2) + j % 2;
      auto add = [&](int rows, int extent, const char *more) {
        all.push_back("b=1,g=1,h=1,p=" + std::to_string(rows) +
                      ",m=" + std::to_string(extent) + more);
      };
      add(8 * (j % 24) + 3, keys ? keys : 128, ",w=30,sink=1");
      add(keys + 137, keys + 128, ",w=20,sink=2,pattern=peaky");
      if (j < 16)
        add(keys + 73, keys + 64, ",w=65,sink=0");
      std::string away = ",away=8,cap=2000,tau=3000,w=400,sink=0,fill=n.";
      add(keys + 150, keys + 129, (away + std::to_string(keys + 128)).c_str());
    }
    // Rows of several heads in one block.
    static const char *const shared[] = {
        "h=8,g=3,p=20,m=70,uneven",
        "h=8,p=1,m=33",
        "h=8,p=9,m=257",
        "h=6,p=21,m=201,pattern=peaky,w=70,sink=3",
        "b=2,h=12,g=2,p=11,m=130,layout=padded",
        "h=8,p=16,m=900,w=500",
        "h=8,p=31,m=31,w=9,sink=0",
        "h=8,p=24,m=33,away=8,cap=2000,tau=3000,w=9",
        "h=8,p=30,m=7,w=9",
        "h=8,p=17,m=130,nan=V.m.114+",
        "h=8,p=20,m=16,nan=V.m.2+",
        "h=8,p=24,m=88,nan=V.m.64+",
        "h=8,p=24,m=88,nan=V.m.71",
        "h=8,p=25,m=88,inf=V.m.70.f.23",
        "h=8,p=25,m=140,nan=V.m.120,nan=V.m.130.f.0,inf=V.m.122.f.9",
        "h=8,p=32,m=128,nan=V.m.127.f.1,nan=V.m.104.f.8,nan=V.m.111.f.16",
        "h=8,p=20,m=300,fill=n.128,nan=V.m.128+",
        "h=8,p=20,m=600,fill=n.570,nan=V.m.571+",
        "h=8,p=24,m=160,w=20,sink=0,nan=V.m.116-",
        "h=8,p=24,m=160,w=9,sink=0,nan=V.m.128-",
        "h=8,p=12,m=190,w=40,sink=2,nan=V.m.150.f.1,inf=V.m.180",
        "h=8,p=32,m=292,w=300,nan=K.m.280,nan=V.m.279",
        // One alone, first in a tile that some rows have not wholly.
        "h=8,p=24,m=87,nan=V.m.64.f.0",
        "h=8,p=24,m=151,nan=V.m.128.f.0",
        "h=8,p=24,m=64,nan=K.m.63,nan=V.m.62",
        "h=8,p=24,m=128,nan=K.m.127,nan=V.m.126",
        "h=8,p=16,m=70,misaligned=V",
        "h=8,p=16,m=70,layout=permuted",
    };
    for (const char *launch : shared)
      all.push_back("b=1,g=1,shares," + std::string(launch));
    for (int j = 0; j < 16; ++j) {
      int keys = 8 * j + j % 2;
      all.push_back("b=1,g=1,h=8,shares,p=" + std::to_string(2 * j + 1) +
                    ",m=" + std::to_string(keys + 64) + ",w=30,sink=1");
      all.push_back("b=1,g=1,h=8,shares,p=" + std::to_string(2 * j + 2) +
                    ",m=" + std::to_string(keys + 130) +
                    ",away=8,cap=2000,tau=3000,w=400,sink=0,fill=n." +
                    std::to_string(keys + 129));
    }
    return all;
  }();
  return launches;
}
