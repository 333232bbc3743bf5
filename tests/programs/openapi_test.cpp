// The contract at /openapi.json against the server that publishes it. Goal: every address is
// described, and answers with nothing but the statuses, media types and JSON that are written
// there. Method: the table of addresses against the document's paths; then a conversation with the
// program that reaches every described answer that needs no overload and no failure, each held
// against its description by a small validator of the parts of JSON Schema that the document uses.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cctype>
#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "server/routes/routes.h"
#include "tests/support/child.h"
#include "tests/support/json.h"
#include "tests/support/tiny_network.h"

namespace vernissage {
namespace {

using testing::Answer;
using testing::Child;
using testing::Json;
using testing::parse_json;
using testing::TemporaryDirectory;
using testing::Wire;

// ---- the document

class Contract {
 public:
  explicit Contract(const std::string& text) : document_(parse_json(text)) {}

  const Json& document() const { return document_; }

  /// Follows "$ref": "#/a/b".
  const Json& resolved(const Json& node) const {
    const Json* reference = node.find("$ref");
    if (!reference) return node;
    const Json* target = &document_;
    std::string path = reference->text.substr(2);
    while (!path.empty()) {
      const size_t slash = std::min(path.find('/'), path.size());
      target = &target->at(path.substr(0, slash));
      path.erase(0, slash + 1);
    }
    return *target;
  }

  /// "": `value` is as `schema` says; else where and why not.
  std::string fault(const Json& value, const Json& schema_node, const std::string& where) const {
    const Json& schema = resolved(schema_node);
    if (const Json* one_of = schema.find("oneOf")) {
      int fitting = 0;
      for (const Json& choice : one_of->items) fitting += fault(value, choice, where).empty();
      return fitting == 1 ? "" : where + ": fits " + std::to_string(fitting) + " of oneOf";
    }
    if (const Json* exact = schema.find("const"))
      if (value.text != exact->text) return where + ": expected " + exact->text;
    if (const Json* words = schema.find("enum")) {
      bool known = false;
      for (const Json& word : words->items) known |= word.text == value.text;
      if (!known) return where + ": '" + value.text + "' is none of the enum";
    }
    if (const Json* type = schema.find("type"))
      if (!is_of(value, type->text)) return where + ": expected " + type->text;
    if (value.kind == Json::Kind::object) return fault_of_object(value, schema, where);
    if (value.kind == Json::Kind::array) {
      const Json* max = schema.find("maxItems");
      if (max && value.items.size() > static_cast<size_t>(max->integer()))
        return where + ": too many items";
      for (const Json& item : value.items)
        if (const std::string found = fault(item, schema.at("items"), where + "[]"); !found.empty())
          return found;
    }
    return "";
  }

 private:
  static bool is_of(const Json& value, const std::string& type) {
    using Kind = Json::Kind;
    static const std::map<std::string, Kind> kinds = {
        {"object", Kind::object}, {"array", Kind::array},     {"string", Kind::string},
        {"null", Kind::null},     {"boolean", Kind::boolean}, {"integer", Kind::number},
        {"number", Kind::number}};
    const bool whole = type != "integer" || value.number == std::floor(value.number);
    return kinds.at(type) == value.kind && whole;
  }

  std::string fault_of_object(const Json& value, const Json& schema,
                              const std::string& where) const {
    const Json* required = schema.find("required");
    const Json* properties = schema.find("properties");
    if (required)
      for (const Json& name : required->items)
        if (!value.find(name.text)) return where + "." + name.text + ": is missing";
    if (!properties) return "";
    for (const auto& [name, member] : value.members) {
      const Json* described = properties->find(name);
      if (!described) return where + "." + name + ": is not described";
      if (const std::string found = fault(member, *described, where + "." + name); !found.empty())
        return found;
    }
    return "";
  }

  Json document_;
};

// "/rooms/{room}" → "/rooms/{}", as in our table.
std::string pattern_of(const std::string& path) {
  return std::regex_replace(path, std::regex("\\{[a-z]+\\}"), "{}");
}

// ---- a conversation

class OpenApi : public ::testing::Test {
 protected:
  OpenApi() {
    testing::hang_tiny_gallery(VERNISSAGE_BINARY, here_.path(), {"--per-room", "3"});
    server_.reset(new Child({VERNISSAGE_BINARY, "serve", "--gallery", (here_ / "gallery").string(),
                             "--device", "cpu", "--threads", "1", "--port", "0"},
                            here_ / "serve"));
    endpoint_ = server_->say("at http://(\\S+)\n");
    EXPECT_NE(endpoint_, "") << server_->err();
    contract_.emplace(testing::ask(endpoint_, "GET", "/openapi.json").body);
  }

  // Asks, and holds the answer against the description of `path`.
  Answer ask(const std::string& method, const std::string& path, const std::string& target,
             int status, const std::string& fields = "", const std::string& body = "") {
    SCOPED_TRACE(method + " " + target);
    Wire wire(endpoint_);
    wire.ask(method, target, fields, body);
    Answer answer = wire.receive();
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_NE(answer.field("X-Request-Id"), "");
    const Json* item = contract_->document().at("paths").find(path);
    std::string lower = method;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    const Json* operation = item ? item->find(lower) : nullptr;
    if (!operation) {
      ADD_FAILURE() << "not described: " << path;
      return answer;
    }
    const std::string code = std::to_string(answer.status);
    const Json* described = operation->at("responses").find(code);
    if (!described) {
      ADD_FAILURE() << "status not described: " << code;
      return answer;
    }
    seen_.insert(lower + " " + path + " " + code);
    check(answer, contract_->resolved(*described));
    // A Range is for GET alone (RFC 9110, 14.2), and HEAD opens no stream that could go on.
    const bool get_only = fields.find("Range: ") != std::string::npos ||
                          fields.find("Last-Event-ID: ") != std::string::npos;
    if (method == "GET" && !get_only) check_head(target, fields, answer);
    return answer;
  }

  void check(const Answer& answer, const Json& described) {
    if (const Json* headers = described.find("headers")) {
      for (const auto& [name, header] : headers->members) EXPECT_NE(answer.field(name), "") << name;
    }
    std::string type = answer.field("Content-Type");
    type = type.substr(0, type.find(';'));
    const Json* content = described.find("content");
    if (!content) {
      EXPECT_EQ(answer.body, "") << "no body is described";
      return;
    }
    const Json* media = content->find(type);
    ASSERT_NE(media, nullptr) << "media type not described: " << type;
    const Json* schema = media->find("schema");
    if (schema && type.ends_with("json")) {
      EXPECT_EQ(contract_->fault(parse_json(answer.body), *schema, "body"), "") << answer.body;
    }
  }

  void check_head(const std::string& target, const std::string& fields, const Answer& got) {
    Wire wire(endpoint_);
    wire.ask("HEAD", target, fields);
    const Answer head = wire.receive_head();
    EXPECT_EQ(head.status, got.status);
    EXPECT_EQ(head.field("Content-Type"), got.field("Content-Type"));
  }

  TemporaryDirectory here_;
  std::unique_ptr<Child> server_;
  std::string endpoint_;
  std::optional<Contract> contract_;
  std::set<std::string> seen_;  // "get /rooms/{room} 200"
};

TEST_F(OpenApi, DescribesEveryAddressAndNoOther) {
  std::map<std::string, std::string> described, served;
  for (const auto& [path, item] : contract_->document().at("paths").members)
    for (const auto& [method, operation] : item.members)
      described[pattern_of(path)] += method == "get" ? "GET, HEAD" : "POST";
  for (const auto& [pattern, methods] : http::all_routes())
    served[std::string(pattern)] = std::string(methods);
  EXPECT_EQ(described, served);
}

TEST_F(OpenApi, IsInItselfSound) {
  EXPECT_TRUE(contract_->document().at("openapi").text.starts_with("3.1."));
  std::set<std::string> names;
  for (const auto& [path, item] : contract_->document().at("paths").members)
    for (const auto& [method, operation] : item.members) {
      EXPECT_TRUE(names.insert(operation.at("operationId").text).second) << path;
      // Each {name} of the path is described, and nothing else is in it.
      std::set<std::string> given, wanted;
      const std::regex brace("\\{([a-z]+)\\}");
      for (std::sregex_iterator at(path.begin(), path.end(), brace), end; at != end; ++at)
        wanted.insert((*at)[1]);
      if (const Json* parameters = operation.find("parameters"))
        for (const Json& node : parameters->items) {
          const Json& parameter = contract_->resolved(node);
          if (parameter.at("in").text == "path") given.insert(parameter.at("name").text);
        }
      EXPECT_EQ(given, wanted) << path;
    }
}

TEST_F(OpenApi, EveryAnswerIsAsDescribed) {
  const std::string text = testing::ask(endpoint_, "GET", "/api/v1/rooms/city").body;
  std::vector<std::string> ids;
  const Json room = parse_json(text);
  for (const Json& painting : room.at("paintings").items) ids.push_back(painting.at("id").text);
  ASSERT_EQ(ids.size(), 3u);
  const std::string nobody(26, 'a');
  const auto tag = [](const Answer& answer) {
    return "If-None-Match: " + answer.field("ETag") + "\r\n";
  };
  const auto both = [&](const std::string& path, const std::string& target) {
    ask("GET", path, target, 304, tag(ask("GET", path, target, 200)));
  };
  const std::string page = "Accept: text/html\r\n";

  both("/", "/");
  both("/rooms/{room}", "/rooms/city");
  ask("GET", "/rooms/{room}", "/rooms/nowhere", 404, page);
  both("/paintings/{id}", "/paintings/" + ids[0]);
  ask("GET", "/paintings/{id}", "/paintings/" + nobody, 404);
  both("/studio", "/studio");
  ask("GET", "/studio", "/studio?from=x", 400);
  ask("GET", "/rooms/{room}", "/rooms/city?q=1&show=free&page=1&lang=ru", 200);
  ask("GET", "/rooms/{room}", "/rooms/city?page=0", 400);
  both("/drift", "/drift?at=" + ids[1]);
  ask("GET", "/drift", "/drift?at=" + nobody, 404);
  ask("GET", "/drift", "/drift?page=x", 400);
  ask("GET", "/api/v1/studio/{print}", "/api/v1/studio/7.png", 200);
  both("/favicon.svg", "/favicon.svg");
  both("/favicon.ico", "/favicon.ico");
  const std::string home = testing::ask(endpoint_, "GET", "/").body;
  std::smatch match;
  ASSERT_TRUE(std::regex_search(home, match, std::regex("/assets/[^\"]+\\.css")));
  for (const auto& [path, target] :
       {std::pair<std::string, std::string>("/assets/{name}", match[0]),
        {"/paintings/{id}/{size}", "/paintings/" + ids[0] + "/192.webp"},
        {"/paintings/{id}/{size}", "/paintings/" + ids[0] + "/192.jpg"},
        {"/api/v1/studio/{print}", "/api/v1/studio/7.jpg"}}) {
    both(path, target);
    ask("GET", path, target, 206, "Range: bytes=0-1\r\n");
    ask("GET", path, target, 416, "Range: bytes=99999999-\r\n");
    ask("GET", path, target + "x", 404);
  }

  both("/api/v1/gallery", "/api/v1/gallery");
  both("/api/v1/rooms/{room}", "/api/v1/rooms/city");
  ask("GET", "/api/v1/rooms/{room}", "/api/v1/rooms/nowhere", 404);
  ask("GET", "/api/v1/rooms/{room}", "/api/v1/rooms/city?q=untitled&show=free", 200);
  ask("GET", "/api/v1/rooms/{room}", "/api/v1/rooms/city?show=all", 400);
  both("/api/v1/paintings/{id}", "/api/v1/paintings/" + ids[0]);
  ask("GET", "/api/v1/paintings/{id}", "/api/v1/paintings/" + nobody, 404);
  both("/api/v1/state", "/api/v1/state");
  both("/openapi.json", "/openapi.json");
  ask("GET", "/healthz", "/healthz", 200);
  ask("GET", "/readyz", "/readyz", 200);

  // Visitors: two of them, one painting.
  const auto known = [&] {
    const std::string cookie = ask("GET", "/api/v1/me", "/api/v1/me", 200).field("Set-Cookie");
    return "Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n";
  };
  const std::string ada = known(), ben = known();
  const std::string json = "Content-Type: application/json\r\n";
  const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
  const auto body = [](const std::string& id, const std::string& plaque = "Ada") {
    return "{\"painting\":\"" + id + "\",\"plaque\":\"" + plaque + "\"}";
  };
  const auto claim = [&](int status, const std::string& fields, const std::string& sent) {
    ask("POST", "/api/v1/claims", "/api/v1/claims", status, fields, sent);
  };
  claim(400, ada + json, "{");
  claim(403, json, body(ids[0]));
  claim(404, ada + json, body(nobody));
  claim(415, ada + form, body(ids[0]));
  claim(422, ada + json, body(ids[0], std::string(100, 'x')));
  claim(201, ada + json + "Idempotency-Key: k\r\n", body(ids[0]));
  claim(200, ada + json + "Idempotency-Key: k\r\n", body(ids[0]));
  claim(409, ada + json, body(ids[1]));
  claim(409, ben + json, body(ids[0], "Ben"));
  ask("GET", "/api/v1/me", "/api/v1/me", 200, ada);
  ask("GET", "/mine", "/mine", 200, ada);

  const std::string full = "/paintings/" + ids[0] + "/full.png";
  const auto end = std::chrono::steady_clock::now() + testing::kPatience;
  while (testing::ask(endpoint_, "GET", full, ada).status != 200 &&
         std::chrono::steady_clock::now() < end)
    ::usleep(10000);
  const Answer picture = ask("GET", "/paintings/{id}/full.png", full, 200, ada);
  ask("GET", "/paintings/{id}/full.png", full, 206, ada + "Range: bytes=0-1\r\n");
  ask("GET", "/paintings/{id}/full.png", full, 416, ada + "Range: bytes=99999999-\r\n");
  ask("GET", "/paintings/{id}/full.png", full, 304, ada + tag(picture));
  ask("GET", "/paintings/{id}/full.png", full, 404, ben);
  both("/certificates/{id}", "/certificates/" + ids[0]);
  ask("GET", "/certificates/{id}", "/certificates/" + ids[0], 200, page);
  ask("GET", "/certificates/{id}", "/certificates/" + ids[1], 404);

  // The form.
  const std::string asked = "/paintings/" + ids[1] + "/claim";
  const std::string form_path = "/paintings/{id}/claim";
  const auto token_of = [&](const std::string& id, const std::string& cookie) {
    const std::string sheet =
        testing::ask(endpoint_, "GET", "/paintings/" + id + "/claim", cookie).body;
    std::smatch found;
    const std::regex field("name=\"token\" value=\"([^\"]+)\"");
    EXPECT_TRUE(std::regex_search(sheet, found, field)) << sheet;
    return "&token=" + found[1].str();
  };
  const std::string late = token_of(ids[2], ben);
  ask("GET", form_path, asked, 200, ben);
  ask("GET", form_path, asked, 303, ada);
  ask("GET", form_path, "/paintings/" + nobody + "/claim", 404);
  const std::string token = token_of(ids[1], ben);
  const auto post = [&](int status, const std::string& fields, const std::string& sent) {
    ask("POST", "/claims", "/claims", status, fields, sent);
  };
  post(400, ben + form, "painting=%");
  post(403, ben + form, "painting=" + ids[1] + "&token=x");
  post(415, ben + json, "painting=" + ids[1] + token);
  post(422, ben + form, "painting=" + ids[1] + token + "&plaque=" + std::string(100, 'x'));
  post(303, ben + form, "painting=" + ids[1] + token);
  post(409, ben + form, "painting=" + ids[2] + late);

  // Streams: their heads, which is all that has a fixed shape.
  const auto stream = [&](const std::string& path, const std::string& target) {
    Wire wire(endpoint_);
    wire.ask("GET", target);
    const Answer head = wire.receive_head();
    EXPECT_EQ(head.status, 200) << target;
    seen_.insert("get " + path + " 200");
    const Json& described = contract_->resolved(
        contract_->document().at("paths").at(path).at("get").at("responses").at("200"));
    std::string type = head.field("Content-Type");
    EXPECT_NE(described.at("content").find(type.substr(0, type.find(';'))), nullptr) << type;
    check_head(target, "", head);
  };
  stream("/api/v1/rooms/{room}/stream", "/api/v1/rooms/city/stream");
  ask("GET", "/api/v1/rooms/{room}/stream", "/api/v1/rooms/city/stream?from=x", 400);
  ask("GET", "/api/v1/rooms/{room}/stream", "/api/v1/rooms/nowhere/stream", 404);
  stream("/api/v1/events", "/api/v1/events");
  ask("GET", "/api/v1/events", "/api/v1/events", 400, "Last-Event-ID: x\r\n");
  stream("/api/v1/flow", "/api/v1/flow?from=" + ids[0] + "&to=" + ids[1]);
  ask("GET", "/api/v1/flow", "/api/v1/flow", 400);
  ask("GET", "/api/v1/flow", "/api/v1/flow?from=" + ids[0] + "&to=" + nobody, 404);

  // What was described and not met: only what takes overload, failure, a proxy that logs people in,
  // or a token of one visitor with another's painting.
  const std::set<std::string> elsewhere = {"get /mine 403", "get /api/v1/me 403",
                                           "get /paintings/{id}/claim 403", "post /claims 404"};
  for (const auto& [path, item] : contract_->document().at("paths").members)
    for (const auto& [method, operation] : item.members)
      for (const auto& [code, response] : operation.at("responses").members) {
        const std::string name = method + " " + path + " " + code;
        if (code == "429" || code == "500" || code == "503" || elsewhere.contains(name)) continue;
        EXPECT_TRUE(seen_.contains(name)) << "described, and not met: " << name;
      }
}

}  // namespace
}  // namespace vernissage
