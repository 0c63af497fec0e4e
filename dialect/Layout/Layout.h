//===- Layout.h - Where the elements of a tile live -------------*- C++ -*-===//
//
// A *layout* says which element of a tile a place holds, or at which place an
// element lies: a function from the coordinates of named input dimensions
// (register, lane, warp; or row, column) to the coordinates of named output
// dimensions (row, column; or byte). Both the fragments of matrix instructions
// and the swizzled tiles of shared memory are layouts, and what a compiler asks
// of them (how to convert, how wide to load, which banks collide) is computed
// from the function alone.
//
// The form
// --------
// An input coordinate x_i in [0, E_i) is written in a mixed radix, least
// significant digit first: x_i = d_0 + r_0 (d_1 + r_1 (d_2 + ...)). A digit has
// a *step*, one number per output dimension, and belongs to one of two parts:
//
//   L(x) = XOR of the steps of the *bits* that are 1        (the atom)
//        + sum of digit * step over the other digits        (the repetition)
//
// The atom is a linear map over GF(2) (Triton's linear layouts, arXiv
// 2505.23819): it can say a swizzle, which strides cannot. The repetition is
// CuTe's shape:stride with any extent: it can say ten copies of an atom, or a
// pitch of 80 elements, which powers of two cannot. Example: 80 rows of 64
// halves under the 128-byte swizzle,
//
//   [row 80: ^byte 144, ^byte 288, ^byte 576, 10 x byte 1024;
//    column 64: 8 x byte 2, ^byte 16, ^byte 32, ^byte 64] -> [byte 10240]
//
// reads: row bit 0 moves 128 bytes down *and* flips the 16-byte chunk (144 =
// 128 ^ 16), columns 8 apart flip chunks too, and each 8 rows start a new atom.
// Row 9, column 8 lies at byte (144 ^ 16) + 1024 = 1152.
//
// A *pad* is no third ingredient: it is a longer stride (see `padded`), and a
// pad inside an atom does not exist in this form.
//
// Linear layouts. A layout is linear when every digit can be read as bits: all
// extents are powers of two and no addition carries, that is, the steps of
// added bits share no output bit with any other step (then + is XOR). Its
// algebra is exact linear algebra over GF(2); `linear()` gives the matrix.
//
// Closure. Layouts are not closed under composition or inversion: an addition
// that carries into a swizzle leaves the form (so does CuTe's composition when
// its divisibility conditions fail). Operations on linear layouts are matrix
// operations. All others go through `fit`, which reads the digits off the
// images of the axes and then *checks the candidate at every point*; so an
// operation answers with a layout that is right everywhere, or refuses. (It may
// refuse where the form exists but does not show on the axes: 3 x y 1 below a
// bit y 3 looks like 6 x y 1, and is refused if another input meets that bit.)
//
// Laws (names of dimensions match; every one is a test)
//   apply      compose(f, g)(x) = f(g(x)); associative
//   inverse    L injective:  pseudoInverse(L) o L = id, free output bits -> 0
//              L surjective: L o pseudoInverse(L) = id, from the first copy
//   product    (A x B)(a + |A| b) = A(a) + |out A| B(b) on every dimension;
//              associative; dimensions that one side lacks have extent 1 there
//   division   divide(A x B, A) = B, and fails where A is no factor
//   injective  no two inputs share an output: rank = input bits (linear)
//   surjective every output in the extents is hit: rank = output bits (linear)
//   free       x with L(x) = 0, bits that move nothing: a register layout holds
//              an element in 2^free places (broadcast), e.g. a row maximum that
//              all four lanes of a quad hold
//
// Conventions. Register coordinates count *elements* (a 32-bit register holds
// two halves: elements 2i and 2i+1). Memory coordinates are bytes. This file
// knows no machine; instances and their sources are in NvidiaLayouts.h.
// L(0) = 0: a layout has no offset. A layout is a tile, not a tensor: at most
// 2^22 points, steps of at most 2^40; linear algebra takes at most 64 output
// bits.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_LAYOUT_LAYOUT_H
#define EINFALL_DIALECT_LAYOUT_LAYOUT_H

#include "dialect/Layout/LinearMap.h"
#include "dialect/Layout/OrError.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace einfall::layout {

/// A named dimension with coordinates 0 .. extent-1.
struct Dim {
  std::string name;
  int64_t extent;
  bool operator==(const Dim &other) const = default;
};

/// Coordinates in the order of the dimensions they belong to.
using Point = std::vector<int64_t>;
/// Amounts by dimension; what is not named is zero.
using Steps = std::vector<std::pair<std::string, int64_t>>;

/// One digit of an input coordinate.
struct Digit {
  int64_t radix;
  bool isBit; ///< part of the atom: radix 2, combined by XOR
  Point step; ///< one amount per output dimension, not negative
  bool operator==(const Digit &other) const = default;
};

/// An input dimension with its digits, least significant first. The product of
/// the radices covers the extent; only the last digit may be cut short by it.
struct Input {
  Dim dim;
  std::vector<Digit> digits;
  bool operator==(const Input &other) const = default;
};

/// The two parts of an image: L(x) = atom + sum. Parts of points that share no
/// coordinate combine by XOR in the atom and by addition in the sum, which is
/// how an address is split into what varies by lane and what is a constant.
struct Parts {
  Point atom, sum;
};

class Layout {
public:
  /// Checks the rules above. An output extent of 0 asks for the least extent
  /// that holds every value.
  static OrError<Layout> create(std::vector<Input> inputs,
                                std::vector<Dim> outputs);

  /// The identity from dimension `input` to dimension `output`.
  static Layout identity(const std::string &input, const std::string &output,
                         int64_t extent);

  /// Parses what `str` prints.
  static OrError<Layout> parse(std::string_view text);
  std::string str() const;

  const std::vector<Input> &inputs() const { return ins; }
  const std::vector<Dim> &outputs() const { return outs; }
  /// The dimension's number, or -1.
  int inputIndex(std::string_view name) const;
  int outputIndex(std::string_view name) const;
  /// The dimension's extent; 1 if there is no such dimension.
  int64_t inputExtent(std::string_view name) const;
  int64_t outputExtent(std::string_view name) const;
  std::vector<Dim> inputDims() const;
  /// Number of points of the domain, of the box of outputs.
  int64_t inputSize() const;
  int64_t outputSize() const;

  /// The image of a point of the domain.
  Point apply(const Point &x) const;
  /// Its two parts.
  Parts parts(const Point &x) const;
  /// The image by names: missing coordinates are 0, unknown names are ignored.
  Point apply(const Steps &x) const;
  /// Coordinate `output` of the image.
  int64_t at(std::string_view output, const Steps &x) const;

  /// Calls `visit(x, L(x))` for every point of the domain, first input fastest.
  void
  forEach(const std::function<void(const Point &, const Point &)> &visit) const;

  /// The matrix over GF(2), first input's and first output's bits lowest;
  /// nothing if the layout is not linear.
  std::optional<LinearMap> linear() const;

  bool isInjective() const;
  bool isSurjective() const;

  /// Directions that move nothing, as points: a basis of the kernel of a linear
  /// layout. Of others the digits with step zero and the kernel of the atom.
  std::vector<Point> freeDirections() const;

  /// The same function with the least structure: bits that share no output bit
  /// with another become digits, digits that continue each other become one.
  Layout simplified() const;

  /// Same dimensions by name in any order, same function.
  bool isEquivalent(const Layout &other) const;
  /// Same function when dimensions are matched by position.
  bool isEquivalentUpToNames(const Layout &other) const;

  /// The same structure, same order of everything.
  bool operator==(const Layout &other) const = default;

private:
  Layout(std::vector<Input> ins, std::vector<Dim> outs)
      : ins(std::move(ins)), outs(std::move(outs)) {}
  std::vector<Input> ins;
  std::vector<Dim> outs;
};

/// Writes a layout digit by digit. Errors are collected until `build`.
class LayoutBuilder {
public:
  /// Output extents may be 0: the least that holds every value.
  explicit LayoutBuilder(std::vector<Dim> outputs) : outs(std::move(outputs)) {}

  /// Starts an input dimension. Without an extent it is the product of radices.
  LayoutBuilder &input(const std::string &name, int64_t extent = 0);
  /// A digit of the repetition of the current input.
  LayoutBuilder &repeat(int64_t radix, const Steps &steps);
  /// A bit of the atom of the current input.
  LayoutBuilder &bit(const Steps &steps);

  OrError<Layout> build() const;

private:
  Point point(const Steps &steps);
  std::vector<Dim> outs;
  std::vector<Input> ins;
  std::string error;
};

//===----------------------------------------------------------------------===//
// Algebra
//===----------------------------------------------------------------------===//

/// The layout that equals `f` on the box of `inputs`, if the form has one. `f`
/// maps a point to one value per output; `f(0)` must be 0. Output extents of 0
/// are the least that fit. Costs one evaluation of `f` and of the result per
/// point, at most 2^22.
OrError<Layout> fit(const std::vector<Dim> &inputs,
                    const std::vector<Dim> &outputs,
                    const std::function<Point(const Point &)> &f);

/// x -> outer(inner(x)). The outputs of `inner` are the inputs of `outer`, by
/// name, and fit into their extents.
OrError<Layout> compose(const Layout &outer, const Layout &inner);

/// A layout P with L P L = L. Exact for linear layouts. Of others the layout
/// must be surjective, and the preimage with the least coordinates is taken.
OrError<Layout> pseudoInverse(const Layout &layout);
/// pseudoInverse of a layout that is a bijection onto the box of its outputs.
OrError<Layout> inverse(const Layout &layout);

/// Repeats `inner` in the pattern of `outer`: (inner x outer).
OrError<Layout> product(const Layout &inner, const Layout &outer);
/// The Q with layout = product(atom, Q).
OrError<Layout> divide(const Layout &layout, const Layout &atom);

/// Adds a most significant digit to dimension `input` (new if it is unknown);
/// outputs grow as needed.
OrError<Layout> repeated(const Layout &layout, const std::string &input,
                         int64_t count, const Steps &steps);

/// Output `output` behind a pad: v becomes v + (v / every) * pad. Fails where
/// that is no longer stride.
OrError<Layout> padded(const Layout &layout, const std::string &output,
                       int64_t every, int64_t pad);

/// Output `output` in another unit: multiplied, or divided where exact.
OrError<Layout> scaled(const Layout &layout, const std::string &output,
                       int64_t factor, const std::string &newName);
OrError<Layout> unscaled(const Layout &layout, const std::string &output,
                         int64_t factor, const std::string &newName);

/// The first `extent` coordinates of `input`.
OrError<Layout> restricted(const Layout &layout, const std::string &input,
                           int64_t extent);
/// Without dimension `input`, whose coordinate is 0.
OrError<Layout> dropped(const Layout &layout, const std::string &input);

/// Inputs `names`, first fastest, as one dimension `name` in the first's place.
OrError<Layout> flattened(const Layout &layout,
                          const std::vector<std::string> &names,
                          const std::string &name);
/// Input `name` as `low` (extent `extent`, fastest) and `high`.
OrError<Layout> split(const Layout &layout, const std::string &name,
                      int64_t extent, const std::string &low,
                      const std::string &high);

/// Dimensions renamed, old name to new, inputs and outputs alike.
OrError<Layout>
renamed(const Layout &layout,
        const std::vector<std::pair<std::string, std::string>> &names);

} // namespace einfall::layout

#endif // EINFALL_DIALECT_LAYOUT_LAYOUT_H
