// The parts of vernissage-bench. Each registers its benchmarks; networks are loaded when the first
// benchmark that needs them runs.
#pragma once

namespace vernissage::bench {

/// cpu/{ours,torch}/{256,1024}: whole images on the CPU, from z to RGB8, batch 1. The two outputs
/// are compared before the first measurement; a difference beyond the bound is an Error.
void register_cpu_images(int threads);

/// When there is a CUDA device: measures its ceilings (a large copy, a large matrix product), adds
/// them to the context, and registers cuda/ceiling/…, cuda/kernel/… and the whole images. Without
/// one: says so and registers nothing.
void register_cuda();

/// cuda/kernel/NAME/SHAPE/bN. Assumes a device.
void register_cuda_kernels();
/// cuda/{ours,torch,torch_graph}/SIZE/bN and cuda_host/{ours,torch}/SIZE/bN. Assumes a device.
void register_cuda_images();

}  // namespace vernissage::bench
