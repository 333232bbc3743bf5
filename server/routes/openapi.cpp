#include "server/routes/openapi.h"

#include <algorithm>

#include "base/error.h"
#include "server/routes/answers.h"
#include "server/web/embedded.h"

namespace vernissage::http {

// Always of this binary, whatever files the pages are made of: it says what this program does.
Handled openapi(App&, const Request& request) {
  const auto files = web::embedded_files();
  const auto found = std::find_if(files.begin(), files.end(), [](const web::EmbeddedFile& file) {
    return file.name == "openapi.json";
  });
  VERNISSAGE_ASSERT(found != files.end());
  return etag_response(request, "application/json", std::string(found->bytes));
}

}  // namespace vernissage::http
