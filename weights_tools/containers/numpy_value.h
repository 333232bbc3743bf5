// numpy's scalars and arrays as they stand in a pickle. Source: numpy's __reduce__ of dtype,
// scalar, ndarray.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/formats/tensor.h"
#include "weights_tools/containers/pickle_value.h"

namespace vernissage {

/// An array, or a scalar as an array of shape (): dtype, shape and bytes, all checked against each
/// other.
struct NumpyArray {
  TensorView view;            // shape and elements in the order they lie in
  bool column_major = false;  // Fortran order: the first index runs fastest
};

/// A call of scalar, _reconstruct or _frombuffer?
bool is_numpy(const PickleValue& value);

/// `value` is_numpy(). Throws ParseError naming `what`.
/// Objects, texts, structures, complex numbers and foreign byte orders are refused.
NumpyArray to_numpy_array(const PickleValue& value, const std::string& what);

/// A numpy scalar, or an array of one element, as a number: of any integer type, boolean or real
/// type and byte order. Throw ParseError naming `what`.
int64_t numpy_integer(const PickleValue& value, const std::string& what);
double numpy_number(const PickleValue& value, const std::string& what);
/// A numpy string scalar (dtype U, UTF-32) as ASCII text. Throws ParseError naming `what`.
std::string numpy_text(const PickleValue& value, const std::string& what);

}  // namespace vernissage
