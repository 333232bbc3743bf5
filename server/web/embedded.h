// The files of server/web/files as they were when the binary was built.
#pragma once

#include <span>
#include <string_view>

namespace vernissage::web {

struct EmbeddedFile {
  std::string_view name;  // "css/base.css"
  std::string_view bytes;
};

/// Defined in a source that cmake/embed.cmake writes.
std::span<const EmbeddedFile> embedded_files();

}  // namespace vernissage::web
