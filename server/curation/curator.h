// The network that relates words and pictures, as the commands use it: which file, which device,
// words to embeddings with every trap on the way refused by name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace CLI {
class App;
}

namespace vernissage {

struct CuratorOptions {
  std::string path;
  std::string device = "auto";
  std::string precision = "f32";
  int batch = 0;    // texts or pictures at once; 0: 32
  int threads = 0;  // of the CPU; 0: all cores
};

/// --curator, --device, --precision, --batch, --threads.
void add_curator_options(CLI::App& command, CuratorOptions& options);
/// --threads, or as many as this machine has.
int usable_threads(const CuratorOptions& options);

/// A text and where it came from: "--text", "words.txt, line 3".
struct NamedText {
  std::string where;
  std::string text;
};

class Curator {
 public:
  /// Loads the network onto the device. Throws Error naming the path.
  explicit Curator(const CuratorOptions& options);

  ClipEncoder& encoder() { return *encoder_; }
  const ClipConfig& config() const { return encoder_->config(); }
  int batch() const { return batch_; }

  /// Unit embeddings (N, E). Throws Error naming the text that has no words, or holds a token's
  /// literal; before anything is embedded. A text that is longer than the network reads is cut,
  /// which stderr says.
  std::vector<float> embed_texts(const std::vector<NamedText>& texts);

 private:
  std::string path_;
  int batch_;
  std::optional<Tokenizer> tokenizer_;  // none: the network came without
  std::unique_ptr<ClipEncoder> encoder_;
};

}  // namespace vernissage
