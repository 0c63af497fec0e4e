// The cascade dialect, its enumerations and its two types.
#ifndef EINFALL_CASCADE_BASE
#define EINFALL_CASCADE_BASE

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Cascade_Dialect : Dialect {
  let name = "cascade";
  let summary = "cascades of extended einsums over named ranks";
  let description = [{
    A *cascade* (FuseMax, section III) is a sequence of extended einsums. In
    this dialect every SSA value is a *field*: a partial function from the
    coordinates of a set of named ranks to a real, an integer or a truth value.
    Operations are point-free: they combine whole fields, and a rank is known
    by its name, never by its position. A field is *absent* at a coordinate
    where the function is not defined; nothing is ever read there.

    The dialect says what is computed. It has no tiles, no memory, no order of
    evaluation and no device. `cascade.fold` is its one-pass form of a group of
    reductions, still without any of these.
  }];
  let cppNamespace = "::einfall::cascade";
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Enumerations
//===----------------------------------------------------------------------===//

class Cascade_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::einfall::cascade";
  let genSpecializedAttr = 0;
}

/// Intermediates are real numbers: only storage has a precision.
def Cascade_Kind : Cascade_Enum<"Kind", "what a field maps coordinates to", [
  I32EnumAttrCase<"Real", 0, "real">,
  I32EnumAttrCase<"Int", 1, "int">,
  I32EnumAttrCase<"Bool", 2, "bool">,
]>;

/// Scalar functions. Integer division and remainder round towards minus
/// infinity: `floordiv(a, b) * b + mod(a, b) = a`, `0 <= mod(a, b) < b`. `round`
/// goes to the nearest integer, ties to the even one. `max` and `min` of a NaN
/// are NaN.
def Cascade_Function : Cascade_Enum<"Function", "a scalar function", [
  I32EnumAttrCase<"Add", 0, "add">,
  I32EnumAttrCase<"Sub", 1, "sub">,
  I32EnumAttrCase<"Mul", 2, "mul">,
  I32EnumAttrCase<"Div", 3, "div">,
  I32EnumAttrCase<"FloorDiv", 4, "floordiv">,
  I32EnumAttrCase<"Mod", 5, "mod">,
  I32EnumAttrCase<"Neg", 6, "neg">,
  I32EnumAttrCase<"Abs", 7, "abs">,
  I32EnumAttrCase<"Max", 8, "max">,
  I32EnumAttrCase<"Min", 9, "min">,
  I32EnumAttrCase<"Pow", 10, "pow">,
  I32EnumAttrCase<"Exp", 11, "exp">,
  I32EnumAttrCase<"Log", 12, "log">,
  I32EnumAttrCase<"Sqrt", 13, "sqrt">,
  I32EnumAttrCase<"Tanh", 14, "tanh">,
  I32EnumAttrCase<"Sin", 15, "sin">,
  I32EnumAttrCase<"Cos", 16, "cos">,
  I32EnumAttrCase<"Erf", 17, "erf">,
  I32EnumAttrCase<"Floor", 18, "floor">,
  I32EnumAttrCase<"Ceil", 19, "ceil">,
  I32EnumAttrCase<"Round", 20, "round">,
  I32EnumAttrCase<"Eq", 21, "eq">,
  I32EnumAttrCase<"Ne", 22, "ne">,
  I32EnumAttrCase<"Lt", 23, "lt">,
  I32EnumAttrCase<"Le", 24, "le">,
  I32EnumAttrCase<"Gt", 25, "gt">,
  I32EnumAttrCase<"Ge", 26, "ge">,
  I32EnumAttrCase<"And", 27, "and">,
  I32EnumAttrCase<"Or", 28, "or">,
  I32EnumAttrCase<"Not", 29, "not">,
  I32EnumAttrCase<"Select", 30, "select">,
  I32EnumAttrCase<"ToReal", 31, "to_real">,
  I32EnumAttrCase<"ToInt", 32, "to_int">,
]>;
def Cascade_FunctionAttr : EnumAttr<Cascade_Dialect, Cascade_Function, "fn">;

/// Monoids. `first` keeps the value at the first present coordinate: any one
/// present value will do, and none is better than another (fold references).
def Cascade_Monoid : Cascade_Enum<"Monoid", "what a reduction combines with", [
  I32EnumAttrCase<"Sum", 0, "sum">,
  I32EnumAttrCase<"Max", 1, "max">,
  I32EnumAttrCase<"Min", 2, "min">,
  I32EnumAttrCase<"Any", 3, "any">,
  I32EnumAttrCase<"All", 4, "all">,
  I32EnumAttrCase<"Count", 5, "count">,
  I32EnumAttrCase<"ArgMax", 6, "argmax">,
  I32EnumAttrCase<"First", 7, "first">,
]>;
def Cascade_MonoidAttr : EnumAttr<Cascade_Dialect, Cascade_Monoid, "monoid">;
def Cascade_MonoidArrayAttr
    : TypedArrayAttrBase<Cascade_MonoidAttr, "an array of monoids">;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

class Cascade_Type<string name, string m> : TypeDef<Cascade_Dialect, name> {
  let mnemonic = m;
}

def Cascade_Field : Cascade_Type<"Field", "field"> {
  let summary = "a partial function over named ranks";
  let description = [{
    `!cascade.field<real[b, h, m, p]>` maps coordinates of the ranks b, h, m, p
    to a real or to nothing. Ranks are kept in alphabetical order, each once:
    their order carries no meaning.

    Example: `!cascade.field<int[]>` is one integer (or nothing).
  }];
  let parameters = (ins EnumParameter<Cascade_Kind>:$kind,
                        ArrayRefParameter<"::mlir::StringAttr">:$ranks);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Sorts `ranks` and drops repetitions before the type is made.
    static FieldType get(::mlir::MLIRContext *context, Kind kind,
                         ::llvm::ArrayRef<::llvm::StringRef> ranks);
    bool hasRank(::llvm::StringRef rank) const;
    ::llvm::SmallVector<::llvm::StringRef> getRankNames() const;
    /// The same ranks, another kind.
    FieldType withKind(Kind kind) const;
    /// The same kind without `ranks`.
    FieldType without(::llvm::ArrayRef<::llvm::StringRef> ranks) const;
  }];
  let builders = [
    TypeBuilder<(ins "Kind":$kind, "::llvm::ArrayRef<::mlir::StringAttr>":$ranks)>
  ];
  let skipDefaultBuilders = 1;
}

def Cascade_Tensor : Cascade_Type<"Argument", "tensor"> {
  let summary = "an argument tensor in storage";
  let description = [{
    `!cascade.tensor<bf16, 4>`: a dense array of four dimensions with any
    strides, stored as bf16. Its extents bind ranks (`cascade.input`).
  }];
  let parameters = (ins "::mlir::Type":$element, "unsigned":$rank);
  let assemblyFormat = "`<` $element `,` $rank `>`";
  let genVerifyDecl = 1;
}

#endif // EINFALL_CASCADE_BASE
