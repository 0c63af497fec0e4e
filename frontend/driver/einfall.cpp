//===- einfall.cpp - The command line -------------------------------------===//
//
// Reads the arguments and calls a command. The only file that knows CLI11, and
// the only one compiled with exceptions in mind: it sees neither MLIR nor LLVM.
//
//===----------------------------------------------------------------------===//

#include "frontend/driver/Commands.h"
#include "frontend/driver/Usage.h"

#include <CLI/CLI.hpp>

#include <iostream>

using namespace einfall::driver;

namespace {

/// Splits "name=value"; throws what CLI11 reports as a usage error.
std::pair<std::string, std::string> splitPair(const std::string &text,
                                              const char *option) {
  size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
    throw CLI::ValidationError(option,
                               "expected NAME=VALUE, found '" + text + "'");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

template <typename Number>
Number toNumber(const std::string &text, const char *option) {
  Number number;
  if (!CLI::detail::lexical_cast(text, number))
    throw CLI::ValidationError(option,
                               "expected a number, found '" + text + "'");
  return number;
}

/// One of a list of names; the nearest is proposed for another.
struct OneOf : CLI::IsMember {
  explicit OneOf(std::vector<std::string> names) : CLI::IsMember(names) {
    func_ = [names, check = func_](std::string &input) {
      std::string given = input, error = check(input);
      if (!error.empty())
        error += didYouMean(nearestName(given, names));
      return error;
    };
  }
};

/// Adds options that hold NAME=VALUE pairs to a command.
class PairOptions {
public:
  explicit PairOptions(Options &options) : options(options) {}

  void addDefines(CLI::App &command) {
    command
        .add_option_function<std::vector<std::string>>(
            "-D",
            [&options = options](const std::vector<std::string> &texts) {
              for (const std::string &text : texts) {
                auto [name, value] = splitPair(text, "-D");
                options.defines[name] = toNumber<int64_t>(value, "-D");
                if (options.defines[name] < 0)
                  throw CLI::ValidationError("-D", "the extent of '" + name +
                                                       "' is negative");
              }
            },
            "Bind the extent of a rank")
        ->type_name("RANK=N")
        ->allow_extra_args(false)
        ->take_all();
  }

  void addTensors(CLI::App &command, const char *flag, const char *text,
                  std::vector<std::pair<std::string, std::string>> &pairs) {
    command
        .add_option_function<std::vector<std::string>>(
            flag,
            [flag, &pairs](const std::vector<std::string> &texts) {
              for (const std::string &text : texts)
                if (text.ends_with(".safetensors") &&
                    text.find('=') == std::string::npos)
                  pairs.emplace_back("", text); // all that it has
                else
                  pairs.push_back(splitPair(text, flag));
            },
            text)
        ->type_name("NAME=FILE")
        ->take_all();
  }

  void addParams(CLI::App &command) {
    command
        .add_option_function<std::vector<std::string>>(
            "--param",
            [&options = options](const std::vector<std::string> &texts) {
              for (const std::string &text : texts) {
                auto [name, value] = splitPair(text, "--param");
                options.params[name] = toNumber<double>(value, "--param");
              }
            },
            "Give a scalar parameter a value")
        ->type_name("NAME=X")
        ->take_all();
  }

private:
  Options &options;
};

class CommandLine {
public:
  CommandLine() : app("Einfall compiles attention written as mathematics") {
    app.name("einfall");
    app.set_help_flag("-h,--help", "Print this help");
    app.set_help_all_flag("--help-all", "Print the help of every command");
    app.add_flag("--version", showVersion, "Print versions");
    app.add_option_function<std::string>(
           "--diagnostics-format",
           [this](const std::string &text) {
             options.diagnostics =
                 text == "json" ? Options::Format::Json : Options::Format::Text;
           },
           "How errors are printed")
        ->type_name("text|json")
        ->check(OneOf({"text", "json"}));
    app.add_flag("-q,--quiet", options.quiet,
                 "Show no progress where work takes long (a terminal only)");
    app.fallthrough();
    app.require_subcommand(0, 1);
    app.footer(
        "Exit codes: 0 success, 1 error in the input, 2 usage, 3 missing "
        "device or tool,\n70 internal error, 130 interrupted. Results go to "
        "standard "
        "output, all else to standard error.");
    addCheck();
    addCheckCertificate();
    addExplain();
    addRun();
    addBench();
    addTune();
    addCompile();
    addInspect();
    addDoctor();
  }

  int parseAndRun(int argc, char **argv) {
    try {
      app.parse(argc, argv);
    } catch (const CLI::ExtrasError &) {
      reportExtras();
      return exitUsage;
    } catch (const CLI::ParseError &error) {
      int code = app.exit(error, std::cout, std::cerr);
      return code == 0 ? exitSuccess : exitUsage;
    }
    if (showVersion)
      return version();
    if (!command) {
      std::cerr << app.help();
      return exitUsage;
    }
    installCrashHandler(options.file);
    return command(options);
  }

private:
  /// What is no command, option or argument, and what may be meant.
  void reportExtras() {
    std::vector<CLI::App *> parsed = app.get_subcommands();
    CLI::App *at = parsed.empty() ? &app : parsed.front();
    std::vector<std::string> options, commands;
    for (const CLI::App *owner : {at, &app})
      for (const CLI::Option *option : owner->get_options())
        for (const std::string &name : option->get_lnames())
          options.push_back("--" + name);
    for (const CLI::App *sub : app.get_subcommands(nullptr))
      commands.push_back(sub->get_name());
    for (const std::string &text : app.remaining(/*recurse=*/true)) {
      bool isOption = text.starts_with("-");
      bool isCommand = !isOption && parsed.empty();
      std::string name = isOption ? text.substr(0, text.find('=')) : text;
      std::cerr << "einfall: "
                << (isOption    ? "unknown option"
                    : isCommand ? "unknown command"
                                : "unexpected argument")
                << " `" << name << "`"
                << (isOption    ? didYouMean(nearestName(name, options))
                    : isCommand ? didYouMean(nearestName(name, commands))
                                : "")
                << "\n";
      // The arguments of an unknown command are not looked at.
      if (isCommand)
        break;
    }
    std::cerr << "Run with --help for more information.\n";
  }

  CLI::App &add(const char *name, const char *text,
                int (*function)(const Options &)) {
    CLI::App *sub = app.add_subcommand(name, text);
    sub->add_option("FILE", options.file, "The kernel; - is standard input")
        ->required();
    sub->callback([this, function] { command = function; });
    PairOptions(options).addDefines(*sub);
    sub->add_option("--dump-dir", options.dumpDir,
                    "Write every phase there, numbered")
        ->type_name("DIR");
    return *sub;
  }

  void addKernel(CLI::App &sub) {
    sub.add_option("-k,--kernel", options.kernel,
                   "Which kernel, where the file has several")
        ->type_name("NAME");
  }

  void addProofs(CLI::App &sub) {
    sub.add_flag_callback(
        "--no-proofs", [this] { options.prove = false; },
        "Use what was derived without proving it");
    sub.add_flag("--as-written", options.asWritten,
                 "Compile pass by pass as written, without derivation");
    sub.add_flag("--tf32", options.tf32,
                 "Let GPUs round f32 factors to tf32 for their matrix units");
    sub.add_option("--splits", options.splits,
                   "Parts that GPUs split the stream into instead of as many "
                   "as they have room for; with 1, blocks share nothing")
        ->type_name("N")
        ->check(CLI::Range(1, 1024));
    sub.add_option("--machine", options.machine,
                   "The machine that schedules are chosen for, by name or "
                   "file; its architecture has to be the target's")
        ->type_name("NAME|FILE.json");
    sub.add_option("--proof-seconds", options.proofSeconds,
                   "Wall-clock limit of one query to the solver")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
  }

  void addCheck() {
    CLI::App &sub = add("check", "Check a file", check);
    sub.add_flag("--explicit", options.explicitSums,
                 "Print the kernels with every implied sum written out");
  }

  void addCheckCertificate() {
    CLI::App *sub = app.add_subcommand(
        "check-certificate",
        "Derive every number of a certificate of bounds again");
    sub->add_option("FILE", options.file,
                    "The certificate; - is standard input")
        ->required();
    sub->add_flag_callback(
        "--no-solver", [this] { options.useSolver = false; },
        "Take the inequalities that bounds rest on from the text");
    sub->callback([this] { command = checkCertificate; });
  }

  void addExplain() {
    CLI::App &sub = add(
        "explain", "Show what is derived and proved, and the plan", explain);
    addKernel(sub);
    addTarget(sub);
    addProofs(sub);
    sub.add_flag("--json", options.json,
                 "Print JSON (docs/explain.schema.json)");
    sub.add_option_function<std::vector<std::string>>(
           "--why-not",
           [this](const std::vector<std::string> &texts) {
             for (const std::string &text : texts) {
               auto [name, value] = splitPair(text, "--why-not");
               options.whyNot.emplace_back(
                   name, toNumber<uint32_t>(value, "--why-not"));
             }
           },
           "What other tiles break or cost")
        ->type_name("tile.RANK=N|stages=N|splits=N|packed=0|row_vectors=N")
        ->allow_extra_args(false);
    addProcessor(sub);
    sub.add_flag("--count", options.count,
                 "Run it with random inputs, on the emulated GPU or this "
                 "processor, and count the bytes that it moves or asks for");
    sub.add_option("--html", options.html, "Write a page")->type_name("FILE");
    sub.add_option("--certificate", options.certificate,
                   "Write the bounds and the schedule's traffic as JSON, for "
                   "check-certificate")
        ->type_name("FILE");
  }

  void addTarget(CLI::App &sub) {
    sub.add_option("--target", options.target, "What it is compiled for")
        ->check(OneOf(targetNames()))
        ->capture_default_str();
  }

  void addProcessor(CLI::App &sub) {
    sub.add_option("--cpu", options.processor,
                   "What code for the CPU is compiled for")
        ->check(OneOf(processorNames()))
        ->capture_default_str();
  }

  /// `onDevices`: where it runs is said by a device, not by a target.
  void addRunOptions(CLI::App &sub, bool onDevices = true) {
    addProcessor(sub);
    addKernel(sub);
    addProofs(sub);
    PairOptions pairs(options);
    pairs.addTensors(sub, "--in",
                     "Read an input from .npy or .safetensors (FILE or "
                     "FILE:TENSOR); FILE.safetensors alone gives all it has",
                     options.inputs);
    pairs.addParams(sub);
    sub.add_flag("--random", randomText,
                 "Fill inputs that are not given with random values")
        ->type_name("[=SEED]");
    sub.parse_complete_callback([this] {
      if (!randomText.empty())
        options.seed = randomText == "true"
                           ? 0
                           : toNumber<uint64_t>(randomText, "--random");
    });
    sub.add_option("--pattern", options.pattern, "What random numbers are like")
        ->check(OneOf({"normal", "peaky", "coded", "constant", "huge"}))
        ->capture_default_str();
    sub.add_option("--layout", options.layout,
                   "How random inputs lie in memory")
        ->check(OneOf({"dense", "padded", "permuted"}))
        ->capture_default_str();
    if (onDevices) {
      sub.add_option("--device", options.device, "Where it runs")
          ->type_name("DEVICE")
          ->capture_default_str();
      sub.add_option("--device-seed", options.deviceSeed,
                     "What an emulated device makes its choices from")
          ->capture_default_str();
    }
    sub.add_option("--threads", options.threads,
                   "How many threads; 0 is one for every processor")
        ->check(CLI::Range(0, 4096))
        ->capture_default_str();
  }

  void addRun() {
    CLI::App &sub = add("run", "Run a kernel", run);
    addRunOptions(sub);
    PairOptions(options).addTensors(
        sub, "--out", "Write an output; FILE.safetensors alone takes all",
        options.outputs);
    sub.add_flag("--verify", options.verify,
                 "Compare with the reference interpreter (fp64)");
    sub.add_flag("--counters", options.counters,
                 "Print what an emulated device counted");
    sub.add_flag("--interpret", options.interpret,
                 "Run by the reference interpreter instead of compiling")
        ->excludes("--verify");
  }

  void addBench() {
    CLI::App &sub = add("bench", "Time a kernel", [](const Options &options) {
      return isTimedByRuntime(options) ? benchByRuntime(options)
                                       : bench(options);
    });
    addRunOptions(sub);
    sub.add_flag("--json", options.json, "Print JSON");
    sub.add_flag("--serve", options.serve,
                 "Launch once for every line on standard input, print its "
                 "seconds");
    sub.add_option("--repetitions", options.repetitions,
                   "How often; 0 fills about two seconds")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
  }

  void addTune() {
    CLI::App *sub = app.add_subcommand(
        "tune", "Time the schedules that the cost model likes best");
    sub->add_option("FILE", options.file, "The kernel");
    PairOptions(options).addDefines(*sub);
    addRunOptions(*sub, /*onDevices=*/false);
    addTarget(*sub);
    sub->add_option("--top", options.top,
                    "How many candidates; 0 is all that fit")
        ->check(CLI::Range(0, 10000))
        ->capture_default_str();
    sub->add_option("--seconds", options.seconds,
                    "How long to time them; three rounds are made at least")
        ->check(CLI::Range(0.0, 86400.0))
        ->capture_default_str();
    sub->add_option("-o,--output", options.output,
                    "Add what was measured to this file; - prints it. With "
                    "--replay: the compiled kernel, as of `compile`")
        ->type_name("FILE");
    sub->add_flag("--spread", options.spread,
                  "Take half of them from the whole space, not by the model");
    sub->add_flag("--hold", options.hold,
                  "Compile, print a line, and time when one comes on standard "
                  "input");
    sub->add_option("--merge", options.merge,
                    "Put files of results together, into -o or to standard "
                    "output")
        ->type_name("FILE ...");
    sub->add_option("--replay", options.replay,
                    "Take the choice from results, without timing")
        ->type_name("RESULTS");
    sub->footer(
        "Times candidates in rounds, each of which launches all of them; "
        "prints the medians and\nthe schedule to paste into the source. "
        "Ctrl-C keeps what was measured (exit code 130).\nInputs that are not "
        "given are random. `compile --tuned RESULTS` compiles with the "
        "choice.");
    sub->callback([this] {
      if (options.file.empty() && options.merge.empty())
        throw CLI::RequiredError("FILE");
      if (!options.file.empty() && !options.merge.empty())
        throw CLI::ValidationError("--merge", "takes results, and no kernel");
      command = tune;
    });
  }

  void addCompile() {
    CLI::App &sub = add("compile", "Write a kernel at some stage", compile);
    addProcessor(sub);
    addKernel(sub);
    options.targets = {options.target};
    sub.add_option("--target", options.targets,
                   "What it is compiled for; several for a package")
        ->check(OneOf(targetNames()))
        ->allow_extra_args(false)
        ->capture_default_str();
    sub.parse_complete_callback(
        [this] { options.target = options.targets.front(); });
    sub.add_option("--header", options.header,
                   "Write the C header of a package that -o FILE.o embeds")
        ->type_name("FILE.h");
    sub.add_option("--tuned", options.tuned,
                   "Take the fastest schedule of results of `tune`")
        ->type_name("RESULTS");
    sub.add_flag_callback(
        "--no-source", [this] { options.source = false; },
        "Leave the source out of a package; `run` then refuses it");
    addProofs(sub);
    sub.add_option("-o,--output", options.output,
                   "The file; its suffix names the stage; - is standard output")
        ->required()
        ->type_name("FILE");
    sub.add_option("--emit", options.emit, "The stage, whatever the suffix")
        ->check(OneOf({"cascade", "fold", "smt2", "schedule", "device", "mlir",
                       "llvm", "ll", "s", "o", "ptx", "cubin", "efk", "so"}));
    sub.footer(
        "Stages: cascade (as written), fold (derived), smt2 (what was "
        "proved),\nschedule (folds with every choice made), device (a "
        "GPU's threads), mlir (loops "
        "and vectors), llvm (LLVM dialect), "
        "ll (optimised LLVM IR), s, o;\nfor NVIDIA's: device, ptx, cubin.\n"
        "Suffixes: .mlir, .ll, .s, .o, .ptx, .cubin, .smt2;\n.efk is a package "
        "of "
        "kernels for every --target, .so the same with a function of TVM-FFI "
        "for each,\nfor tvm_ffi.load_module.");
  }

  void addInspect() {
    CLI::App *sub =
        app.add_subcommand("inspect", "Show the launch plan of a package");
    sub->add_option("FILE.efk", options.file, "The package")->required();
    sub->add_flag("--details", options.details,
                  "List every version, what it needs and where its parts lie");
    sub->callback([this] { command = inspect; });
  }

  void addDoctor() {
    CLI::App *sub = app.add_subcommand(
        "doctor", "Show what of solvers, tools and devices is there");
    sub->callback([this] { command = doctor; });
  }

  CLI::App app;
  Options options;
  bool showVersion = false;
  std::string randomText;
  int (*command)(const Options &) = nullptr;
};

} // namespace

int main(int argc, char **argv) {
  return CommandLine().parseAndRun(argc, argv);
}
