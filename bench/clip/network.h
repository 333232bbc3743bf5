// A CLIP network of a published size, with weights made from a seed: what the benchmarks run.
#pragma once

#include "engine/clip/clip_network.h"

namespace vernissage::bench {

/// ViT-B/32 with quick_gelu. The text tower has the published layers and a vocabulary of 1024:
/// nothing here reads words.
ClipNetwork vit_b32();

/// Multiply-adds of one picture, times two: products and attention, without the last block's
/// shortcut.
double image_flops(const ClipConfig& config);

}  // namespace vernissage::bench
