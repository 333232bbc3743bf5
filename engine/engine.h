// Start here: what other folders use of the engine.
//
//   auto network = load_network("generator.safetensors");
//   Generator generator(network, make_backend("auto", Precision::f32, 0), /*batch_max=*/8);
//   const Latent latent = latent_of_seed(85, /*label=*/0, generator.config());
//   auto rgb = generator.paint(sample_ws(generator, {&latent, 1}, /*psi=*/0.7f));
//
//   auto curator = load_clip("curator.safetensors");
//   auto encoder = make_clip_encoder(curator, "auto", Precision::f32, 0, /*batch_max=*/8);
//   auto embeddings = encoder->embed_tokens({Tokenizer(curator).encode("a red house")});
#pragma once

#include "base/error.h"
#include "engine/backend.h"
#include "engine/clip/clip_encoder.h"
#include "engine/clip/clip_network.h"
#include "engine/clip/tokenizer.h"
#include "engine/formats/network.h"
#include "engine/stylegan2/generator.h"
#include "engine/stylegan2/latents.h"
#include "engine/stylegan2/sampler.h"
