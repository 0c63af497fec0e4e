// The operations of the cascade dialect. The rule numbers in square brackets
// are those of docs/language.md where the rule is the language's own.
#ifndef EINFALL_CASCADE_OPS
#define EINFALL_CASCADE_OPS

include "dialect/Cascade/CascadeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Cascade_Op<string mnemonic, list<Trait> traits = []>
    : Op<Cascade_Dialect, mnemonic, traits>;

class Cascade_PureOp<string mnemonic, list<Trait> traits = []>
    : Cascade_Op<mnemonic, !listconcat([Pure], traits)>;

//===----------------------------------------------------------------------===//
// The kernel and its interface
//===----------------------------------------------------------------------===//

def Cascade_KernelOp : Cascade_Op<"kernel",
    [IsolatedFromAbove, Symbol, SingleBlock, NoTerminator,
     NoRegionArguments]> {
  let summary = "one cascade with its inputs and outputs";
  let description = [{
    Holds inputs, definitions and outputs in one block. Definitions may only
    use what stands before them. `schedule` carries the user's overrides as
    written (`{tile = {p = 48, m = 64}}`); removing it changes results by
    rounding only.

    Example:
    ```mlir
    cascade.kernel @total {
      %x = cascade.input "X" [m] : <f32, 1>
      %m = cascade.coord "m" : <int[m]>
      %v = cascade.read %x[%m] : <f32, 1>, (!cascade.field<int[m]>) -> <real[m]>
      %s = cascade.reduce sum over ["m"] %v : <real[m]> -> <real[]>
      cascade.output "S" [] : f32 = %s : <real[]>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       OptionalAttr<DictionaryAttr>:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The extent declared for `rank`, or the input that binds it, or null.
    ::mlir::Operation *getRankBinding(::llvm::StringRef rank);
  }];
}

def Cascade_InputOp : Cascade_Op<"input", [HasParent<"KernelOp">]> {
  let summary = "an argument tensor";
  let description = [{
    Names an argument and the ranks that its dimensions range over. The first
    input that names a rank without a `cascade.rank` binds its extent; every
    other use of the rank must agree at launch.

    `packed` is the rank along which sub-byte elements share a byte.

    Example: `%q = cascade.input "Q" [b, h, p, e] : <bf16, 4>`
  }];
  let arguments = (ins StrAttr:$name, StrArrayAttr:$dims,
                       OptionalAttr<StrAttr>:$packed);
  let results = (outs Cascade_Tensor:$result);
  let assemblyFormat = [{
    $name custom<RankList>($dims) (`packed` $packed^)? attr-dict `:`
    type($result)
  }];
  let hasVerifier = 1;
}

def Cascade_ParamOp : Cascade_Op<"param", [HasParent<"KernelOp">]> {
  let summary = "a scalar argument";
  let description = [{
    A number given at launch. `else` is its value when none is given; it may use
    extents and earlier parameters.

    Example: `%s = cascade.param "scale" : f32 else %d : !cascade.field<real[]> -> <real[]>`
  }];
  let arguments = (ins StrAttr:$name, TypeAttr:$storage,
                       Optional<Cascade_Field>:$fallback);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = [{
    $name `:` $storage (`else` $fallback^ `:` type($fallback))? attr-dict `->`
    type($result)
  }];
  let hasVerifier = 1;
}

def Cascade_RankOp : Cascade_Op<"rank", [HasParent<"KernelOp">]> {
  let summary = "declares the extent of a rank";
  let description = [{
    Gives a rank an extent that no argument's shape gives, or the size that
    examples and random runs use (`default`), or both.

    Example: `cascade.rank "c" extent %n : !cascade.field<int[]> default 64`
  }];
  let arguments = (ins StrAttr:$name, Optional<Cascade_Field>:$extent,
                       OptionalAttr<I64Attr>:$size);
  let assemblyFormat = [{
    $name (`extent` $extent^ `:` type($extent))? (`default` $size^)? attr-dict
  }];
}

def Cascade_OutputOp : Cascade_Op<"output",
    [HasParent<"KernelOp">, AttrSizedOperandSegments]> {
  let summary = "a result";
  let description = [{
    Stores `value` for every coordinate of `dims`, rounded to `storage`. Where the
    value is absent, `filler` is stored; an output without filler must be
    present everywhere.

    With `at`, one index for every dimension, the value ranges over any ranks
    and is stored at the indices, which name every element at most once [tensor.3];
    elements that none names hold the filler, values at an index outside are
    dropped [abs.3].

    Example:
    `cascade.output "L" [b, h, p] : f32 = %l : <real[b, h, p]> else %f : !cascade.field<real[]>`
  }];
  let arguments = (ins StrAttr:$name, StrArrayAttr:$dims, TypeAttr:$storage,
                       Cascade_Field:$value, Optional<Cascade_Field>:$filler,
                       Variadic<Cascade_Field>:$indices);
  let assemblyFormat = [{
    $name custom<RankList>($dims) (`at` `(` $indices^ `:` type($indices) `)`)?
    `:` $storage `=` $value `:` type($value)
    (`else` $filler^ `:` type($filler))? attr-dict
  }];
  let hasVerifier = 1;
}

def Cascade_RequireOp : Cascade_Op<"require", [HasParent<"KernelOp">]> {
  let summary = "a condition on the inputs";
  let description = [{
    Holds wherever it is present; a caller sees to it [req.1]. It says nothing to
    the outputs: a kernel is lowered without.

    Example: `cascade.require %c : <bool[i]>`
  }];
  let arguments = (ins Cascade_Field:$condition);
  let assemblyFormat = "$condition attr-dict `:` type($condition)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Fields
//===----------------------------------------------------------------------===//

def Cascade_ConstOp : Cascade_PureOp<"const", [ConstantLike]> {
  let summary = "a number or truth value";
  let description = [{
    Example: `%c = cascade.const 5.0e-01 : f64 -> <real[]>`; an i64 makes an
    int, an i1 a bool.
  }];
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = "$value attr-dict `->` type($result)";
  let builders = [
    OpBuilder<(ins "double":$value)>, OpBuilder<(ins "int64_t":$value)>,
    OpBuilder<(ins "bool":$value)>
  ];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Cascade_CoordOp : Cascade_PureOp<"coord",
    [InferTypeOpAdaptor]> {
  let summary = "the coordinate of a rank as a number";
  let description = "Example: `%m = cascade.coord \"m\" : <int[m]>`";
  let arguments = (ins StrAttr:$rank);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = "$rank attr-dict `:` type($result)";
}

def Cascade_ExtentOp : Cascade_PureOp<"extent",
    [InferTypeOpAdaptor]> {
  let summary = "the extent of a rank as a number";
  let description = "Example: `%n = cascade.extent \"m\" : <int[]>`";
  let arguments = (ins StrAttr:$rank);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = "$rank attr-dict `:` type($result)";
}

def Cascade_ReadOp : Cascade_PureOp<"read",
    [InferTypeOpAdaptor]> {
  let summary = "the element of a tensor at index fields";
  let description = [{
    Present where every index is present and lies inside the tensor: an access
    outside a tensor does not exist.

    Example:
    `%k = cascade.read %K[%b, %g, %m, %e] : <f32, 4>,
      (!cascade.field<int[b]>, ...) -> <real[b, e, h, m]>`
  }];
  let arguments = (ins Cascade_Tensor:$tensor, Variadic<Cascade_Field>:$indices);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = [{
    $tensor `[` $indices `]` attr-dict `:` type($tensor) `,`
    functional-type($indices, $result)
  }];
  let hasVerifier = 1;
}

def Cascade_MapOp : Cascade_PureOp<"map",
    [InferTypeOpAdaptor]> {
  let summary = "a scalar function applied pointwise";
  let description = [{
    Operands are broadcast over the ranks they lack. Strict: present where all
    operands are. Kinds: arithmetic keeps the operands' common kind, `div` is
    real, comparisons give bool, `select(c, a, b)` the kind of a and b.
    (`select` is strict too: both branches must be present.)

    Example: `%s = cascade.map mul(%a, %b)
      : (!cascade.field<real[p]>, !cascade.field<real[m]>) -> <real[m, p]>`
  }];
  let arguments = (ins Cascade_FunctionAttr:$function,
                       Variadic<Cascade_Field>:$operands);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = [{
    custom<FunctionName>($function) `(` $operands `)` attr-dict `:`
    functional-type($operands, $result)
  }];
  let hasVerifier = 1;
}

def Cascade_WhereOp : Cascade_PureOp<"where",
    [InferTypeOpAdaptor]> {
  let summary = "restricts a field";
  let description = [{
    Present where `value` is present and `condition` is present and true.

    Example: `%r = cascade.where %x, %c : <real[m]>, <bool[m, p]> -> <real[m, p]>`
  }];
  let arguments = (ins Cascade_Field:$value, Cascade_Field:$condition);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = [{
    $value `,` $condition attr-dict `:` type($value) `,` type($condition) `->`
    type($result)
  }];
}

def Cascade_OrElseOp : Cascade_PureOp<"or_else",
    [InferTypeOpAdaptor]> {
  let summary = "the first of two fields that is present";
  let description = [{
    `value` where it is present, else `fallback`. The only way from absence to a
    number.

    Example: `%r = cascade.or_else %x, %z : <real[m]>, <real[]> -> <real[m]>`
  }];
  let arguments = (ins Cascade_Field:$value, Cascade_Field:$fallback);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = [{
    $value `,` $fallback attr-dict `:` type($value) `,` type($fallback) `->`
    type($result)
  }];
}

def Cascade_PresentOp : Cascade_PureOp<"present",
    [InferTypeOpAdaptor]> {
  let summary = "whether a field is present";
  let description = [{
    A bool that is itself present everywhere. The language has no such word;
    derivation needs it to keep what `sum` of nothing means.

    Example: `%c = cascade.present %x : <real[m]> -> <bool[m]>`
  }];
  let arguments = (ins Cascade_Field:$value);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
}

def Cascade_AtOp : Cascade_PureOp<"at",
    [InferTypeOpAdaptor]> {
  let summary = "a field at other coordinates";
  let description = [{
    Substitutes each of `ranks` in `value` by an index field, all at once.
    Absent where an index is absent or outside the rank's extent.

    Example: `%y = cascade.at %x ["m"](%j) : <real[m, p]>,
      (!cascade.field<int[j]>) -> <real[j, p]>`
  }];
  let arguments = (ins Cascade_Field:$value, StrArrayAttr:$ranks,
                       Variadic<Cascade_Field>:$indices);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = [{
    $value $ranks `(` $indices `)` attr-dict `:` type($value) `,`
    functional-type($indices, $result)
  }];
  let hasVerifier = 1;
}

def Cascade_ReduceOp : Cascade_PureOp<"reduce",
    [InferTypeOpAdaptor]> {
  let summary = "combines the present values along ranks";
  let description = [{
    `sum`, `count`, `any`, `all` of nothing are 0, 0, false, true and present;
    `max`, `min`, `argmax`, `first` of nothing are absent. `count` counts present
    coordinates; `argmax` (one rank) gives the coordinate of the greatest value,
    the lower one of equals, NaN above all numbers.

    A rank that `value` lacks multiplies a sum by its extent, as the equation
    says; the reduction still ranges over it.

    Example: `%s = cascade.reduce max over ["m"] %x : <real[m, p]> -> <real[p]>`
  }];
  let arguments = (ins Cascade_MonoidAttr:$monoid, StrArrayAttr:$ranks,
                       Cascade_Field:$value);
  let results = (outs Cascade_Field:$result);
  let assemblyFormat = [{
    custom<MonoidName>($monoid) `over` $ranks $value attr-dict `:` type($value)
    `->` type($result)
  }];
  let builders = [
    OpBuilder<(ins "Monoid":$monoid, "::llvm::ArrayRef<::llvm::StringRef>":$ranks,
                   "::mlir::Value":$value)>
  ];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

class Cascade_ListOp<string mnemonic, dag operand> : Cascade_PureOp<mnemonic,
    [InferTypeOpAdaptor]> {
  let arguments = !con(operand, (ins StrAttr:$rank, StrAttr:$entries));
  let results = (outs Cascade_Field:$result);
  let hasVerifier = 1;
}

def Cascade_TopKOp : Cascade_ListOp<"topk",
    (ins Cascade_Field:$value, Cascade_Field:$count)> {
  let summary = "the coordinates of the greatest values along a rank";
  let description = [{
    Entry number j of rank `entries` is the coordinate along `rank` of the j-th
    greatest present value: by value descending, ties to the lower coordinate,
    NaN last [abs.5]. Present for the first min(count, present) entries.

    Example:
    `%pick = cascade.topk %s, %k over "c" as "j"
       : <real[c, q]>, <int[]> -> <int[j, q]>`
  }];
  let assemblyFormat = [{
    $value `,` $count `over` $rank `as` $entries attr-dict `:` type($value) `,`
    type($count) `->` type($result)
  }];
}

def Cascade_SelectOp : Cascade_ListOp<"select",
    (ins Cascade_Field:$condition)> {
  let summary = "the coordinates along a rank where a condition holds";
  let description = [{
    Entry number j of rank `entries` is the j-th coordinate along `rank`, from
    below, where `condition` is present and true [abs.5]; absent beyond.

    Example:
    `%keep = cascade.select %c over "c" as "j" : <bool[c, q]> -> <int[j, q]>`
  }];
  let assemblyFormat = [{
    $condition `over` $rank `as` $entries attr-dict `:` type($condition) `->`
    type($result)
  }];
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

def Cascade_RecurrenceOp : Cascade_PureOp<"recurrence",
    [RecursiveMemoryEffects]> {
  let summary = "fields that are defined along a rank from themselves";
  let description = [{
    States s_0, .., s_n along `rank`, n its extent: s_0 is `start`, and `step`
    yields s_{t+1} at coordinate t from s_t, which its arguments stand for
    [rec.1]. `backward` runs from the end: s_n is `start`, and `step` yields s_t
    at coordinate t from s_{t+1}. Several fields may be defined together.

    Results hold every state, numbered by rank `states`, whose extent is n + 1.
    Values in `step` may range over `rank`; they are taken at coordinate t.

    Example (a decayed sum):
    ```mlir
    %h = cascade.recurrence along "t" states "t_state" start(%zero) step {
    ^bb0(%s: !cascade.field<real[k]>):
      %d = cascade.map mul(%a, %s) : ...
      %n = cascade.map add(%d, %x) : ... -> <real[k, t]>
      cascade.yield %n : !cascade.field<real[k, t]>
    } : !cascade.field<real[]> -> !cascade.field<real[k, t_state]>
    ```
  }];
  let arguments = (ins StrAttr:$rank, StrAttr:$states, UnitAttr:$backward,
                       Variadic<Cascade_Field>:$start);
  let regions = (region SizedRegion<1>:$step);
  let results = (outs Variadic<Cascade_Field>:$history);
  let assemblyFormat = [{
    `along` $rank `states` $states (`backward` $backward^)?
    `start` `(` $start `)` `step` $step attr-dict `:` type($start) `->`
    type($history)
  }];
  let hasRegionVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Folds
//===----------------------------------------------------------------------===//

def Cascade_FoldOp : Cascade_PureOp<"fold", [RecursiveMemoryEffects]> {
  let summary = "a group of reductions as one stream with a typed state";
  let description = [{
    Streams the coordinates of `ranks` once and keeps one state component per
    monoid. The first `references` components are *references*: they are folded
    by their own monoid (`max`, `min`, `first`) and the other components, the
    *accumulators*, are stored relative to them.

    * `step` receives the current references and yields, for one coordinate of
      the streamed ranks, the value that enters each component. A component
      takes nothing from a coordinate where its value is absent.
    * `act` receives the old references, the new references and the
      accumulators, and yields the accumulators relative to the new ones. It is
      the group action of rule R2 (re-reference) and must be linear in the
      accumulators.

    One coordinate c takes the state (r, t) to (r', t') with
    `r' = r (+) step_r(c)`, `t' = act(r, r', t) (+) step_t(r', c)`. Any other
    sequence of references gives the same results (R2), so a schedule may
    re-reference once per tile, or seldom. Two states merge by acting both to
    the joint reference and adding: `combine` needs no region of its own.

    While no coordinate has given a reference a value, it is absent and the
    accumulators are their identities; `act` is then not applied. Results are
    the final state; a component is absent or the identity of its monoid when
    nothing entered it, exactly as in `cascade.reduce`.

    Example (softmax attention; the finish is `%r#2 / %r#1`):
    ```mlir
    %r:3 = cascade.fold over ["m"] references 1 monoids ["max", "sum", "sum"] step {
    ^bb0(%ref: !cascade.field<real[p]>):
      ...
      cascade.yield %s, %w, %wv : ...
    } act {
    ^bb0(%old: !cascade.field<real[p]>, %new: !cascade.field<real[p]>,
         %l: !cascade.field<real[p]>, %o: !cascade.field<real[f, p]>):
      ...
      cascade.yield %l2, %o2 : ...
    } : !cascade.field<real[p]>, !cascade.field<real[p]>, !cascade.field<real[f, p]>
    ```
  }];
  let arguments = (ins StrArrayAttr:$ranks, I64Attr:$references,
                       Cascade_MonoidArrayAttr:$monoids);
  let regions = (region SizedRegion<1>:$step, SizedRegion<1>:$act);
  let results = (outs Variadic<Cascade_Field>:$state);
  let assemblyFormat = [{
    `over` $ranks `references` $references `monoids` custom<MonoidList>($monoids)
    `step` $step `act` $act attr-dict `:` type($state)
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::SmallVector<::llvm::StringRef> getRankNames();
    Monoid getMonoid(unsigned component);
    unsigned getNumComponents() { return getMonoids().size(); }
    bool isReference(unsigned component) {
      return component < static_cast<unsigned>(getReferences());
    }
  }];
}

def Cascade_YieldOp : Cascade_PureOp<"yield",
    [Terminator, ReturnLike, ParentOneOf<["FoldOp", "RecurrenceOp"]>]> {
  let summary = "ends a region of a fold or recurrence";
  let description = "Example: `cascade.yield %s, %w : !cascade.field<real[m]>, ...`";
  let arguments = (ins Variadic<Cascade_Field>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

#endif // EINFALL_CASCADE_OPS
