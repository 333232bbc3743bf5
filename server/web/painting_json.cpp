#include "server/web/painting_json.h"

namespace vernissage::web {

void add_curation(http::Json& json, const gallery::Painting& painting) {
  if (!painting.placeholder.empty()) json.key("placeholder").value(painting.placeholder);
  if (!painting.why) return;
  const gallery::Why& why = *painting.why;
  json.key("why").begin('{').key("query").value(why.query);
  json.key("score").number(why.score).key("rank").value(why.rank).key("of").value(why.of).end('}');
}

}  // namespace vernissage::web
