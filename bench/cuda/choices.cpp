// Choices that only a measurement can settle, every candidate beside the others: the tile of a
// convolution, at every shape of config-f 1024, and how a layer of the mapping network is made.
// What wins belongs into kernels/convolution/conv_tiles.h.
#include <cublas_v2.h>

#include <cmath>
#include <memory>
#include <string>

#include "base/error.h"
#include "bench/cuda/kernels.h"
#include "bench/suites.h"
#include "kernels/convolution/conv_mma.h"
#include "kernels/kernels.h"

namespace vernissage::bench {
namespace {

constexpr int kResolution = 1024;
constexpr int kWidth = 512;  // of the mapping network
const ToRgb<f16> kNoPicture = {};

std::string name_of_tile(const std::string& kernel, const TileShape& tile) {
  return kernel + "/" + std::to_string(tile.block_m) + "x" + std::to_string(tile.block_n) + "x" +
         std::to_string(tile.block_k) + "/";
}

void register_tiles(int n, int side, const std::string& batch) {
  const int c = channels(side);
  for (int tile = 0; tile < kConvTileCount; ++tile) {
    register_kernel(name_of_tile("tile", kConvTiles[tile]) + shape(side, c, c) + batch, [=] {
      const ModulatedConv<f16> op = layer_conv(n, side);
      return kernel_work(op, [op, tile] {
        run_on_tile(product_of(op), kNoPicture, tile, memory().timer.stream());
      });
    });
    if (side == 4) continue;
    register_kernel(
        name_of_tile("tile_up", kConvTiles[tile]) + shape(side, channels(side / 2), c) + batch,
        [=] {
          const TransposedConv<f16> op = layer_transposed_conv(n, side);
          return kernel_work(op, [op, tile] {
            run_on_tile(product_of(op), kNoPicture, tile, memory().timer.stream());
          });
        });
  }
  if (!fits_patches(side, side, c, c)) return;
  for (int tile = 0; tile < kPatchTileCount; ++tile)
    register_kernel(name_of_tile("patch", kPatchTiles[tile]) + shape(side, c, c) + batch, [=] {
      const ModulatedConv<f16> op = layer_conv(n, side);
      return kernel_work(op, [op, tile] {
        run_on_patches(product_of(op), kNoPicture, tile, memory().timer.stream());
      });
    });
}

FullyConnected mapping_layer(int n) {
  FullyConnected op;
  op.x = memory().single("mapping x", int64_t(n) * kWidth);
  op.weight = memory().single("mapping weight", int64_t(kWidth) * kWidth);
  op.bias = memory().single("bias", kWidth);
  op.y = memory().single("mapping y", int64_t(n) * kWidth);
  op.n = n, op.i = op.o = kWidth;
  op.act = Activation::lrelu;
  op.gain = std::sqrt(2.0f);
  return op;
}

class Cublas {
 public:
  Cublas() {
    if (cublasCreate(&handle_) != CUBLAS_STATUS_SUCCESS) throw Error("cuBLAS cannot be started");
    cublasSetStream(handle_, memory().timer.stream());
    cublasSetWorkspace(handle_, workspace_.at_least(kWorkspaceBytes, DeviceBuffer::Fill::f32),
                       kWorkspaceBytes);
  }
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;
  ~Cublas() { cublasDestroy(handle_); }

  // The product in float32, then bias and activation in a launch of their own.
  void enqueue(const FullyConnected& op) {
    const float one = 1, zero = 0;
    const auto status = cublasSgemm(handle_, CUBLAS_OP_T, CUBLAS_OP_N, op.o, op.n, op.i, &one,
                                    op.weight, op.i, op.x, op.i, &zero, op.y, op.o);
    if (status != CUBLAS_STATUS_SUCCESS)
      throw Error("cublasSgemm failed with status " + std::to_string(int(status)));
    NoiseBiasAct<float> end;
    end.x = op.y, end.y = op.y;
    end.n = op.n, end.h = end.w = 1, end.o = op.o;
    end.epilogue.bias = op.bias;
    end.epilogue.act = op.act, end.epilogue.gain = op.gain;
    noise_bias_act(end, memory().timer.stream());
  }

 private:
  static constexpr size_t kWorkspaceBytes = size_t{64} << 20;  // ours, so that it may be recorded

  cublasHandle_t handle_ = nullptr;
  DeviceBuffer workspace_;
};

Cublas& cublas() {
  static Cublas shared;
  return shared;
}

}  // namespace

void register_cuda_choices() {
  for (const int n : {1, 8}) {
    const std::string batch = "/b" + std::to_string(n);
    if (conv_path() == ConvPath::mma)
      for (int side = 4; side <= kResolution; side *= 2) register_tiles(n, side, batch);
    register_kernel("mapping_layer/ours" + batch, [=] {
      const FullyConnected op = mapping_layer(n);
      return kernel_work(op, [op] { fully_connected(op, memory().timer.stream()); });
    });
    register_kernel("mapping_layer/cublas" + batch, [=] {
      const FullyConnected op = mapping_layer(n);
      return kernel_work(op, [op] { cublas().enqueue(op); });
    });
  }
}

}  // namespace vernissage::bench
