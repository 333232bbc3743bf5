#pragma once

namespace CLI {
class App;
}

namespace vernissage {

/// `embed --curator C (--text … | --text-file F | --image F…) --out F.npy`: unit embeddings as an
/// array.
void add_embed_command(CLI::App& app);

}  // namespace vernissage
