// The parts of vernissage-bench. Each registers its benchmarks; networks are loaded when the first
// benchmark that needs them runs.
#pragma once

#include <string>

#include "bench/options.h"

namespace vernissage::bench {

/// cpu/{ours,torch}/{256,1024}: whole images on the CPU, from z to RGB8, batch 1. The two outputs
/// are compared before the first measurement; a difference beyond the bound is an Error.
void register_cpu_images(int threads);

/// cpu_clip/{ours,torch}/vit-b32/bN: pictures to unit embeddings on the CPU, and cpu_clip/resize/…:
/// one picture made ready. Embeddings are compared before the first measurement; a difference
/// beyond the bound is an Error.
void register_cpu_clip(int threads);

/// cpu_curation/shipped/bN: candidates painted and looked at by the networks in models/, side by
/// side; a batch's time, candidates/s, and each stage's share of the time.
void register_cpu_curation(int threads);

/// cpu_busy/shipped/besideN: pictures of the network in models/ painted beside N processes that do
/// nothing but compute: none, one, as many as cores; time of a picture, pictures/s.
void register_cpu_busy(int threads);

/// When there is a CUDA device: measures its ceilings (a large copy, a large matrix product), adds
/// them and the versions of the libraries to the context, and registers cuda/ceiling/… and
/// everything below, or with options.layer that layer alone. Without a device: says so and
/// registers nothing; Error with options.layer.
void register_cuda(const Options& options);

/// cuda/kernel/NAME/SHAPE/bN. Assumes a device.
void register_cuda_kernels();
/// cuda/kernel/{tile,tile_up,patch}/TILE/SHAPE/bN and cuda/kernel/mapping_layer/{ours,cublas}/bN.
/// Assumes a device.
void register_cuda_choices();
/// cuda/{ours,torch,torch_graph}/SIZE/bN and cuda_host/{ours,torch}/SIZE/bN. Assumes a device.
void register_cuda_images();
/// cuda_clip/{ours,torch}/vit-b32/bN: the image tower in half on pictures that lie on the device;
/// and cuda_clip/painted/256/bN: candidates of a curator, painted and embedded, from latents to
/// embeddings. Assumes a device.
void register_cuda_clip();
/// cuda/layer/{ours,cudnn}/SIZE/LAYER/bN for every layer, or for `only` unless it is empty. Assumes
/// a device.
void register_cuda_layers(int size, int batch, const std::string& only);

/// Paints config-f options.size at options.batch so that a profiler sees one image, or the one
/// layer. Throws Error when there is no device.
void profile_cuda(const Options& options);

}  // namespace vernissage::bench
