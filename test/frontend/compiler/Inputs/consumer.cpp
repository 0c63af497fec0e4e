//===- consumer.cpp - A program that compiles a kernel while it runs ------===//
//
// Needs an installed libeinfall_rt and its headers, and where it runs
// libeinfall_compiler. `consumer threads N` compiles in N threads at once,
// `consumer once` one variant, until it is killed or done.
//
//===----------------------------------------------------------------------===//

#include <einfall/einfall.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

static const char text[] = R"(
kernel attention(Q[h,p,e]: f32, K[h,m,e]: f32, V[h,m,e]: f32, scale: f32)
    -> O[h,p,e]: f32
{
  S[h,p,m] = scale * Q[h,p,e] * K[h,m,e]  where m <= p
  O[h,p,e] = softmax[m](S[h,p,m]) * V[h,m,e]
}
)";

[[noreturn]] static void die(const std::string &message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

constexpr int64_t heads = 2, queries = 9, width = 8;

/// Runs the kernel and gives its greatest distance from the formula.
static double check(const einfall::Module &module) {
  auto kernel = module.kernel("attention", "cpu");
  if (!kernel)
    die(kernel.error().message);
  std::vector<float> q(heads * queries * width), k = q, v = q, o = q;
  for (size_t i = 0; i < q.size(); ++i) {
    q[i] = std::sin(0.1f * static_cast<float>(i));
    k[i] = std::cos(0.2f * static_cast<float>(i));
    v[i] = static_cast<float>(i % 7);
  }
  std::vector<int64_t> shape = {heads, queries, width};
  einfall::Arguments arguments;
  arguments.tensor("Q", q.data(), "f32", shape)
      .tensor("K", k.data(), "f32", shape)
      .tensor("V", v.data(), "f32", shape)
      .tensor("O", o.data(), "f32", shape)
      .param("scale", 0.5);
  auto bytes = kernel->workspace(arguments);
  if (!bytes)
    die(bytes.error().message);
  void *workspace = std::aligned_alloc(64, (*bytes + 127) / 64 * 64);
  if (auto failed = kernel->launch(nullptr, arguments, workspace, *bytes))
    die(failed.message);
  std::free(workspace);
  double worst = 0;
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t p = 0; p < queries; ++p)
      for (int64_t f = 0; f < width; ++f) {
        auto at = [&](int64_t row, int64_t column) {
          return (h * queries + row) * width + column;
        };
        double sum = 0, weighted = 0;
        for (int64_t m = 0; m <= p; ++m) {
          double score = 0;
          for (int64_t e = 0; e < width; ++e)
            score += 0.5 * q[at(p, e)] * k[at(m, e)];
          sum += std::exp(score);
          weighted += std::exp(score) * v[at(m, f)];
        }
        worst = std::max(worst, std::abs(weighted / sum - o[at(p, f)]));
      }
  return worst;
}

int main(int argc, char **argv) {
  einfall::Compiler compiler;
  compiler.extent("e", width).withoutProofs();

  if (argc > 2 && std::strcmp(argv[1], "threads") == 0) {
    // Half of them the same text, half one of their own.
    int count = std::atoi(argv[2]);
    std::vector<std::thread> threads;
    std::vector<double> worst(count, 1);
    for (int i = 0; i < count; ++i)
      threads.emplace_back([&, i] {
        std::string own = text;
        if (i % 2)
          own += "// " + std::to_string(i) + "\n";
        auto module = compiler.compile(own);
        if (!module)
          die(module.error().message);
        worst[i] = check(*module);
      });
    for (std::thread &thread : threads)
      thread.join();
    for (double distance : worst)
      if (!(distance < 1e-5))
        die("a thread computed something else");
    std::printf("%d threads agree\n", count);
    return 0;
  }
  if (argc > 2 && std::strcmp(argv[1], "once") == 0) {
    auto module = compiler.compile(text + std::string("// ") + argv[2] + "\n");
    if (!module)
      die(module.error().message);
    return check(*module) < 1e-5 ? 0 : 1;
  }

  auto module = compiler.compile(text, "attention.ein");
  if (!module)
    die(module.error().message);
  std::printf("%s\n", module->kernels().front().c_str());
  std::printf("close to the formula: %s\n",
              check(*module) < 1e-5 ? "yes" : "no");

  auto wrong = compiler.compile("kernel k(x[m]: f32) -> y[m]: f32 {\n"
                                "  y[m] = x[m] * scal\n}\n",
                                "wrong.ein");
  if (!wrong)
    std::printf("status %d\n%s", wrong.error().status,
                wrong.error().message.c_str());
  auto target = einfall::Compiler().target("sm_1").compile(text);
  if (!target)
    std::printf("status %d\n%s", target.error().status,
                target.error().message.c_str());
  einfall::Arguments none;
  auto kernel = module->kernel();
  if (auto failed = kernel->run(none))
    std::printf("status %d: %s\n", failed.status, failed.message.c_str());
  return 0;
}
