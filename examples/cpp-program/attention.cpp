// Compiles a kernel while it runs, and launches it.
#include <einfall/einfall.hpp>

#include <cstdio>
#include <fstream>
#include <sstream>

static int fail(const einfall::Error &error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  return 1;
}

int main(int argc, char **argv) {
  std::ifstream file(argc > 1 ? argv[1] : "causal.ein");
  std::stringstream text;
  text << file.rdbuf();

  auto module =
      einfall::Compiler().target("cpu").extent("e", 64).extent("f", 64).compile(
          text.str(), "causal.ein");
  if (!module)
    return fail(module.error());
  auto kernel = module->kernel();
  if (!kernel)
    return fail(kernel.error());

  const int64_t heads = 4, length = 100, width = 64;
  std::vector<float> q(heads * length * width, 0.1f), k(q), v(q), o(q.size());
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<float>(i / width % length);
  std::vector<int64_t> shape = {1, heads, length, width};
  einfall::Arguments arguments;
  arguments.tensor("Q", q.data(), "f32", shape)
      .tensor("K", k.data(), "f32", shape)
      .tensor("V", v.data(), "f32", shape)
      .tensor("O", o.data(), "f32", shape);
  if (auto error = kernel->run(arguments))
    return fail(error);
  // All scores are equal: a row is the mean of the rows up to it.
  std::printf("row 0: %g, row 99: %g\n", o[0], o[99 * width]);
}
