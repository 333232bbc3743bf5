#include "engine/cpu/convolution.h"

#include <vector>

#include "base/error.h"
#include "engine/cpu/vector.h"

namespace vernissage::cpu {

namespace {

using dnnl::algorithm;
using dnnl::memory;
constexpr auto kFloat = memory::data_type::f32;
constexpr auto kBlocked = kBlock == 16 ? memory::format_tag::nChw16c : memory::format_tag::nChw8c;

memory::desc blocked(int channels, int resolution) {
  return {{1, padded(channels), resolution, resolution}, kFloat, kBlocked};
}

/// (O, I, K, K) with both channel counts padded by zeros.
std::vector<float> pad(const ConvolutionShape& shape, std::span<const float> weight) {
  const size_t taps = size_t(shape.kernel) * shape.kernel;
  const size_t in = padded(shape.in_channels), out = padded(shape.out_channels);
  std::vector<float> all(out * in * taps);
  for (int o = 0; o < shape.out_channels; ++o)
    for (int i = 0; i < shape.in_channels; ++i)
      for (size_t t = 0; t < taps; ++t)
        all[(o * in + i) * taps + t] = weight[(size_t(o) * shape.in_channels + i) * taps + t];
  return all;
}

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

using Forward = dnnl::convolution_forward;
using Transposed = dnnl::deconvolution_forward;

/// Winograd needs 2.25 to 4 times fewer multiplications than the direct form, and oneDNN has it for
/// AVX-512 only; empty where it has none for this shape.
Forward::primitive_desc winograd(const memory::desc& x, const memory::desc& weight,
                                 const memory::desc& y, const dnnl::engine& engine) {
  try {
    const Forward::desc description(dnnl::prop_kind::forward_inference,
                                    algorithm::convolution_winograd, x, weight, y, {1, 1}, {1, 1},
                                    {1, 1});
    return {description, own_scratchpad(), engine};
  } catch (const dnnl::error& error) {
    if (error.status != dnnl_unimplemented) throw;
    return {};
  }
}

}  // namespace

template <class Primitive, class Description>
void Convolution::adopt(const Description& description, const dnnl::engine& engine,
                        const memory& plain) {
  implementation_ = description.impl_info_str();
  scratchpad_bytes_ = description.scratchpad_desc().get_size();
  memory from = plain, packed(description.weights_desc(), engine);
  dnnl::stream stream(engine);
  dnnl::reorder(from, packed).execute(stream, from, packed);
  stream.wait();
  arguments_ = {{DNNL_ARG_WEIGHTS, packed},
                {DNNL_ARG_SRC, memory(description.src_desc(), engine, nullptr)},
                {DNNL_ARG_DST, memory(description.dst_desc(), engine, nullptr)},
                {DNNL_ARG_SCRATCHPAD, memory(description.scratchpad_desc(), engine, nullptr)}};
  primitive_ = Primitive(description);
}

Convolution::Convolution(const ConvolutionShape& shape, std::span<const float> weight,
                         const dnnl::engine& engine) try {
  const int in = padded(shape.in_channels), out = padded(shape.out_channels);
  const int r = shape.in_resolution, k = shape.kernel;
  const memory::desc x = blocked(shape.in_channels, r);
  const memory::desc y = blocked(shape.out_channels, shape.transposed ? 2 * r + 1 : r);
  std::vector<float> all = pad(shape, weight);
  // A transposed convolution's weights are described output channels first as well.
  const memory plain({{out, in, k, k}, kFloat, memory::format_tag::oihw}, engine, all.data());
  const memory::desc any({out, in, k, k}, kFloat, memory::format_tag::any);
  const auto inference = dnnl::prop_kind::forward_inference;
  const memory::dim padding = k / 2;

  if (shape.transposed) {
    const Transposed::desc description(inference, algorithm::deconvolution_direct, x, any, y,
                                       {2, 2}, {0, 0}, {0, 0});
    adopt<Transposed>(Transposed::primitive_desc(description, own_scratchpad(), engine), engine,
                      plain);
    return;
  }
  if (k == 3)
    if (const auto chosen = winograd(x, any, y, engine)) {
      adopt<Forward>(chosen, engine, plain);
      return;
    }
  const Forward::desc description(inference, algorithm::convolution_direct, x, any, y, {1, 1},
                                  {padding, padding}, {padding, padding});
  adopt<Forward>(Forward::primitive_desc(description, own_scratchpad(), engine), engine, plain);
} catch (const dnnl::error& error) {
  throw Error(shape.name + ": oneDNN cannot prepare this convolution: " + error.what());
}

void Convolution::execute(dnnl::stream& stream, const float* x, float* y, void* scratchpad) {
  arguments_.at(DNNL_ARG_SRC).set_data_handle(const_cast<float*>(x));
  arguments_.at(DNNL_ARG_DST).set_data_handle(y);
  arguments_.at(DNNL_ARG_SCRATCHPAD).set_data_handle(scratchpad);
  primitive_.execute(stream, arguments_);
  stream.wait();
}

}  // namespace vernissage::cpu
