// products.h by cuBLAS. The library weighs half a gigabyte and only CLIP asks for it, so it is
// neither linked in nor needed for the program to start: it is opened when the first encoder is
// made.
#include <cublas_v2.h>
#include <dlfcn.h>

#include <type_traits>

#include "base/error.h"
#include "engine/cuda/clip/products.h"

namespace vernissage {
namespace {

/// What NVIDIA recommends for compute capability 9.0; given in advance, so that nothing is
/// allocated later.
constexpr size_t kWorkspaceBytes = 32 << 20;

/// The functions used, as cublas_v2.h declares them.
struct Cublas {
  decltype(&cublasCreate_v2) create;
  decltype(&cublasDestroy_v2) destroy;
  decltype(&cublasGetVersion_v2) version;
  decltype(&cublasSetStream_v2) set_stream;
  decltype(&cublasSetWorkspace_v2) set_workspace;
  decltype(&cublasSetMathMode) set_math_mode;
  // Written out, since C++ knows several functions of this name.
  cublasStatus_t (*gemm)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k,
                         const void* alpha, const void* a, cudaDataType, int lda, const void* b,
                         cudaDataType, int ldb, const void* beta, void* c, cudaDataType, int ldc,
                         cublasComputeType_t, cublasGemmAlgo_t);
  decltype(&cublasGetStatusString) status_string;

  Cublas();
};

Cublas::Cublas() {
  const std::string name = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
  // Where the system looks, then beside the toolkit that this was built with.
  const std::string beside = std::string(VERNISSAGE_CUDA_LIBRARY_DIR) + "/" + name;
  void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* reason = library == nullptr ? dlerror() : "";
  const std::string first_reason = reason != nullptr ? reason : "";
  if (library == nullptr) library = dlopen(beside.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw Error("CUDA: CLIP needs cuBLAS: " + first_reason + "; nor is there " + beside);
  const auto find = [&](auto& function, const char* symbol) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, symbol));
    if (function == nullptr) throw Error("CUDA: " + name + " has no function " + symbol);
  };
  find(create, "cublasCreate_v2");
  find(destroy, "cublasDestroy_v2");
  find(version, "cublasGetVersion_v2");
  find(set_stream, "cublasSetStream_v2");
  find(set_workspace, "cublasSetWorkspace_v2");
  find(set_math_mode, "cublasSetMathMode");
  find(gemm, "cublasGemmEx");
  find(status_string, "cublasGetStatusString");
}

/// Opened once and kept: cuBLAS holds state of the process.
const Cublas& cublas() {
  static const Cublas functions;
  return functions;
}

void require(cublasStatus_t status, const std::string& what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw Error("CUDA: cuBLAS: " + what + ": " + cublas().status_string(status));
}

template <class T>
constexpr cudaDataType_t kType = std::is_same_v<T, f16> ? CUDA_R_16F : CUDA_R_32F;

}  // namespace

struct DeviceProducts::State {
  DeviceMemory workspace{kWorkspaceBytes, "cuBLAS"};
  cublasHandle_t handle = nullptr;
  ~State() {
    if (handle != nullptr) cublas().destroy(handle);
  }
};

DeviceProducts::DeviceProducts(DeviceRuntime& runtime) {
  cublas();  // its absence is said before anything is allocated
  state_ = std::make_unique<State>();
  require(cublas().create(&state_->handle), "starting it");
  require(cublas().set_stream(state_->handle, runtime.stream()), "its stream");
  require(cublas().set_workspace(state_->handle, state_->workspace.data(), kWorkspaceBytes),
          "its workspace");
  // Sums of halves stay float32 to the end; products of floats are products of floats (no TF32).
  require(cublas().set_math_mode(
              state_->handle,
              static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH |
                                        CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)),
          "its precision");
}

DeviceProducts::~DeviceProducts() = default;

std::string DeviceProducts::describe() const {
  int version = 0;
  require(cublas().version(state_->handle, &version), "its version");
  return "cuBLAS " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100);
}

bool DeviceProducts::depend_on_rows() {
  return true;
}

/// Rows here are columns there: y' = weight · x' with the weight transposed.
template <class T, class Y>
void DeviceProducts::run(const MatrixProduct<T, Y>& op) {
  VERNISSAGE_ASSERT(op.m >= 1 && op.n >= 1 && op.k >= 1);
  VERNISSAGE_ASSERT(op.x_stride >= op.k && op.y_stride >= op.n);
  const float one = 1, kept = op.add ? 1.0f : 0.0f;
  require(cublas().gemm(state_->handle, CUBLAS_OP_T, CUBLAS_OP_N, op.n, op.m, op.k, &one, op.weight,
                        kType<T>, op.k, op.x, kType<T>, op.x_stride, &kept, op.y, kType<Y>,
                        op.y_stride, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
          "a product of " + std::to_string(op.m) + " x " + std::to_string(op.k) + " and " +
              std::to_string(op.k) + " x " + std::to_string(op.n));
}

template void DeviceProducts::run(const MatrixProduct<float, float>&);
template void DeviceProducts::run(const MatrixProduct<f16, f16>&);
template void DeviceProducts::run(const MatrixProduct<f16, float>&);

}  // namespace vernissage
