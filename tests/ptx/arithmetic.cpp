// Instructions that work on values. Floats are computed by the host's float32 unit, correctly
// rounded; the approximate functions are the host's, whose error is smaller than the device's.
#include <bit>
#include <cfenv>
#include <cmath>
#include <limits>

#include "tests/ptx/machine.h"

namespace vernissage::ptx_runs {
namespace {

uint64_t masked(uint64_t bits, int bytes) {
  return bytes >= 8 ? bits : bits & ((uint64_t{1} << (8 * bytes)) - 1);
}
int64_t extended(uint64_t bits, int bytes) {
  const int shift = 64 - 8 * bytes;
  return static_cast<int64_t>(bits << shift) >> shift;
}
float f32(uint64_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits));
}
double f64(uint64_t bits) {
  return std::bit_cast<double>(bits);
}
uint64_t bits_of(float value) {
  return std::bit_cast<uint32_t>(value);
}
uint64_t bits_of(double value) {
  return std::bit_cast<uint64_t>(value);
}
float flushed(float x, bool flush) {
  return flush && std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}

[[noreturn]] void unknown(const Instruction& in) {
  throw PtxError("not carried out: " + in.text);
}

/// f() under the rounding that the instruction names.
template <class F>
float rounded(const Instruction& in, const F& f) {
  const int mode = in.mode == "rz"   ? FE_TOWARDZERO
                   : in.mode == "rm" ? FE_DOWNWARD
                   : in.mode == "rp" ? FE_UPWARD
                                     : FE_TONEAREST;
  if (mode == FE_TONEAREST) return f();
  std::fesetround(mode);
  const float result = f();
  std::fesetround(FE_TONEAREST);
  return result;
}

uint64_t on_floats(const Instruction& in, uint64_t a, uint64_t b, uint64_t c) {
  const volatile float x = flushed(f32(a), in.flush), y = flushed(f32(b), in.flush);
  const auto least = [&](bool smaller) {
    if (std::isnan(x) || std::isnan(y))
      return in.nan || (std::isnan(x) && std::isnan(y)) ? std::numeric_limits<float>::quiet_NaN()
             : std::isnan(x)                            ? float{y}
                                                        : float{x};
    return (x < y) == smaller ? float{x} : float{y};
  };
  float r = 0;
  switch (in.op) {
    case Op::add:
      r = rounded(in, [&] { return x + y; });
      break;
    case Op::sub:
      r = rounded(in, [&] { return x - y; });
      break;
    case Op::mul:
      r = rounded(in, [&] { return x * y; });
      break;
    case Op::fma:
    case Op::mad:
      r = rounded(in, [&] { return std::fma(float{x}, float{y}, f32(c)); });
      break;
    case Op::div:
      r = x / y;
      break;
    case Op::min:
      r = least(true);
      break;
    case Op::max:
      r = least(false);
      break;
    case Op::neg:
      return a ^ 0x80000000u;
    case Op::abs:
      return a & 0x7FFFFFFFu;
    case Op::copysign:
      return (a & 0x80000000u) | (b & 0x7FFFFFFFu);
    case Op::rcp:
      r = 1.0f / x;
      break;
    case Op::sqrt:
      r = std::sqrt(float{x});
      break;
    case Op::rsqrt:
      r = 1.0f / std::sqrt(float{x});
      break;
    case Op::ex2:
      r = std::exp2(float{x});
      break;
    case Op::lg2:
      r = std::log2(float{x});
      break;
    case Op::sin:
      r = std::sin(float{x});
      break;
    case Op::cos:
      r = std::cos(float{x});
      break;
    default:
      unknown(in);
  }
  r = flushed(r, in.flush);
  return bits_of(in.saturate ? (r > 0 ? std::fmin(r, 1.0f) : 0.0f) : r);
}

uint64_t on_doubles(const Instruction& in, uint64_t a, uint64_t b, uint64_t c) {
  switch (in.op) {
    case Op::add:
      return bits_of(f64(a) + f64(b));
    case Op::sub:
      return bits_of(f64(a) - f64(b));
    case Op::mul:
      return bits_of(f64(a) * f64(b));
    case Op::fma:
      return bits_of(std::fma(f64(a), f64(b), f64(c)));
    case Op::neg:
      return a ^ (uint64_t{1} << 63);
    default:
      unknown(in);
  }
}

uint64_t divided(const Instruction& in, uint64_t a, uint64_t b) {
  const int bytes = size_of(in.type);
  if (masked(b, bytes) == 0) throw PtxError("division by zero: " + in.text);
  if (is_signed(in.type)) {
    const int64_t x = extended(a, bytes), y = extended(b, bytes);
    return static_cast<uint64_t>(in.op == Op::div ? x / y : x % y);
  }
  const uint64_t x = masked(a, bytes), y = masked(b, bytes);
  return in.op == Op::div ? x / y : x % y;
}

uint64_t multiplied(const Instruction& in, uint64_t a, uint64_t b, uint64_t c) {
  const int bytes = size_of(in.type);
  const __int128 product =
      is_signed(in.type) ? static_cast<__int128>(extended(a, bytes)) * extended(b, bytes)
                         : static_cast<__int128>(static_cast<unsigned __int128>(masked(a, bytes)) *
                                                 masked(b, bytes));
  const uint64_t addend = in.op == Op::mad ? c : 0;
  if (in.mode == "hi") return static_cast<uint64_t>(product >> (8 * bytes)) + addend;
  return static_cast<uint64_t>(product) + addend;  // lo, wide: the caller keeps what the type holds
}

uint64_t permuted(uint64_t a, uint64_t b, uint64_t selector) {
  const uint64_t all = masked(a, 4) | masked(b, 4) << 32;
  uint64_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const uint64_t nibble = selector >> (4 * i) & 15;
    uint64_t byte = all >> (8 * (nibble & 7)) & 255;
    if (nibble & 8) byte = byte & 128 ? 255 : 0;
    result |= byte << (8 * i);
  }
  return result;
}

uint64_t on_integers(const Instruction& in, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  const int bytes = size_of(in.type);
  const unsigned width = static_cast<unsigned>(8 * bytes);
  const bool sign = is_signed(in.type);
  const auto less = [&](uint64_t x, uint64_t y) {
    return sign ? extended(x, bytes) < extended(y, bytes) : masked(x, bytes) < masked(y, bytes);
  };
  switch (in.op) {
    case Op::add:
      return a + b;
    case Op::sub:
      return a - b;
    case Op::mul:
    case Op::mad:
      return multiplied(in, a, b, c);
    case Op::div:
    case Op::rem:
      return divided(in, a, b);
    case Op::min:
      return less(a, b) ? a : b;
    case Op::max:
      return less(a, b) ? b : a;
    case Op::neg:
      return -a;
    case Op::abs:
      return static_cast<uint64_t>(std::abs(extended(a, bytes)));
    case Op::and_:
      return a & b;
    case Op::or_:
      return a | b;
    case Op::xor_:
      return a ^ b;
    case Op::not_:
      return in.type == Type::pred ? a ^ 1 : ~a;
    case Op::shl:
      return masked(b, 4) >= width ? 0 : a << masked(b, 4);
    case Op::shr: {
      const uint64_t n = masked(b, 4);
      if (sign) return static_cast<uint64_t>(extended(a, bytes) >> (n >= width ? width - 1 : n));
      return n >= width ? 0 : masked(a, bytes) >> n;
    }
    case Op::bfi: {
      const uint64_t at = masked(c, 1), count = masked(d, 1);
      if (at >= width || count == 0) return b;
      const uint64_t mask = (count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << at;
      return (b & ~mask) | (a << at & mask);
    }
    case Op::popc:
      return static_cast<uint64_t>(std::popcount(masked(a, bytes)));
    case Op::clz:
      return static_cast<uint64_t>(std::countl_zero(masked(a, bytes))) - (64 - width);
    case Op::prmt:
      return permuted(a, b, c);
    default:
      unknown(in);
  }
}

bool compared(const Instruction& in, uint64_t a, uint64_t b) {
  std::string compare = in.compare;
  int order;  // -1, 0, 1, or 2: unordered
  const int bytes = size_of(in.type);
  const auto of = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2; };
  if (in.type == Type::f32)
    order = of(f32(a), f32(b));
  else if (in.type == Type::f64)
    order = of(f64(a), f64(b));
  else if (is_signed(in.type))
    order = of(extended(a, bytes), extended(b, bytes));
  else
    order = of(masked(a, bytes), masked(b, bytes));
  if (is_float(in.type) && compare == "nan") return order == 2;
  if (is_float(in.type) && compare == "num") return order != 2;
  if (is_float(in.type) && compare.size() == 3) {
    if (order == 2) return true;
    compare.pop_back();
  }
  if (order == 2) return false;
  if (compare == "eq") return order == 0;
  if (compare == "ne") return order != 0;
  if (compare == "lt" || compare == "lo") return order < 0;
  if (compare == "le" || compare == "ls") return order <= 0;
  if (compare == "gt" || compare == "hi") return order > 0;
  if (compare == "ge" || compare == "hs") return order >= 0;
  unknown(in);
}

uint64_t to_integer(const Instruction& in, double x) {
  if (std::isnan(x)) return 0;
  if (in.mode == "rzi")
    x = std::trunc(x);
  else if (in.mode == "rmi")
    x = std::floor(x);
  else if (in.mode == "rpi")
    x = std::ceil(x);
  else
    x = std::nearbyint(x);
  const int bits = 8 * size_of(in.type);
  const double low = is_signed(in.type) ? -std::ldexp(1.0, bits - 1) : 0;
  const double end = std::ldexp(1.0, is_signed(in.type) ? bits - 1 : bits);
  if (x < low) x = low;
  if (x >= end)
    return is_signed(in.type) ? (uint64_t{1} << (bits - 1)) - 1 : masked(~uint64_t{0}, bits / 8);
  return is_signed(in.type) ? static_cast<uint64_t>(static_cast<int64_t>(x))
                            : static_cast<uint64_t>(x);
}

uint64_t converted(const Instruction& in, uint64_t a, uint64_t b) {
  if (in.type == Type::f16x2) return uint64_t{float_to_half(f32(a))} << 16 | float_to_half(f32(b));
  if (in.type == Type::f16 && in.source == Type::f32) return float_to_half(f32(a));
  if (in.type == Type::f32 && in.source == Type::f16)
    return bits_of(half_to_float(static_cast<uint16_t>(a)));
  const int bytes = size_of(in.source);
  if (is_float(in.source)) {
    const double x = in.source == Type::f32 ? f32(a) : f64(a);
    if (!is_float(in.type)) return to_integer(in, x);
    const double y = in.mode == "rni"   ? std::nearbyint(x)
                     : in.mode == "rzi" ? std::trunc(x)
                     : in.mode == "rmi" ? std::floor(x)
                                        : x;
    const double z = in.saturate ? (y > 0 ? std::fmin(y, 1.0) : 0.0) : y;
    return in.type == Type::f32 ? bits_of(static_cast<float>(z)) : bits_of(z);
  }
  if (in.type == Type::f32)
    return bits_of(is_signed(in.source) ? static_cast<float>(extended(a, bytes))
                                        : static_cast<float>(masked(a, bytes)));
  if (in.type == Type::f64)
    return bits_of(is_signed(in.source) ? static_cast<double>(extended(a, bytes))
                                        : static_cast<double>(masked(a, bytes)));
  if (is_float(in.type)) unknown(in);
  return is_signed(in.source) ? static_cast<uint64_t>(extended(a, bytes)) : masked(a, bytes);
}

}  // namespace

uint64_t evaluate(const Instruction& in, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  const int bytes = size_of(in.type);
  switch (in.op) {
    case Op::setp:
      return compared(in, a, b) ? 1 : 0;
    case Op::selp:
      return masked((c & 1) != 0 ? a : b, bytes);
    case Op::cvt:
      return masked(converted(in, a, b), bytes);
    default:
      break;
  }
  if (in.type == Type::f32) return on_floats(in, a, b, c);
  if (in.type == Type::f64) return on_doubles(in, a, b, c);
  if (is_float(in.type)) unknown(in);
  const bool wide = in.mode == "wide";
  return masked(on_integers(in, a, b, c, d), in.op == Op::popc || in.op == Op::clz ? 4
                                             : wide                                ? 2 * bytes
                                                                                   : bytes);
}

// Written out, so that nothing is shared with the conversions under test.
float half_to_float(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31)
    return fraction != 0 ? std::numeric_limits<float>::quiet_NaN()
                         : sign * std::numeric_limits<float>::infinity();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}
uint16_t float_to_half(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return 0x7FFF;
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0f) return sign | 0x7C00;
  if (magnitude == 0) return sign;
  int exponent;
  std::frexp(magnitude, &exponent);               // magnitude in [2^(exponent-1), 2^exponent)
  const int unit = std::max(exponent - 11, -24);  // of the last place
  const float count = std::nearbyint(std::ldexp(magnitude, -unit));  // ties to even
  const int places = static_cast<int>(count);                        // up to 2048
  // A normal number: 1024 of its units are 2^10; adding carries into the exponent as it must.
  return static_cast<uint16_t>(sign | (places + ((unit + 24) << 10)));
}

}  // namespace vernissage::ptx_runs
