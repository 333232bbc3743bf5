// Start here: what other folders use of the engine.
//
//   auto network = load_network("generator.safetensors");
//   Generator generator(network, make_backend("auto", Precision::f32, 0), /*batch_max=*/8);
//   auto w  = generator.map(z_from_seed(85, generator.config().z_dim));
//   auto ws = broadcast_truncated(w, generator.w_avg(), generator.config().num_ws(), 0.7f, {});
//   auto rgb = generator.paint(ws);
#pragma once

#include "base/error.h"
#include "engine/backend.h"
#include "engine/formats/network.h"
#include "engine/stylegan2/generator.h"
#include "engine/stylegan2/latents.h"
