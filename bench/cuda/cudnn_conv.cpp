#include "bench/cuda/cudnn_conv.h"

#include <cudnn_graph.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vernissage::reference {
namespace {

constexpr int64_t kPlansMax = 32;
enum Operand : int64_t { kX = 1, kWeight = 2, kY = 3 };

void check_cudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char reason[512] = {};
  cudnnGetLastErrorString(reason, sizeof reason);
  throw Error(std::string("cuDNN: ") + what + ": " + cudnnGetErrorString(status) + ": " + reason);
}

struct Handle {
  Handle() { check_cudnn(cudnnCreate(&raw), "starting"); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { cudnnDestroy(raw); }

  cudnnHandle_t raw = nullptr;
};

// One of cuDNN's descriptors. Move-only.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(cudnnBackendDescriptorType_t type) {
    check_cudnn(cudnnBackendCreateDescriptor(type, &raw_), "a descriptor");
  }
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Descriptor() {
    if (raw_ != nullptr) cudnnBackendDestroyDescriptor(raw_);
  }

  cudnnBackendDescriptor_t raw() const { return raw_; }
  explicit operator bool() const { return raw_ != nullptr; }

  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T* values,
           int64_t count) {
    check_cudnn(cudnnBackendSetAttribute(raw_, name, type, count, values), "an attribute");
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    set(name, type, &value, 1);
  }
  void set(cudnnBackendAttributeName_t name, int64_t value) { set(name, CUDNN_TYPE_INT64, value); }
  void set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, other.raw_);
  }
  template <size_t COUNT>
  void set(cudnnBackendAttributeName_t name, const std::array<int64_t, COUNT>& values) {
    set(name, CUDNN_TYPE_INT64, values.data(), COUNT);
  }
  int64_t integer(cudnnBackendAttributeName_t name) const {
    int64_t value = 0, count = 0;
    check_cudnn(cudnnBackendGetAttribute(raw_, name, CUDNN_TYPE_INT64, 1, &count, &value),
                "reading an attribute");
    return value;
  }
  void finish(const char* what) { check_cudnn(cudnnBackendFinalize(raw_), what); }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

// A half tensor of logical dimensions (n, c, h, w), channels last in memory.
Descriptor tensor(int64_t id, int64_t n, int64_t c, int64_t h, int64_t w) {
  Descriptor made(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_HALF);
  made.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::array<int64_t, 4>{n, c, h, w});
  made.set(CUDNN_ATTR_TENSOR_STRIDES, std::array<int64_t, 4>{h * w * c, 1, w * c, c});
  made.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  made.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, int64_t{16});
  made.finish("a tensor");
  return made;
}

Descriptor convolution(int64_t padding, int64_t stride) {
  const std::array<int64_t, 2> paddings = {padding, padding};
  Descriptor made(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  made.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t{2});
  made.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  made.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
  made.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, paddings);
  made.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, paddings);
  made.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::array<int64_t, 2>{1, 1});
  made.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::array<int64_t, 2>{stride, stride});
  made.finish("a convolution");
  return made;
}

// Device memory that cuDNN scribbles on.
class Workspace {
 public:
  explicit Workspace(size_t bytes) {
    if (bytes != 0 && cudaMalloc(&data_, bytes) != cudaSuccess)
      throw Error("cuDNN: no memory for a workspace of " + std::to_string(bytes) + " bytes");
  }
  Workspace(Workspace&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Workspace& operator=(Workspace&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~Workspace() { cudaFree(data_); }
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

struct Plan {
  Descriptor plan, operands;
  Workspace workspace;
  int64_t engine = -1;
};

}  // namespace

struct CudnnConvolution::State {
  State(const CudnnShape& shape, cudaStream_t stream);

  std::vector<Descriptor> proposals() const;
  Plan build(const Descriptor& proposal, const void* x, const void* weight, void* y) const;
  void enqueue(const Plan& which) const {
    check_cudnn(cudnnBackendExecute(handle.raw, which.plan.raw(), which.operands.raw()), "running");
  }

  Handle handle;  // first, so that it outlives the descriptors
  Descriptor x, weight, y, geometry, operation, graph;
  Plan chosen{{}, {}, Workspace(0), -1};
  size_t tried = 0;
};

CudnnConvolution::State::State(const CudnnShape& shape, cudaStream_t stream) {
  check_cudnn(cudnnSetStream(handle.raw, stream), "setting the stream");
  const int64_t out_h = shape.up ? 2 * shape.h + 1 : shape.h;
  const int64_t out_w = shape.up ? 2 * shape.w + 1 : shape.w;
  x = tensor(kX, shape.n, shape.i, shape.h, shape.w);
  y = tensor(kY, shape.n, shape.o, out_h, out_w);
  const float one = 1, zero = 0;
  if (shape.up) {
    // The convolution whose gradient this is goes from y to x, so the roles of I and O change.
    weight = tensor(kWeight, shape.i, shape.o, 3, 3);
    geometry = convolution(/*padding=*/0, /*stride=*/2);
    operation = Descriptor(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, x);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, weight);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, y);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, geometry);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_TYPE_FLOAT, one);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, CUDNN_TYPE_FLOAT, zero);
  } else {
    weight = tensor(kWeight, shape.o, shape.i, 3, 3);
    geometry = convolution(/*padding=*/1, /*stride=*/1);
    operation = Descriptor(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weight);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, geometry);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, one);
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, zero);
  }
  operation.finish("the operation");
  graph = Descriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle.raw);
  graph.finish("the graph");
}

std::vector<Descriptor> CudnnConvolution::State::proposals() const {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, CUDNN_HEUR_MODE_A);
  heuristics.finish("the heuristics");
  int64_t count = 0;
  check_cudnn(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
              "counting the proposals");
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < std::min(count, kPlansMax); ++i) {
    found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(found.back().raw());
  }
  check_cudnn(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, int64_t(raw.size()), &count,
                                       raw.data()),
              "reading the proposals");
  found.resize(size_t(std::min(count, int64_t(found.size()))));
  return found;
}

Plan CudnnConvolution::State::build(const Descriptor& proposal, const void* from,
                                    const void* weights, void* to) const {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle.raw);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, proposal);
  plan.finish("a plan");

  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.raw();
  int64_t count = 0;
  check_cudnn(cudnnBackendGetAttribute(proposal.raw(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw),
              "the engine of a plan");

  Workspace workspace(size_t(plan.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE)));
  const std::array<int64_t, 3> ids = {kX, kWeight, kY};
  const std::array<const void*, 3> pointers = {from, weights, to};
  Descriptor operands(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  operands.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  operands.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers.data(), 3);
  operands.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace.data());
  operands.finish("the operands");
  const int64_t index = engine.integer(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
  return {std::move(plan), std::move(operands), std::move(workspace), index};
}

CudnnConvolution::CudnnConvolution(const CudnnShape& shape, cudaStream_t stream)
    : state_(std::make_unique<State>(shape, stream)) {}

CudnnConvolution::~CudnnConvolution() = default;

void CudnnConvolution::choose(const void* x, const void* weight, void* y,
                              const std::function<double(const std::function<void()>&)>& measure) {
  double best_s = 0;
  std::string refused = "no proposal";
  for (const Descriptor& proposal : state_->proposals()) {
    try {
      Plan plan = state_->build(proposal, x, weight, y);
      const double seconds = measure([&] { state_->enqueue(plan); });
      if (state_->tried++ == 0 || seconds < best_s) {
        best_s = seconds;
        state_->chosen = std::move(plan);
      }
    } catch (const Error& error) {
      refused = error.what();  // proposals are candidates: some do not fit the shape or a recording
    }
  }
  if (state_->tried == 0) throw Error("cuDNN has no engine for this convolution: " + refused);
}

void CudnnConvolution::enqueue() {
  VERNISSAGE_ASSERT_OP(state_->tried, >, size_t{0});
  state_->enqueue(state_->chosen);
}

std::string CudnnConvolution::describe() const {
  return "cuDNN " + cudnn_version() + " engine " + std::to_string(state_->chosen.engine) +
         ", fastest of " + std::to_string(state_->tried);
}

std::string cudnn_version() {
  const size_t version = cudnnGetVersion();  // 91900: major, minor, patch
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

}  // namespace vernissage::reference
